/**
 * Verify a login that the Ankong agent made: one file, node:crypto, no dependencies.
 *
 * Load authorities, lists and origins once, when your server starts: what is wrong with them throws
 * there. Then call `verifyLogin` with each token, after your session's challenge was used up.
 * Nothing is ever accepted because something was missing.
 *
 * @module ankong-verify
 */

import { createHash, createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";

/** @typedef {"signature_invalid"|"wrong_content_type"|"wrong_key_usage"|"certificate_untrusted"|"certificate_expired"|"certificate_not_yet_valid"|"certificate_revoked"|"revocation_unknown"|"profile_mismatch"|"malformed"|"origin_mismatch"|"challenge_mismatch"|"purpose_mismatch"} Code */
/** @typedef {"login"|"identify"} Purpose */
/** @typedef {{name: string|null, idLast4: string|null, subjectSerial: string, issuer: string}} Holder a name is nobody's identity: see `accountKey` */
/** @typedef {{holder: Holder, origin: string, purpose: Purpose, time: string}} Login `time` is by the citizen's clock: for the log alone */
/** @typedef {{roots: Authority[], cas: Authority[], lists: RevocationList[]}} Trust */
/** @typedef {Trust & {origins: string[], challenge: string, purpose?: Purpose, now?: Date}} Options `challenge` is the base64url text that was redeemed */
/** @typedef {{tag: number, raw: Buffer, body: Buffer, parts: Element[]}} Element one element of DER; `raw` is all of it */

/** The token is refused: tell the page the code, and your log the message. */
export class VerificationError extends Error {
  /** @param {Code} code @param {string} detail */
  constructor(code, detail) {
    super(`${code}: ${detail}`);
    this.name = "VerificationError";
    this.code = code;
    this.detail = detail;
  }
}

const MAX_TOKEN = 64 * 1024; // octets
const LOGIN = "061369c7e9888fdfabaa87899cc0a8e7e8e8b9d136"; // compared as octets: no number holds it
const SIGNED_DATA = "06092a864886f70d010702";
const CONTENT_TYPE = "06092a864886f70d010903";
const MESSAGE_DIGEST = "06092a864886f70d010904";
const SIGNING_CERTIFICATE = "060b2a864886f70d010910022f";
const [COMMON_NAME, SERIAL_NUMBER, ID_LAST4] = ["0603550403", "0603550405", "060760867601640233"];
const NAMES = new Map([["0603550406", "C"], ["060355040a", "O"], ["060355040b", "OU"], [COMMON_NAME, "CN"], [SERIAL_NUMBER, "serialNumber"]]);
const [KEY_USAGE, BASIC_CONSTRAINTS, DIRECTORY] = ["0603551d0f", "0603551d13", "0603551d09"];
const UNDERSTOOD = [KEY_USAGE, BASIC_CONSTRAINTS, "0603551d20", "0603551d11"]; // policies, other names
const LIMITING = ["0603551d1e", "0603551d1b", "0603551d1c"]; // name constraints; delta lists and parts of lists
const DIGITAL_SIGNATURE = 0x80, CERT_SIGN = 0x04, CRL_SIGN = 0x02; // the first octet of a key usage
/** @param {string} oid an AlgorithmIdentifier with NULL and without (RFC 5754 §2) */
const identifiers = (oid) => [`300d${oid}0500`, `300b${oid}`];
const RSA = identifiers("06092a864886f70d010101");
/** @param {string} arcs @param {string[]} last of SHA-256, SHA-384, SHA-512 @returns {Map<string, string>} */
const byHash = (arcs, last) => new Map(last.flatMap((end, index) => identifiers(arcs + end).map((each) => [each, ["sha256", "sha384", "sha512"][index]])));
const DIGESTS = byHash("06096086480165030402", ["01", "02", "03"]);
const SIGNATURES = byHash("06092a864886f70d0101", ["0b", "0c", "0d"]);
const STATEMENT = /^\{"type":"ankong\.authenticate\.v1","purpose":"(login|identify)","origin":"([a-z0-9:/.[\]_-]{8,255})","challenge":"([A-Za-z0-9_-]{43,86})","time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)"\}$/;
const ORIGIN = /^(?:https:\/\/(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?!:443$)|http:\/\/(?:(?:[a-z0-9_-]+\.)*localhost|127\.0\.0\.1|\[::1\])(?!:80$))(?::([1-9][0-9]{0,4}))?$/;

/** @param {Code} code @param {string} detail @returns {never} */
function refuse(code, detail) {
  throw new VerificationError(code, detail);
}

/** @param {unknown} condition @param {string} detail @returns {asserts condition} */
function need(condition, detail) {
  if (!condition) refuse("signature_invalid", detail);
}

/** @param {{raw: Buffer}|undefined} element */
const hex = (element) => element?.raw.toString("hex") ?? "";

/** Read one header of DER: where its contents begin and end. @param {Buffer} octets @param {number} at @param {number} limit */
function header(octets, at, limit) {
  let [start, length] = [at + 2, octets[at + 1]];
  if (start <= limit && length >= 0x80) {
    const count = length & 0x7f;
    need(count >= 1 && count <= 4 && start + count <= limit, "a length that is no DER");
    length = octets.readUIntBE(start, count);
    need(length >= 0x80 && length >= 2 ** (8 * (count - 1)), "a length that is not the shortest");
    start += count;
  }
  need(start + length <= limit, "cut short");
  return { tag: octets[at], start, end: start + length };
}

/** Read elements of strict DER, to the bottom. @param {Buffer} octets @param {number} depth @returns {Element[]} */
function read(octets, depth = 0) {
  need(depth <= 32, "nested too deep");
  const found = [];
  for (let at = 0; at < octets.length; ) {
    const { tag, start, end } = header(octets, at, octets.length);
    const body = octets.subarray(start, end);
    need((tag & 0x1f) !== 0x1f && tag !== 0, "a tag that has no place here");
    if (tag < 0x40) need((tag === 0x30 || tag === 0x31) === tag > 0x1f, "a string in pieces");
    if (tag === 0x01) need(body.length === 1 && [0x00, 0xff].includes(body[0]), "a boolean that is no DER");
    if (tag === 0x02) need(isShortest(body), "an integer that is no DER");
    if (tag === 0x05) need(body.length === 0, "a NULL that is none");
    found.push({ tag, raw: octets.subarray(at, end), body, parts: tag & 0x20 ? read(body, depth + 1) : [] });
    at = end;
  }
  return found;
}

/** Whether an integer has no octet too many. @param {Buffer} body */
function isShortest(body) {
  return body.length === 1 || (body.length > 1 && ![0, 0x1ff].includes(body.readUInt16BE(0) >> 7));
}

/** Take an element apart that has exactly these parts. @param {Element|undefined} element @param {number[]} tags */
function take(element, ...tags) {
  const parts = element?.parts ?? [];
  need(parts.length === tags.length && parts.every(({ tag }, at) => tag === tags[at]), "not of the form expected");
  return parts;
}

/** Read what is one element and nothing else. @param {Buffer} octets @param {number} tag */
const readOne = (octets, tag = 0x30) => take({ tag: 0, raw: octets, body: octets, parts: read(octets) }, tag)[0];

/** A time as 14 digits, which compare as text. @param {Element} time */
function moment({ tag, body }) {
  const text = body.toString("latin1");
  need(tag === 0x17 ? /^[0-9]{12}Z$/.test(text) : tag === 0x18 && /^[0-9]{14}Z$/.test(text), "no date");
  return (tag === 0x18 ? "" : text < "5" ? "20" : "19") + text.slice(0, -1);
}

/** Map an extension's type to its value. @param {Element|undefined} extensions @param {string[]} understood */
function readExtensions(extensions, understood) {
  const found = new Map();
  let fault = "";
  for (const each of extensions ? take(extensions, 0x30)[0].parts : []) {
    const isCritical = each.parts.length === 3;
    const parts = isCritical ? take(each, 0x06, 0x01, 0x04) : take(each, 0x06, 0x04);
    const type = hex(parts[0]);
    need(!found.has(type), "two extensions of one kind");
    if (LIMITING.includes(type) || (isCritical && !understood.includes(type))) fault ||= `extension ${type} is not understood`;
    found.set(type, read(parts[parts.length - 1].body)[0]);
  }
  return { found, fault };
}

/** @param {Element|undefined} element */
function readCertificate(element) {
  const [tbs, algorithm, signature] = take(element, 0x30, 0x30, 0x03);
  const [version, serial, inner, issuer, validity, subject, key, rest] = take(tbs, 0xa0, 0x02, 0x30, 0x30, 0x30, 0x30, 0x30, 0xa3);
  need(hex(version) === "a003020102" && inner.raw.equals(algorithm.raw), "a certificate of another form");
  need(validity.parts.length === 2, "a certificate without dates");
  const { found, fault } = readExtensions(rest, UNDERSTOOD);
  const [usage, basic] = [found.get(KEY_USAGE), found.get(BASIC_CONSTRAINTS)];
  const length = basic?.parts[1]?.body;
  return {
    signed: { tbs: tbs.raw, algorithm: hex(algorithm), signature: signature.body },
    ...{ serial, issuer, subject, key, fault, directory: found.get(DIRECTORY) },
    begin: moment(validity.parts[0]),
    end: moment(validity.parts[1]),
    usage: usage?.tag === 0x03 && usage.body.length > 1 ? usage.body[1] : 0,
    isAuthority: hex(basic?.parts[0]) === "0101ff",
    pathLength: length ? length.readUIntBE(0, Math.min(length.length, 6)) : Infinity,
  };
}
/** @typedef {ReturnType<typeof readCertificate>} Certificate */

/** @param {Element} key a SubjectPublicKeyInfo */
function rsaKey({ raw, parts }) {
  need(RSA.includes(hex(parts[0])), "not an RSA key");
  let key;
  try {
    key = createPublicKey({ key: raw, format: "der", type: "spki" });
  } catch {
    refuse("signature_invalid", "not a key");
  }
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  need(modulusLength >= 2048 && publicExponent >= 3n && publicExponent % 2n === 1n, "a key of less than 2048 bits, or one that anybody signs with");
  return key;
}

/** Whether this is RSASSA-PKCS1-v1_5 with SHA-2. @param {{tbs: Buffer, algorithm: string, signature: Buffer}} signed @param {Authority} by */
function isSigned({ tbs, algorithm, signature }, by) {
  const hash = SIGNATURES.get(algorithm);
  return hash !== undefined && signature[0] === 0 && verify(hash, tbs, by.key, signature.subarray(1));
}

/** An authority that you trust, or one whose certificate you take from such a one. */
export class Authority {
  /** @param {Uint8Array} der one certificate @throws if it is not one of an authority */
  constructor(der) {
    this.certificate = readCertificate(readOne(Buffer.from(der)));
    need(this.certificate.isAuthority && this.certificate.usage & CERT_SIGN, "not an authority");
    need(!this.certificate.fault, this.certificate.fault);
    this.key = rsaKey(this.certificate.key);
  }
}

/** A complete revocation list, of any length; its signature is checked here, once. */
export class RevocationList {
  /** @param {Uint8Array} der @param {Authority} issuer whoever signed it @throws if that is not so */
  constructor(der, issuer) {
    if (!(issuer instanceof Authority)) throw new TypeError("the issuer is what loadAuthority returned");
    const octets = Buffer.from(der);
    const whole = header(octets, 0, octets.length);
    const body = header(octets, whole.start, whole.end);
    const { at, end, serials } = readEntries(octets, body);
    const [algorithm, bits, ...more] = read(octets.subarray(body.end));
    const rest = read(Buffer.concat([octets.subarray(body.start, at), octets.subarray(end, body.end)]));
    const [version, inner, name, begins, ends, extensions, ...others] = rest;
    need(whole.tag === 0x30 && body.tag === 0x30 && more.length + others.length === 0, "not a list");
    need(hex(version) === "020101" && ends && hex(inner) === hex(algorithm), "a list of another form");
    need(extensions === undefined || extensions.tag === 0xa0, "a list of another form");
    const signed = { tbs: octets.subarray(whole.start, body.end), algorithm: hex(algorithm), signature: bits.body };
    need(hex(name) === hex(issuer.certificate.subject) && issuer.certificate.usage & CRL_SIGN, "another issuer's list");
    need(bits.tag === 0x03 && isSigned(signed, issuer), "a list that its issuer did not sign");
    const { fault } = readExtensions(extensions, []);
    need(!fault, fault);
    this.issuer = issuer;
    this.begin = moment(begins);
    this.end = moment(ends);
    this.serials = serials;
  }
}

/** Find the entries, and each one's serial number, without reading more. @param {Buffer} octets @param {{start: number, end: number}} body */
function readEntries(octets, body) {
  const serials = new Set();
  for (let at = body.start, hasDate = false; at < body.end; ) {
    const field = header(octets, at, body.end);
    if (field.tag === 0x30 && hasDate) {
      for (let next = field.start; next < field.end; ) {
        const entry = header(octets, next, field.end);
        const serial = header(octets, entry.start, entry.end);
        const number = octets.subarray(serial.start, serial.end);
        need(entry.tag === 0x30 && serial.tag === 0x02 && isShortest(number), "an entry without a number");
        serials.add(number.toString("latin1"));
        next = entry.end;
      }
      return { at, end: field.end, serials };
    }
    hasDate ||= field.tag === 0x17 || field.tag === 0x18;
    at = field.end;
  }
  return { at: body.end, end: body.end, serials };
}

/**
 * Read one of your own files: what is wrong with it is your affair, and not a page's.
 *
 * @template T
 * @param {Uint8Array} der
 * @param {() => T} load
 * @returns {T}
 */
function loaded(der, load) {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    const isPem = Buffer.from(der).subarray(0, 11).toString("latin1") === "-----BEGIN ";
    throw new TypeError(isPem ? "PEM, where DER is wanted: openssl x509 (or crl) -outform der" : error.detail, { cause: error });
  }
}

