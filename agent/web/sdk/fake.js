/**
 * An agent of make-believe, for the tests of pages: no program, no card, no network. It signs for real, with the key of an invented
 * person whom the authority of the test vectors vouches for; a server under test that trusts `vectors/root.cer` verifies its logins to the end.
 *
 *     import { FakeAnkong } from "ankong/fake";
 *     const agent = new FakeAnkong({ card: { pin: "123456" } });
 *     document.querySelector("ankong-button").agent = agent;
 *     agent.failNext("pin_incorrect", { attemptsLeft: 2 });
 *
 * Never let a server that real people log in at trust that authority: the key stands below, for everybody.
 *
 * @module fake
 */

import { AnkongError, digest as digestFile, encodeChallenge, fromBase64, isLoopbackHost, toBase64 } from "./ankong.js";
import { RETRIABLE } from "./words.js";

/** @typedef {import("./ankong.js").Snapshot} Snapshot */
/** @typedef {import("./ankong.js").Reader} Reader */
/** @typedef {import("./ankong.js").Item} Item */
/** @typedef {import("./ankong.js").CallOptions} CallOptions */
/** @typedef {import("./ankong.js").SigningOptions} SigningOptions */
/** @typedef {import("./ankong.js").Certificate} Certificate */
/** @typedef {import("./ankong.js").Signer} Signer */
/** @typedef {import("./ankong.js").Proof} Proof */
/** @typedef {"SHA-256"|"SHA-384"|"SHA-512"} FakeHash */
/** @typedef {{pin?: string, attemptsLeft?: number, serial?: string}} TestCard `pin` is "123456" where none is given */
/** @typedef {{method: string, params: object}} RecordedCall */
/**
 * What a class shows of itself, without what is private in it.
 *
 * @template T
 * @typedef {Pick<T, keyof T>} Public
 */

