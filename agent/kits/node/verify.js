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
const ATTRIBUTES = [CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE];
const [COMMON_NAME, SERIAL_NUMBER, ID_LAST4] = ["0603550403", "0603550405", "060760867601640233"];
const NAMES = new Map([["0603550406", "C"], ["060355040a", "O"], ["060355040b", "OU"], [COMMON_NAME, "CN"], [SERIAL_NUMBER, "serialNumber"]]);
const [KEY_USAGE, BASIC_CONSTRAINTS, DIRECTORY, AUTHORITY_KEY, SUBJECT_KEY] = ["0603551d0f", "0603551d13", "0603551d09", "0603551d23", "0603551d0e"];
const UNDERSTOOD = [KEY_USAGE, BASIC_CONSTRAINTS, "0603551d20", "0603551d11"]; // policies, other names
const LIMITING = ["0603551d1e", "0603551d24", "0603551d1b", "0603551d1c"]; // constraints on names, on policies; delta lists and parts of lists
const [PURPOSES, OTHER_NAMES] = ["0603551d25", "0603551d11"];
const DIGITAL_SIGNATURE = 0x80, CERT_SIGN = 0x04, CRL_SIGN = 0x02; // the first octet of a key usage
const PRINTABLE = /^[A-Za-z0-9 '()+,./:=?-]*$/;
const NAME_STRINGS = [0x0c, 0x13, 0x14, 0x16, 0x1e];
const UNIVERSAL = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1e, 0x30, 0x31];
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
    need((tag & 0x1f) !== 0x1f && (tag >= 0x40 || UNIVERSAL.includes(tag)), "a tag that has no place here");
    need(isStrict(tag, body), "contents that are no DER");
    const parts = tag & 0x20 ? read(body, depth + 1) : [];
    if (tag === 0x31) need(parts.every(({ raw }, index) => index === 0 || Buffer.compare(parts[index - 1].raw, raw) <= 0), "a set in another order");
    found.push({ tag, raw: octets.subarray(at, end), body, parts });
    at = end;
  }
  return found;
}

/** Whether contents are as DER and their type want them. @param {number} tag @param {Buffer} body */
function isStrict(tag, body) {
  const { length } = body;
  if (tag === 0x01) return length === 1 && [0x00, 0xff].includes(body[0]);
  if (tag === 0x02 || tag === 0x0a) return isShortest(body);
  if (tag === 0x03) return length > 1 ? body[0] <= 7 && (body[length - 1] & ((1 << body[0]) - 1)) === 0 : length === 1 && body[0] === 0;
  if (tag === 0x05) return length === 0;
  if (tag === 0x06) return length > 0 && body[length - 1] < 0x80 && body.every((octet, at) => octet !== 0x80 || (at > 0 && body[at - 1] >= 0x80));
  if (tag === 0x0c) return Buffer.from(body.toString("utf8")).equals(body);
  if (tag === 0x13) return PRINTABLE.test(body.toString("latin1"));
  if (tag === 0x1e) return length % 2 === 0 && body.every((octet, at) => at % 2 === 1 || octet < 0xd8 || octet > 0xdf);
  return ![0x14, 0x16, 0x1a].includes(tag) || body.every((octet) => octet < 0x80);
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
  const digits = (tag === 0x18 ? "" : text < "5" ? "20" : "19") + text.slice(0, -1);
  const written = digits.replace(/^(....)(..)(..)(..)(..)(..)$/, "$1-$2-$3T$4:$5:$6.000Z");
  const date = new Date(written);
  need(digits > "0001" && !Number.isNaN(date.getTime()) && date.toISOString() === written, "a date outside the calendar");
  return digits;
}