/** Load an authority's certificate. @param {Uint8Array} der @throws {TypeError} if it is not one */
export const loadAuthority = (der) => loaded(der, () => new Authority(der));

/** Load an authority's complete list. @param {Uint8Array} der @param {Authority} issuer @throws {TypeError} if it is not one of this issuer */
export const loadList = (der, issuer) => loaded(der, () => new RevocationList(der, issuer));

/** Check your origins: as browsers write them, no path, no default port. @param {string[]} origins @throws {TypeError} names the first wrong one */
export function checkOrigins(origins) {
  if (!Array.isArray(origins) || origins.length === 0) throw new TypeError("no origin is configured");
  for (const each of origins) {
    const found = typeof each === "string" && each.length <= 255 && ORIGIN.exec(each);
    if (!found || Number(found[1] ?? 1) > 65535) throw new TypeError(`not an origin as browsers write it: ${each}`);
  }
  return origins;
}

/** Checks 2, 3 and 4: the message and its signature. @param {unknown} token */
function openMessage(token) {
  need(token instanceof Uint8Array && token.length > 0 && token.length <= MAX_TOKEN, "empty or too large");
  const [type, explicit] = take(readOne(Buffer.from(token)), 0x06, 0xa0);
  const [version, digests, encapsulated, bag, signers] = take(take(explicit, 0x30)[0], 0x02, 0x31, 0x30, 0xa0, 0x31);
  const [number, sid, digest, attributes, algorithm, signature] = take(take(signers, 0x30)[0], 0x02, 0x30, 0x30, 0xa0, 0x30, 0x04);
  const [contentType, attached] = take(encapsulated, 0x06, 0xa0);
  const [content] = take(attached, 0x04);
  const hash = DIGESTS.get(hex(digest));
  need(hex(type) === SIGNED_DATA && hex(number) === "020101" && hash, "not SHA-2, or not a SignedData");
  need(hex(take(digests, 0x30)[0]) === hex(digest), "another digest algorithm is declared");
  need(RSA.includes(hex(algorithm)) || SIGNATURES.get(hex(algorithm)) === hash, "not PKCS #1 v1.5 with that hash");
  const signed = readAttributes(attributes);
  const types = [hex(contentType), hex(signed.get(CONTENT_TYPE))];
  if (types.some((each) => each !== LOGIN)) refuse("wrong_content_type", types.join(" and "));
  need(hex(version) === "020103", "a version that does not go with the content type");
  need(bag.parts.every(isCertificate), "not a certificate");
  const [signer, ...more] = bag.parts.filter((each) => namesOf(each).equals(sid.body));
  need(signer && more.length === 0, "the signer's certificate is not there");
  const certificate = readCertificate(signer);
  const octets = Buffer.concat([Buffer.of(0x31), attributes.raw.subarray(1)]); // RFC 5652 §5.4
  need(hex(signed.get(MESSAGE_DIGEST)) === octetString(hash, content.body), "the content is not what was signed");
  need(verify(hash, octets, rsaKey(certificate.key), signature.body), "the signature does not fit");
  const bound = signed.get(SIGNING_CERTIFICATE);
  if (bound) checkBound(bound, signer.raw);
  return { certificate, content: content.body };
}