const READER = "Fake Reader";
const DEFAULT_PIN = "123456";
const TRIES = 3;
const PROOF_CONTEXT = "ankong-status-v1";
const CERTIFICATE = fromBase64(
  "MIIDkDCCAnigAwIBAgICEAEwDQYJKoZIhvcNAQELBQAwUjELMAkGA1UEBhMCVFcxJDAiBgNVBAoMG1Rlc3QgdmVjdG9ycyAtIERPIE5PVCBUUlVTVDEdMBsGA1UEAwwUV29ydGhsZXNzIENpdGl6ZW4gQ0EwHhcNMjAwMTAxMDAwMDAwWhcNNDkxMjMxMjM1OTU5WjBlMQswCQYDVQQGEwJUVzEkMCIGA1UECgwbVGVzdCB2ZWN0b3JzIC0gRE8gTk9UIFRSVVNUMRUwEwYDVQQDDAzmuKzoqablgYfkuroxGTAXBgNVBAUTEDk5OTkwMDAwMDAwMDAwMDEwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCrVB1xrrAQu3lEZbqnoaHzNQqtz+uSiPuBW8fIG4teXdLwcNvqEnzxoZDCBvMW/g4/IV5KBpVOfqlODjQBKvCIJ0EvnpVmJ+9Daaw/mbIlmW834v66d2KFo2qjzneLurcOF798HIQ0zCicEq9wf8G5p3L49XCGg2czybmhknVFvKq86J8YUl1+b1329FQoCtmzoO4B5lBgIJPpoCCBZzhUCuUG8+wMhAji2a808lBCcp9VMV0XNIrS/NRwq33D4EMk7Wpyin6rMmxf6lH87ftDwq2H9JSCHqfkVBpOiEOOf2SkYzDDkCGglYmtwrH/uGw+TuxR4GrjN9pVbqcA41Q3AgMBAAGjXTBbMA4GA1UdDwEB/wQEAwIHgDAJBgNVHRMEAjAAMB0GA1UdDgQWBBRO7qheg3UuFscQVlrNVGVqI2lXUjAfBgNVHSMEGDAWgBQFhVUIkQIIopZn0JKr6ganjJ16rzANBgkqhkiG9w0BAQsFAAOCAQEAMXUKugt/r5e+l2G3p8YE7PmA7tF/jlXLCqHonB41yjWJR+0OR9oszsgoQ/is7zsM6YrfXmdFksob2+M/0lZZPB5FrKsO1K2pzWvEOtCM7o+NYmSvnjEC1+NBG3rsgR4DHiFG10OXGkO3GEOPGVzY9a+CO7Gdoqv/h6mZyPeqS9HeVUnpaHfmjr/J7i0dZA8vBX0NDjQ9aTOegnOaRtui0UkjTHu6IB76NURNwLpew+4M8XMoocg8FaiYFeNSHTKt4u6ts13rQ9/8eFFZhwQYNVMLA1OQWFscH9iyYX8kbSBoWCev6TpjQldLVJvWTkPIijuobAEKJzUzmXRyJw+ZEg==",
);
/** Of an invented person; see agent/kits/vectors. */
const KEY = fromBase64(
  "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCrVB1xrrAQu3lEZbqnoaHzNQqtz+uSiPuBW8fIG4teXdLwcNvqEnzxoZDCBvMW/g4/IV5KBpVOfqlODjQBKvCIJ0EvnpVmJ+9Daaw/mbIlmW834v66d2KFo2qjzneLurcOF798HIQ0zCicEq9wf8G5p3L49XCGg2czybmhknVFvKq86J8YUl1+b1329FQoCtmzoO4B5lBgIJPpoCCBZzhUCuUG8+wMhAji2a808lBCcp9VMV0XNIrS/NRwq33D4EMk7Wpyin6rMmxf6lH87ftDwq2H9JSCHqfkVBpOiEOOf2SkYzDDkCGglYmtwrH/uGw+TuxR4GrjN9pVbqcA41Q3AgMBAAECggEAWNw0tUy8RsFlgSMeL2l2vNSq6EFp1kOz5oD62n/mxhf1mv1+IiZapVx93xSJqkg0jWu6IrzNXbv2BeT59g0WWhe6CH/Azw4xW46IZyhJLJUrCRpzsbTP5a4/Vhx1BoTeArIwf6eurk+hVGmgksHAcZE24YczSKEIuuSKohF7P6JkmSMXicr99msFp5fD4ZiSljhYDCn1iyPukfxNo0irFoegMkrfUHz29aGog0SxRN/OcZsVTWPEv3FKcLupJbgnDxYQ431lAe5F5RHPi6yaNWtpXlY2Tw50+6lR2i51y5R7ChArqR0GdJf0hJ7QvotwUponz/N1r+vFI62abggouQKBgQDIPSLWCDSfU6PoIpVK8bhNpLDnbQOHkSW5vbg2xoUcfH6LGdJKJLOr7o1w3C//SDp8CP//Drl85lSN5fNcbO95nO0qlLgGgvCTuW5YRDc4dp05VKTloysH4ulLiqtikY0/l7FjSfBNJIsgKAFYEZ7OnIRns5odk326gMmORjsWVQKBgQDbCf3Ezv7jdag0iQJCtEgjJ6vXhYOkcjZFCQV6AyMh0gemZK1Gcu6TYwUX4Hkyh/1pwiNh1ygvcAb/uVC3p/QiAibiwlKmb281kfp9rPa7zAboes1x9mBHwljRnZ+eW4Am+TlqSriao4CMigfVwE7H66fPaW6mhJ/LSYjFKdTUWwKBgQCtA/48t3xYipmec3tR9UhNdlcQsCYTljvloOMyGRhdA8kHgfks7Ud98LKv6OFkD9HQ6KnhhaSKIi6/KQi9PLcy+oAGgdf8cFlVGy0YAWFBXWP+bH/Kl9EPkGYKSrhJhABrCTRR2UpULZY047w9j4QLfDv/qrUohw9k/fCqCU72vQKBgEKPb7D9odDm8P094RT6Ca29IWf1p4IyPrGNwz9HcsaVN0Pl9g2hYUQiY+rUiJ/FWUlo+C2EHy8DIO1Wl+OnQvWOp9hiapEu7aFewbqs87Evl63Pm1yVHL7RnQHdnyKU9YViWIMnP5+mLasHSsg2jvoLb0wE4t3xEUnKB6i6RHVfAoGAbWpibFqsnvtrNgn/duUWWEPqsRsFrCgJ/1E0gSCyIRSwgM21pla7qgtTxjNO7b4DDgWT3rNGt0DAKMJgCn6jfQoPyOcJ10nGv5eyv8uFFEU1FlSoI6fGyBrwrQw9WIZRu7RCczwV1ZJX3sh2MA+LgjVRhRVpDM5sDeiymgx3YrU=",
);