/** Map an extension's type to its value. @param {Element|undefined} extensions @param {string[]} understood */
function readExtensions(extensions, understood) {
  const found = new Map();
  let fault = "";
  for (const each of extensions ? take(extensions, 0x30)[0].parts : []) {
    const isCritical = each.parts.length === 3;
    const parts = isCritical ? take(each, 0x06, 0x01, 0x04) : take(each, 0x06, 0x04);
    const type = hex(parts[0]);
    need(!isCritical || parts[1].body[0] === 0xff, "FALSE, which goes without saying");
    need(each.tag === 0x30 && !found.has(type) && isShort(parts[0]), "two extensions of one kind, or one of a huge number");
    if (LIMITING.includes(type) || (isCritical && !understood.includes(type))) fault ||= `extension ${type} is not understood`;
    const values = read(parts[parts.length - 1].body);
    need(values.length === 1 && isExtension(type, values[0]), "an extension of another form");
    found.set(type, values[0]);
  }
  return { found, fault };
}

/** Whether an extension's value is of the form that RFC 5280 §4.2.1 gives it. @param {string} type @param {Element} value */
function isExtension(type, { tag, body, parts }) {
  const [first, second, ...others] = parts;
  if (type === KEY_USAGE) return tag === 0x03 && body.length === 2 && ((body[1] >> body[0]) & 1) === 1;
  if (type === BASIC_CONSTRAINTS) {
    const isLength = second === undefined || (second.tag === 0x02 && second.body.length === 1 && second.body[0] < 0x80);
    return tag === 0x30 && (first === undefined || (hex(first) === "0101ff" && isLength && others.length === 0));
  }
  if (type === AUTHORITY_KEY) return tag === 0x30 && first?.body.length > 0 && ["128", "128,161,130"].includes(parts.map((each) => each.tag).join());
  if (type === SUBJECT_KEY) return tag === 0x04;
  if (type === PURPOSES) return tag === 0x30 && parts.length > 0 && parts.every((each) => each.tag === 0x06);
  if (type === OTHER_NAMES) return tag === 0x30 && parts.every(isOtherName);
  return type !== DIRECTORY || (tag === 0x30 && parts.every((each) => each.tag === 0x30 && each.parts.map((part) => part.tag).join() === "6,49"));
}

/** Whether a general name can be read: texts are ASCII, addresses of four octets or sixteen. @param {Element} name */
function isOtherName({ tag, body }) {
  if ([0x81, 0x82, 0x86].includes(tag)) return body.every((octet) => octet < 0x80);
  return tag === 0x87 ? [4, 16].includes(body.length) : [0xa0, 0xa4, 0x88].includes(tag);
}

/** Whether each number of an identifier is less than 2^28, which everybody can hold. @param {Element} identifier */
const isShort = ({ body }) => !/[\x80-\xff]{4}/.test(body.toString("latin1"));

/** Refuse a name of other things than texts. @param {Element} name */
function checkName({ parts }) {
  const isPair = (/** @type {Element} */ pair) => pair.tag === 0x30 && pair.parts.length === 2 && pair.parts[0].tag === 0x06 && isShort(pair.parts[0]) && NAME_STRINGS.includes(pair.parts[1].tag);
  need(parts.length > 0 && parts.every((each) => each.tag === 0x31 && each.parts.length > 0 && each.parts.every(isPair)), "a name of another form");
}

/** @param {Element|undefined} element */
function readCertificate(element) {
  const [tbs, algorithm, signature] = take(element, 0x30, 0x30, 0x03);
  const [version, serial, inner, issuer, validity, subject, key, rest] = take(tbs, 0xa0, 0x02, 0x30, 0x30, 0x30, 0x30, 0x30, 0xa3);
  need(hex(version) === "a003020102" && inner.raw.equals(algorithm.raw), "a certificate of another form");
  need(validity.parts.length === 2 && validity.parts.every(({ tag, body }) => tag !== 0x18 || body.toString("latin1") >= "2050"), "a certificate without dates");
  need(serial.body.length <= 21 && serial.body[0] < 0x80 && signature.body[0] === 0, "a certificate of another form");
  checkName(issuer);
  checkName(subject);
  const { found, fault } = readExtensions(rest, UNDERSTOOD);
  const [usage, basic] = [found.get(KEY_USAGE), found.get(BASIC_CONSTRAINTS)];
  const length = basic?.parts[1]?.body;
  const [begin, end] = validity.parts.map(moment);
  need(begin <= end, "it ends before it begins");
  return {
    signed: { tbs: tbs.raw, algorithm: hex(algorithm), signature: signature.body },
    ...{ serial, issuer, subject, key, fault, directory: found.get(DIRECTORY) },
    signerKey: hex(found.get(AUTHORITY_KEY)?.parts[0]).slice(4), // the identifier alone: its length is in the header
    ownKey: hex(found.get(SUBJECT_KEY)).slice(4),
    ...{ begin, end },
    usage: usage?.tag === 0x03 && usage.body.length > 1 ? usage.body[1] : 0,
    isAuthority: hex(basic?.parts[0]) === "0101ff",
    pathLength: length ? length[0] : Infinity,
  };
}
/** @typedef {ReturnType<typeof readCertificate>} Certificate */