/** @param {string} hash @param {Buffer} octets */
function octetString(hash, octets) {
  const digest = createHash(hash).update(octets).digest();
  return Buffer.concat([Buffer.of(0x04, digest.length), digest]).toString("hex");
}

/** Whether an element looks like a certificate, of whomever. @param {Element} element */
const isCertificate = ({ tag, parts }) => tag === 0x30 && parts.length === 3 && parts[0].parts.length > 3;

/** The issuer and the serial number of a certificate, one after the other. @param {Element} certificate */
function namesOf(certificate) {
  const fields = certificate.parts[0]?.parts ?? [];
  return Buffer.concat([fields[3]?.raw ?? Buffer.of(), fields[1]?.raw ?? Buffer.of()]);
}

/** Map each attribute to its one value. @param {Element} attributes @returns {Map<string, Element>} */
function readAttributes({ parts }) {
  const found = new Map();
  need(parts.length > 0, "no signed attributes");
  parts.forEach((each, at) => {
    need(at === 0 || Buffer.compare(parts[at - 1].raw, each.raw) < 0, "attributes that are not in the order of DER");
    const [type, values] = take(each, 0x06, 0x31);
    need(values.parts.length === 1 && !found.has(hex(type)), "an attribute without its one value");
    found.set(hex(type), values.parts[0]);
  });
  return found;
}