/** The error that the agent would answer with. @param {string} code @param {string} [message] @param {number} [attemptsLeft] */
const refusal = (code, message, attemptsLeft) => new AnkongError(code, { message: message ?? code, retriable: RETRIABLE.includes(code), attemptsLeft: attemptsLeft ?? null });

/** @param {number[]} octets */
const identifier = (...octets) => der(0x06, new Uint8Array(octets));

/** Encode a DER element of definite length (X.690 §8.1). @param {number} tag @param {Uint8Array[]} parts */
function der(tag, ...parts) {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : size < 0x10000 ? [0x82, size >> 8, size & 0xff]
    : [0x84, size >>> 24, (size >> 16) & 0xff, (size >> 8) & 0xff, size & 0xff];
  return joined(new Uint8Array([tag, ...length]), ...parts);
}

/** @param {Uint8Array[]} parts */
function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The elements in what another element holds, each with its header. @param {Uint8Array} octets */
function children(octets) {
  const found = [];
  for (let at = contentStart(octets, 0); at < octets.length;) {
    const start = contentStart(octets, at);
    const end = start + contentLength(octets, at);
    found.push(octets.slice(at, end));
    at = end;
  }
  return found;
}

/** @param {Uint8Array} octets @param {number} at */
const contentStart = (octets, at) => at + 2 + ((octets[at + 1] ?? 0) & 0x80 ? (octets[at + 1] ?? 0) & 0x7f : 0);

/** @param {Uint8Array} octets @param {number} at */
function contentLength(octets, at) {
  const first = octets[at + 1] ?? 0;
  if (first < 0x80) return first;
  return octets.slice(at + 2, contentStart(octets, at)).reduce((sum, octet) => sum * 256 + octet, 0);
}

/** What can be put into the place of something of another type in a SET OF: in order of octets (X.690 §11.6). @param {Uint8Array[]} parts */
function sorted(...parts) {
  const hex = (/** @type {Uint8Array} */ part) => [...part].map((octet) => octet.toString(16).padStart(2, "0")).join("");
  return parts.sort((a, b) => (hex(a) < hex(b) ? -1 : 1));
}

const PKCS9 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09];
const DATA = identifier(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01);
const SIGNED_DATA = identifier(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02);
/** The content type of a login. */
const LOGIN = identifier(0x69, 0xc7, 0xe9, 0x88, 0x8f, 0xdf, 0xab, 0xaa, 0x87, 0x89, 0x9c, 0xc0, 0xa8, 0xe7, 0xe8, 0xe8, 0xb9, 0xd1, 0x36);
const NULL = der(0x05);
const RSA = der(0x30, identifier(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01), NULL);
/** @type {Record<FakeHash, Uint8Array>} */
const HASHES = { "SHA-256": hashAlgorithm(1), "SHA-384": hashAlgorithm(2), "SHA-512": hashAlgorithm(3) };