/** @param {Element} key a SubjectPublicKeyInfo */
function rsaKey({ raw, parts }) {
  need(parts.length === 2 && hex(parts[0]) === RSA[0] && parts[1].tag === 0x03 && parts[1].body[0] === 0, "not an RSA key");
  const [modulus] = take(readOne(parts[1].body.subarray(1)), 0x02, 0x02);
  need(modulus.body[0] < 0x80 && modulus.body[modulus.body.length - 1] % 2 === 1, "not a modulus");
  let key;
  try {
    key = createPublicKey({ key: raw, format: "der", type: "spki" });
  } catch {
    refuse("signature_invalid", "not a key");
  }
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  const isSafe = publicExponent >= 3n && publicExponent < 1n << 31n && publicExponent % 2n === 1n;
  need(modulusLength >= 2048 && modulusLength <= 8192 && isSafe, "a key of less than 2048 bits, or one that anybody signs with");
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
    need(this.begin <= this.end, "it ends before it begins");
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
  need([...signed.keys()].every((each) => ATTRIBUTES.includes(each)), "an attribute that no login has");
  const [signer] = take(bag, 0x30); // nobody else's
  need(namesOf(signer).equals(sid.body), "the signer's certificate is not there");
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
    need(each.tag === 0x30 && (at === 0 || Buffer.compare(parts[at - 1].raw, each.raw) < 0), "attributes that are not in the order of DER");
    const [type, values] = take(each, 0x06, 0x31);
    need(values.parts.length === 1 && !found.has(hex(type)), "an attribute without its one value");
    found.set(hex(type), values.parts[0]);
  });
  return found;
}

/** signing-certificate-v2 (RFC 5035 §4): it was this certificate. @param {Element} bound @param {Buffer} der */
function checkBound(bound, der) {
  need(hex(bound) === "302630243022" + octetString("sha256", der), "another certificate was signed");
}

/** Every path to a root, as pairs of a certificate and its issuer. @param {Certificate} certificate @param {Trust} trust @param {string} now @param {string[]} below the names of the authorities between @returns {Generator<[Certificate, Authority][]>} */
function* paths(certificate, trust, now, below = []) {
  for (const issuer of below.length > 4 ? [] : [...trust.roots, ...trust.cas]) {
    const { subject, begin, end, pathLength, ownKey } = issuer.certificate;
    const isNamed = subject.raw.equals(certificate.issuer.raw) && (!certificate.signerKey || !ownKey || certificate.signerKey === ownKey);
    const isFit = !below.includes(hex(subject)) && begin <= now && now <= end && pathLength >= below.length; // of one name each
    const isPlain = certificate.signed.algorithm.endsWith("0500"); // NULL has to be there (RFC 4055 §5)
    if (!isNamed || !isFit || !isPlain || !isSigned(certificate.signed, issuer)) continue;
    if (trust.roots.includes(issuer)) yield [[certificate, issuer]];
    else for (const rest of paths(issuer.certificate, trust, now, [...below, hex(subject)])) yield [[certificate, issuer], ...rest];
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
  if (value && [0x0c, 0x13, 0x14, 0x16].includes(value.tag)) return value.body.toString("utf8");
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