/** signing-certificate-v2 (RFC 5035 §4): it was this certificate. @param {Element} bound @param {Buffer} der */
function checkBound(bound, der) {
  const [first, ...rest] = bound.parts[0]?.parts[0]?.parts ?? [];
  const hash = first?.tag === 0x30 ? DIGESTS.get(hex(first)) : "sha256";
  const stated = first?.tag === 0x30 ? rest[0] : first;
  need(hash && hex(stated) === octetString(hash, der), "another certificate was signed");
}

/** Every path to a root, as pairs of a certificate and its issuer. @param {Certificate} certificate @param {Trust} trust @param {string} now @param {number} below @returns {Generator<[Certificate, Authority][]>} */
function* paths(certificate, trust, now, below = 0) {
  for (const issuer of below > 4 ? [] : [...trust.roots, ...trust.cas]) {
    const { subject, begin, end, pathLength } = issuer.certificate;
    const fits = subject.raw.equals(certificate.issuer.raw) && begin <= now && now <= end && pathLength >= below;
    if (!fits || !isSigned(certificate.signed, issuer)) continue;
    if (trust.roots.includes(issuer)) yield [[certificate, issuer]];
    else for (const rest of paths(issuer.certificate, trust, now, below + 1)) yield [[certificate, issuer], ...rest];
  }
}