/** @param {number} last arc of the algorithm's identifier */
function hashAlgorithm(last) {
  return der(0x30, identifier(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last), der(0x05));
}

/** @param {string} hash @returns {asserts hash is FakeHash} */
function requireHash(hash) {
  if (!Object.hasOwn(HASHES, hash)) throw refusal("bad_request", `no hash ${hash} here`);
}

/** @param {FakeHash} hash @param {Uint8Array} octets */
const digested = async (hash, octets) => new Uint8Array(await crypto.subtle.digest(hash, plain(octets)));

/** Octets that WebCrypto's types take. @param {Uint8Array} octets @returns {Uint8Array<ArrayBuffer>} */
const plain = (octets) => new Uint8Array(octets);

/** RSASSA-PKCS1-v1_5. @param {FakeHash} hash @param {Uint8Array} octets */
async function signed(hash, octets) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash };
  const key = await crypto.subtle.importKey("pkcs8", KEY, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(algorithm, key, plain(octets)));
}

/**
 * A SignedData (RFC 5652 §5.1) with one signer, as the agent makes it.
 *
 * @param {{type: Uint8Array, content: Uint8Array|null, hashed: Uint8Array, hash: FakeHash, more?: Uint8Array[]}} message
 */
async function signedData({ type, content, hashed, hash, more = [] }) {
  const [, serial, , issuer] = children(children(CERTIFICATE)[0] ?? CERTIFICATE);
  if (!serial || !issuer) throw new TypeError("not a certificate");
  const attribute = (/** @type {Uint8Array} */ name, /** @type {Uint8Array} */ value) => der(0x30, name, der(0x31, value));
  const certificateHash = der(0x30, der(0x30, der(0x30, der(0x04, await digested("SHA-256", CERTIFICATE)))));
  const attributes = sorted(
    attribute(identifier(...PKCS9, 3), type),
    attribute(identifier(...PKCS9, 4), der(0x04, hashed)),
    attribute(identifier(...PKCS9, 16, 2, 47), certificateHash),
    ...more,
  );
  const signature = await signed(hash, der(0x31, ...attributes));
  const signer = der(0x30, der(0x02, new Uint8Array([1])), der(0x30, issuer, serial), HASHES[hash], der(0xa0, ...attributes), RSA, der(0x04, signature));
  const inner = content === null ? der(0x30, type) : der(0x30, type, der(0xa0, der(0x04, content)));
  const version = der(0x02, new Uint8Array([type === DATA ? 1 : 3]));
  const data = der(0x30, version, der(0x31, HASHES[hash]), inner, der(0xa0, CERTIFICATE), der(0x31, signer));
  return der(0x30, SIGNED_DATA, der(0xa0, data));
}

/** @param {import("./ankong.js").Bytes} bytes */
const octetsOf = (bytes) => fromBase64(toBase64(bytes));

/**
 * What `Ankong` is to a page, without an agent. Until `connect()` the site is not allowed, as with a new person; `connect()` and the
 * PIN window are answered with yes. Times pass only where `latency` asks for it.
 *
 * @implements {Public<import("./ankong.js").Ankong>}
 */
export class FakeAnkong extends EventTarget {
  ports = Object.freeze([28443, 28444, 28445]);
  pingPort = 61161;
  minVersion = "0.1.0";
  pinInstallation = false;
  /** @type {Snapshot} */
  #snapshot;
  /** @type {Set<(snapshot: Snapshot) => void>} */
  #listeners = new Set();
  /** @type {RecordedCall[]} */
  #calls = [];
  /** @type {{code: string, attemptsLeft?: number|undefined}[]} */
  #failures = [];
  /** @type {Set<AbortController>} */
  #open = new Set();
  /** @type {Required<TestCard>|null} */
  #card = null;
  /** @type {Promise<CryptoKeyPair>|null} */
  #installation = null;
  #origin;
  #latency;