/** Check 6: a path, the dates, and the revocation of all below the root. @param {Certificate} certificate @param {Trust} trust @param {string} now */
function checkPath(certificate, trust, now) {
  if (certificate.fault) refuse("certificate_untrusted", certificate.fault);
  /** @type {Code|""} */
  let fault = "certificate_untrusted";
  for (const path of paths(certificate, trust, now)) {
    if (now > certificate.end) fault = "certificate_expired";
    else if (now < certificate.begin) fault = "certificate_not_yet_valid";
    else fault = path.map((pair) => listed(...pair, trust.lists, now)).find(Boolean) ?? "";
    if (fault === "") return;
  }
  refuse(fault, "the path");
}

/** @param {Certificate} certificate @param {Authority} issuer @param {RevocationList[]} lists @param {string} now @returns {Code|""} */
function listed(certificate, issuer, lists, now) {
  const { key, subject } = issuer.certificate; // one name has many keys, and each its own list
  const own = lists.filter((each) => hex(each.issuer.certificate.key) === hex(key) && hex(each.issuer.certificate.subject) === hex(subject));
  const fresh = own.filter(({ begin, end }) => begin <= now && now <= end);
  const newest = fresh.filter(({ begin }) => fresh.every((each) => each.begin <= begin)); // of one moment each can revoke
  if (newest.length === 0) return "revocation_unknown";
  return newest.some(({ serials }) => serials.has(certificate.serial.body.toString("latin1"))) ? "certificate_revoked" : "";
}

/** @param {Element|undefined} value */
function text(value) {
  if (value?.tag === 0x0c || value?.tag === 0x13) return value.body.toString("utf8");
  return value?.tag === 0x1e ? new TextDecoder("utf-16be").decode(value.body) : null;
}

/** A name in its own order: `C=TW,O=...`; of your authorities' names alone. @param {Element} name */
function nameText({ parts }) {
  /** @param {Element} pair */
  const one = ({ parts: [type, value] }) => `${NAMES.get(hex(type)) ?? hex(type)}=${text(value) ?? hex(value)}`;
  return parts.map((each) => each.parts.map(one).join("+")).join(",");
}

/** The profile of citizens' certificates. @param {Certificate} certificate @returns {Holder} */
function readHolder({ subject, issuer, isAuthority, directory }) {
  const pairs = subject.parts.flatMap(({ parts }) => parts);
  /** @param {string} type */
  const values = (type) => pairs.filter(({ parts }) => hex(parts[0]) === type).map(({ parts }) => text(parts[1]));
  const [serial, ...others] = values(SERIAL_NUMBER);
  const isCitizen = !isAuthority && others.length === 0 && serial && /^[0-9]{16}$/.test(serial);
  if (!isCitizen) refuse("profile_mismatch", "not the certificate of a citizen");
  /** @type {Element[]} */
  const attributes = directory?.parts ?? [];
  const stated = attributes.filter(({ parts }) => hex(parts[0]) === ID_LAST4).flatMap(({ parts }) => parts[1]?.parts ?? []);
  const last4 = stated.length === 1 ? text(stated[0]) : null;
  const idLast4 = last4 && /^[A-Za-z0-9]{4}$/.test(last4) ? last4 : null;
  return { name: values(COMMON_NAME)[0] ?? null, idLast4, subjectSerial: serial, issuer: nameText(issuer) };
}

/** What to store instead of the serial number, to know the holder again. @param {Holder} holder @param {Uint8Array} secret your own, 32 octets or more, for ever */
export function accountKey({ issuer, subjectSerial }, secret) {
  if (secret.length < 32) throw new TypeError("the secret needs 32 octets");
  return createHmac("sha256", secret).update(`${issuer}\0${subjectSerial}`).digest();
}

/**
 * Verify a login, or say by a code what is wrong with it.
 *
 * @param {Uint8Array} token DER: decode the page's base64 first
 * @param {Options} options what you loaded, and the challenge that you have redeemed
 * @returns {Login}
 * @throws {VerificationError} the token is refused: HTTP 400
 * @throws {TypeError} the options are wrong: your fault, not the page's
 */
export function verifyLogin(token, { roots, cas, lists, origins, challenge, purpose = "login", now = new Date() }) {
  const [authorities, moments] = [[...roots, ...cas], now.toISOString().replace(/[-:T]/g, "").slice(0, 14)];
  const isLoaded = authorities.every((each) => each instanceof Authority) && lists.every((each) => each instanceof RevocationList);
  if (!isLoaded || roots.length === 0 || lists.length === 0) throw new TypeError("roots and lists come from loadAuthority and loadList");
  checkOrigins(origins);
  if (typeof challenge !== "string" || !/^[A-Za-z0-9_-]{43,86}$/.test(challenge)) throw new TypeError("a challenge is base64url of 32 to 64 octets");
  if (!["login", "identify"].includes(purpose)) throw new TypeError("no such purpose");
  const { certificate, content } = openMessage(token);
  if (!(certificate.usage & DIGITAL_SIGNATURE)) refuse("wrong_key_usage", "not a certificate for signatures");
  checkPath(certificate, { roots, cas, lists }, moments);
  const found = STATEMENT.exec(content.toString("latin1")) ?? refuse("malformed", "not the statement of a login");
  const [, stated, origin, answered, time] = found;
  if (!origins.includes(origin)) refuse("origin_mismatch", `made for ${origin}`);
  const isAnswer = answered.length === challenge.length && timingSafeEqual(Buffer.from(answered), Buffer.from(challenge));
  if (!isAnswer) refuse("challenge_mismatch", "made for another challenge");
  if (stated !== purpose) refuse("purpose_mismatch", `made to ${stated}`);
  return { holder: readHolder(certificate), origin, purpose, time };
}