  /**
   * @param {Partial<Snapshot> & {card?: TestCard|null, origin?: string, latency?: number}} [start] `card` null: an empty reader;
   *   `origin` the page's where missing; `latency` in milliseconds, before each answer
   */
  constructor({ card = {}, origin = globalThis.location?.origin ?? "http://localhost", latency = 0, ...start } = {}) {
    super();
    this.#origin = origin;
    this.#latency = latency;
    this.#snapshot = Object.freeze({
      state: "running", reason: null, version: "0.1.0", permission: "granted", needsClick: false, asking: false, allowed: false,
      virtual: true, service: null, readers: Object.freeze([]), installation: null, ...start,
    });
    if (card) this.#card = cardOf(card);
    if (this.#snapshot.allowed && !start.readers) this.set({ service: "available", readers: [this.#reader()] });
  }

  /** The agent of a document; here each call makes a new one. */
  static shared() {
    return new FakeAnkong();
  }

  /** What was asked of it, in order; a PIN is a dot. @returns {readonly RecordedCall[]} */
  get calls() {
    return this.#calls;
  }

  get snapshot() {
    return this.#snapshot;
  }

  /** Change what is known: `set({ state: "not_running", reason: "not_installed" })`. @param {Partial<Snapshot>} change */
  set(change) {
    this.#snapshot = Object.freeze({ ...this.#snapshot, ...change });
    for (const listener of [...this.#listeners]) listener(this.#snapshot);
  }

  /** Put a card into the reader. @param {TestCard} [card] */
  insertCard(card = {}) {
    this.#card = cardOf(card);
    this.#changed("card_inserted");
  }

  /** Take it out. */
  pullCard() {
    this.#card = null;
    this.#changed("card_removed");
  }

  /** Have the next call fail, or the next `times`. @param {string} code @param {{attemptsLeft?: number, times?: number}} [details] */
  failNext(code, { attemptsLeft, times = 1 } = {}) {
    for (let count = 0; count < times; count += 1) this.#failures.push({ code, attemptsLeft });
  }

  /** @param {(snapshot: Snapshot) => void} listener @returns {() => void} */
  watch(listener) {
    this.#listeners.add(listener);
    listener(this.#snapshot);
    return () => void this.#listeners.delete(listener);
  }

  /** @param {{ask?: boolean}} [options] */
  async check(options = {}) {
    this.#record("check", options);
    return this.#snapshot;
  }

  /** @param {CallOptions & {blind?: boolean}} [options] */
  async connect({ blind = false, ...options } = {}) {
    await this.#answer("connect", blind ? { blind } : {}, options);
    this.set({ allowed: true, service: "available", readers: [this.#reader()] });
    return /** @type {{allowed: true, blind?: boolean}} */ (blind ? { allowed: true, blind: false } : { allowed: true });
  }

  /** @param {{nonce?: Uint8Array} & CallOptions} [options] @returns {Promise<Proof>} */
  async prove({ nonce = crypto.getRandomValues(new Uint8Array(32)), ...options } = {}) {
    await this.#answer("status", { nonce: toBase64(nonce) }, options);
    this.#requireAllowed();
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    this.#installation ??= crypto.subtle.generateKey(curve, false, ["sign", "verify"]);
    const { privateKey, publicKey } = await this.#installation;
    const octets = joined(new TextEncoder().encode(PROOF_CONTEXT), nonce);
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, plain(octets));
    return { key: toBase64(await crypto.subtle.exportKey("spki", publicKey)), nonce: toBase64(nonce), signature: toBase64(signature) };
  }

  /** @returns {Promise<Proof>} */
  async acceptInstallation() {
    const proof = await this.prove();
    this.set({ installation: "known" });
    return proof;
  }

  /** @param {CallOptions} [options] @returns {Promise<{service: "available"|"unavailable", readers: Reader[]}>} */
  async readers(options = {}) {
    await this.#answer("readers", {}, options);
    this.#requireAllowed();
    return { service: "available", readers: [this.#reader()] };
  }

  /** @param {{reader?: string, onProblem?: (problem: import("./ankong.js").Problem) => void} & CallOptions} [options] @returns {Promise<Certificate[]>} */
  async certificates({ reader, onProblem, ...options } = {}) {
    void onProblem;
    await this.#answer("certificates", { reader }, options);
    this.#requireAllowed();
    this.#requireReader(reader);
    return this.#card ? [await certificateOf(this.#card.serial)] : [];
  }

  /** @param {Item & SigningOptions & CallOptions} request @returns {Promise<Signer & {signature: string}>} */
  async sign({ data, digest, file, documentName, ...rest }) {
    const { signatures, ...signer } = await this.#signAll("sign", [{ data, digest, file, documentName }], rest);
    return { ...signer, signature: signatures[0] ?? "" };
  }

  /** @param {{items: Item[]} & SigningOptions & CallOptions} request @returns {Promise<Signer & {signatures: string[]}>} */
  signBatch({ items, ...rest }) {
    return this.#signAll("sign_batch", items, rest);
  }

  /**
   * Sign the file's digest; the PDF gets a last line that says so, and no signature that a reader would find.
   *
   * @param {Blob|ArrayBuffer|Uint8Array} file @param {import("./pdf.js").PdfOptions} [options]
   * @returns {Promise<import("./pdf.js").SignedPdf>}
   */
  async signPdf(file, { level, reason, location, field = "Signature1", mark, password, upload, documentName, ...rest } = {}) {
    const blob = file instanceof Blob ? file : new Blob([/** @type {ArrayBuffer} */ (file)]);
    const pades = { level, reason, location, field, mark, password };
    const { signatures, ...signer } = await this.#signAll("sign", [{ file: blob, documentName }], { ...rest, format: "pades", pades });
    for (const event of ["document_prepared", "document_signed"]) this.dispatchEvent(new CustomEvent(event, { detail: { request: 0 } }));
    return { ...signer, field, level: level ?? "B-B", pdf: new Blob([blob, `\n% make-believe ${signatures[0]}\n`], { type: "application/pdf" }) };
  }

  /**
   * @param {{challenge: string|Uint8Array, purpose?: "login"|"identify", hash?: FakeHash, certificate?: string, reader?: string, pin?: string} & CallOptions} request
   * @returns {Promise<{token: string, algorithm: import("./ankong.js").Algorithm, thumbprint: string, reader: string}>}
   */
  async authenticate({ challenge, purpose = "login", hash = "SHA-256", signal, timeout, ...rest }) {
    const encoded = encodeChallenge(challenge);
    await this.#answer("authenticate", { challenge: encoded, purpose, hash, ...rest }, { signal, timeout });
    requireHash(hash);
    if (purpose !== "login" && purpose !== "identify") throw refusal("bad_request", "purpose");
    this.#requireAllowed();
    if (!isSecure(this.#origin)) throw refusal("insecure_origin");
    const { thumbprint, reader } = await this.#unlock(rest);
    const url = encoded.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    const time = `${new Date().toISOString().slice(0, 19)}Z`;
    const text = `{"type":"ankong.authenticate.v1","purpose":"${purpose}","origin":"${this.#origin}","challenge":"${url}","time":"${time}"}`;
    const content = new TextEncoder().encode(text);
    const token = await signedData({ type: LOGIN, content, hashed: await digested(hash, content), hash });
    return { token: toBase64(token), algorithm: algorithmOf(hash), thumbprint, reader };
  }

  /**
   * It has no key that others could encrypt to: always `key_not_found`.
   *
   * @param {{data: import("./ankong.js").Bytes, format?: "pkcs1"|"cms", reader?: string, pin?: string} & CallOptions} request @returns {Promise<Uint8Array>}
   */
  async decrypt({ data, format = "cms", signal, timeout, ...rest }) {
    await this.#answer("decrypt", { data: toBase64(data), format, ...rest }, { signal, timeout });
    this.#requireAllowed();
    this.#requireReader(rest.reader);
    throw refusal(this.#card ? "key_not_found" : "no_card");
  }

  /** Give up on everything that waits. */
  cancel() {
    for (const each of [...this.#open]) each.abort();
  }

  /** @param {string} method @param {Item[]} items @param {SigningOptions & CallOptions} request */
  async #signAll(method, items, { hash = "SHA-256", format, signal, timeout, nonce, ...rest }) {
    const chosen = format ?? (items.some(({ file }) => file) ? "cms-detached" : "cms");
    const names = items.map(({ data, digest, file, documentName }) => ({ data: data === undefined ? undefined : toBase64(data), digest, file: file && true, documentName }));
    await this.#answer(method, { items: names, hash, format: chosen, ...rest }, { signal, timeout });
    requireHash(hash);
    if (!["cms", "cms-detached", "pkcs1", "ecdsa", "pades"].includes(chosen)) throw refusal("bad_request", `no format ${chosen}`);
    this.#requireAllowed();
    if (chosen === "ecdsa") throw refusal("bad_request", "the card's key signs in the format pkcs1, not ecdsa");
    const signer = await this.#unlock(rest);
    const signatures = [];
    for (const item of items) signatures.push(toBase64(await this.#signOne(item, hash, chosen, nonce)));
    return { algorithm: algorithmOf(hash), ...signer, signatures };
  }

  /** @param {Item} item @param {FakeHash} hash @param {import("./ankong.js").Format} format @param {import("./ankong.js").Bytes} [nonce] */
  async #signOne({ data, digest, file }, hash, format, nonce) {
    if ([data, digest, file].filter((each) => each !== undefined).length !== 1) throw refusal("bad_request", "either a file, or data, or a digest");
    const content = data === undefined ? null : octetsOf(data);
    if (format === "pkcs1" && !content) throw refusal("blind_not_allowed");
    if (format === "pkcs1" && content) return signed(hash, content);
    if (format === "cms" && !content) throw refusal("bad_request", "a digest alone is signed as cms-detached");
    const hashed = content ? await digested(hash, content) : (digest ?? (await digestFile(/** @type {Blob} */ (file), hash)));
    const more = nonce === undefined ? [] : [der(0x30, identifier(...PKCS9, 25, 3), der(0x31, der(0x04, octetsOf(nonce))))];
    return signedData({ type: DATA, content: format === "cms" ? content : null, hashed, hash, more });
  }

  /** @param {string} method @param {object} params */
  #record(method, params) {
    const known = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
    this.#calls.push({ method, params: "pin" in known ? { ...known, pin: "\u2022" } : known });
  }

  /** What every call goes through. @param {string} method @param {object} params @param {{signal?: AbortSignal|undefined, timeout?: number|undefined}} options */
  async #answer(method, params, { signal }) {
    this.#record(method, params);
    if (signal?.aborted) throw new AnkongError("aborted");
    if (this.#latency > 0) await this.#wait(signal);
    const failure = this.#failures.shift();
    if (failure) throw refusal(failure.code, "as failNext() asked", failure.attemptsLeft);
    if (this.#snapshot.state !== "running") throw new AnkongError("not_running", { reason: this.#snapshot.reason });
  }

  /** @param {AbortSignal} [signal] @returns {Promise<void>} */
  #wait(signal) {
    const open = new AbortController();
    this.#open.add(open);
    return new Promise((resolve, reject) => {
      const abort = () => reject(new AnkongError("aborted"));
      const timer = setTimeout(resolve, this.#latency);
      open.signal.addEventListener("abort", () => (clearTimeout(timer), abort()));
      signal?.addEventListener("abort", () => open.abort());
    }).then(() => void this.#open.delete(open), (error) => {
      this.#open.delete(open);
      throw error;
    });
  }

  #requireAllowed() {
    if (!this.#snapshot.allowed) throw refusal("origin_not_allowed");
  }

  /** @param {string} [reader] */
  #requireReader(reader) {
    if (reader !== undefined && reader !== READER) throw refusal("no_reader");
  }

  /** Check card and PIN as a card does. @param {{reader?: string|undefined, certificate?: string|undefined, pin?: string|undefined}} wanted @returns {Promise<Omit<Signer, "algorithm">>} */
  async #unlock({ reader, certificate, pin }) {
    this.#requireReader(reader);
    const card = this.#card;
    if (!card) throw refusal("no_card");
    const { thumbprint, certificate: encoded } = await certificateOf(card.serial);
    if (certificate !== undefined && certificate !== thumbprint) throw refusal("key_not_found");
    if (card.attemptsLeft === 0) throw refusal("pin_locked", "pin_locked", 0);
    if (pin !== undefined && (pin.length < 6 || pin.length > 8)) throw refusal("pin_length");
    const isRight = pin === undefined || pin === card.pin;
    card.attemptsLeft = isRight ? TRIES : card.attemptsLeft - 1;
    this.#changed("card_changed");
    if (isRight) return { thumbprint, certificate: encoded, reader: READER, cardSerial: card.serial };
    const { attemptsLeft } = card;
    throw refusal(attemptsLeft ? "pin_incorrect" : "pin_locked", "wrong PIN", attemptsLeft);
  }

  /** @returns {Reader} */
  #reader() {
    const card = this.#card;
    if (!card) return { name: READER, state: "empty", card: null, attemptsLeft: null };
    return { name: READER, state: "card", card: { generation: "gen2", serial: card.serial }, attemptsLeft: card.attemptsLeft };
  }

  /** @param {string} event */
  #changed(event) {
    if (!this.#snapshot.allowed) return;
    this.set({ readers: [this.#reader()] });
    this.dispatchEvent(new CustomEvent(event, { detail: { reader: this.#reader() } }));
  }
}

/** @param {TestCard} card @returns {Required<TestCard>} */
function cardOf({ pin = DEFAULT_PIN, attemptsLeft = TRIES, serial = "FK00000000000001" }) {
  return { pin, attemptsLeft, serial };
}

/** @param {FakeHash} hash @returns {import("./ankong.js").Algorithm} */
function algorithmOf(hash) {
  return /** @type {import("./ankong.js").Algorithm} */ (`${hash.replace("-", "").toLowerCase()}WithRSAEncryption`);
}

/** Whether nobody on the network can be this site. @param {string} origin */
function isSecure(origin) {
  const { protocol, hostname } = URL.canParse(origin) ? new URL(origin) : { protocol: "", hostname: "" };
  return protocol === "https:" || (protocol === "http:" && isLoopbackHost(hostname));
}

/** @param {string} cardSerial @returns {Promise<Certificate>} */
async function certificateOf(cardSerial) {
  const thumbprint = [...(await digested("SHA-256", CERTIFICATE))].map((octet) => octet.toString(16).padStart(2, "0")).join("");
  return {
    thumbprint, certificate: toBase64(CERTIFICATE), reader: READER, id: "SIGN", label: "SIGN", usage: ["digital_signature"],
    subject: "C=TW,O=Test vectors - DO NOT TRUST,CN=\u6e2c\u8a66\u5047\u4eba,serialNumber=9999000000000001", subjectCn: "\u6e2c\u8a66\u5047\u4eba", subjectSerial: "9999000000000001", idLast4: null,
    issuer: "C=TW,O=Test vectors - DO NOT TRUST,CN=Worthless Citizen CA", serial: "1001", notBefore: "2020-01-01T00:00:00Z", notAfter: "2049-12-31T23:59:59Z", cardSerial,
  };
}
