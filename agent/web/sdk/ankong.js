/**
 * The Ankong browser SDK: one ES module, no dependencies; `digest.js` beside it is loaded where a file is signed.
 *
 * A page that signs, in ten lines:
 *
 *     import { Ankong } from "./ankong.js";
 *     const agent = new Ankong();
 *     agent.watch(({ state, reason }) => (chip.textContent = reason ?? state));
 *     button.onclick = async () => {
 *       try {
 *         await agent.connect();
 *         const { signature } = await agent.sign({ data: "I agree", format: "cms" });
 *         await fetch("/agreements", { method: "POST", body: signature });
 *       } catch (error) { message.textContent = error.code; }
 *     };
 *
 * Call `check({ask: true})`, `connect()` and the verbs from a click: where the browser guards the
 * way to this computer with a permission, only these may make it ask. `watch()` never does.
 *
 * @module ankong
 */

/** @typedef {"not_installed"|"not_started"|"unreachable"|"permission_prompt"|"permission_denied"|"blocked_by_page"|"frame_not_allowed"|"worker_blocked"|"certificate_not_trusted"|"port_taken"|"too_old"} Reason */
/** @typedef {"restart_browser"} Hint */
/** @typedef {"granted"|"prompt"|"denied"|"unsupported"} Permission */
/** @typedef {{generation: "gen1"|"gen2"|"piv"|"pkcs11"|null, serial: string|null}} Card */
/** @typedef {{name: string, state: "empty"|"card"|"mute"|"unsupported", card: Card|null, attemptsLeft: number|null}} Reader */
/** @typedef {"SHA-256"|"SHA-384"|"SHA-512"|"SHA-1"} Hash */
/** @typedef {"cms"|"cms-detached"|"pkcs1"|"ecdsa"|"pades"} Format "pkcs1" of RSA keys, "ecdsa" (DER) of keys on a curve: the signature alone */
/** @typedef {"sha1WithRSAEncryption"|"sha256WithRSAEncryption"|"sha384WithRSAEncryption"|"sha512WithRSAEncryption"|"ecdsa-with-SHA256"|"ecdsa-with-SHA384"|"ecdsa-with-SHA512"} Algorithm */
/** @typedef {string|ArrayBuffer|Uint8Array} Bytes text stands for its UTF-8 octets */
/** @typedef {{signal?: AbortSignal, timeout?: number}} CallOptions `timeout` in milliseconds */
/** @typedef {{data?: Bytes, digest?: Uint8Array, file?: Blob|ReadableStream<Uint8Array>, documentName?: string, document?: string, format?: Format, pades?: Pades}} Item `digest` is over the data, with `hash`; a `file` has any length; `document` names a PDF that was handed over */
/** @typedef {{level?: "B-B"|"B-T"|"B-LT"|"B-LTA", reason?: string, location?: string, field?: string, mark?: {page?: number|null, box?: [number, number, number, number]|null}, password?: string}} Pades how a PDF is signed; a mark's box is left, top, width, height in points; `password` opens the PDF itself, at most 127 bytes in UTF-8 */
/** @typedef {{signature?: string, pdf?: string, document?: string, field?: string, level?: "B-B"|"B-T"|"B-LT"|"B-LTA", lacks?: "timestamp_failed"|"evidence_missing", error?: {code: string, message: string, retriable: boolean}}} SignedItem what became of an item where any is a PDF; one that could not be finished has `error` alone */
/** @typedef {{hash?: Hash, format?: Format, certificate?: string, reader?: string, nonce?: Bytes, pin?: string, signingCertificate?: boolean, signingTime?: boolean, document?: string, pades?: Pades}} SigningOptions `certificate` is a thumbprint; `nonce` at most 64 octets; without `signingTime` the CMS says no time, as a signature in a PDF must not */
/** @typedef {{algorithm: Algorithm, certificate: string, thumbprint: string, reader: string, cardSerial: string|null}} Signer `certificate` is base64 DER */
/** @typedef {{thumbprint: string, certificate: string, reader: string, id: string, label: string, usage: string[], subject: string, subjectCn: string|null, subjectSerial: string|null, idLast4: string|null, issuer: string, serial: string, notBefore: string, notAfter: string, cardSerial: string|null}} Certificate */
/** @typedef {{reader: string, code: string, message: string, retriable: boolean}} Problem `code` as of an error */
/** @typedef {"new"|"known"|"changed"|"unproven"} Installation */
/** @typedef {{key: string, nonce: string, signature: string}} Proof all base64: SubjectPublicKeyInfo of P-256; what was signed after "ankong-status-v1"; ECDSA with SHA-256, r and s */
/**
 * What is known about the agent. `reason` is set while it is not running; `needsClick` when only
 * `check({ask: true})` from a click may look, because the browser would ask its permission
 * question; `asking` while that question is open; `readers` are known once this site is allowed.
 * `hint` is there with `certificate_not_trusted` alone, while the agent knows of a running browser that has to be
 * restarted before it trusts the agent.
 * With the option `pinInstallation`, `installation` says whether the installation that proved itself is the one
 * that this browser remembers for this site; null before that.
 *
 * @typedef {{state: "checking"|"running"|"not_running", reason: Reason|null, version: string|null,
 *   permission: Permission|null, needsClick: boolean, asking: boolean, allowed: boolean, virtual: boolean,
 *   service: "available"|"unavailable"|null, readers: readonly Reader[], installation: Installation|null, hint?: Hint}} Snapshot
 */
/** @typedef {{product: string, version: string, api?: string, allowed?: boolean, max_data?: number, virtual?: boolean, tls?: number, hint?: string}} Announcement */
/** @typedef {{kind: "ankong", port: number, body: Announcement|null, channel?: Channel}} Found `body` is null of an agent that refuses this site */
/** @typedef {Found|{kind: "foreign"|"limited"|"timeout"|"unreachable"}} Outcome */
/** @typedef {{found: Found|null, https: Outcome[], ping: Outcome}} Evidence */
/** @typedef {{features: () => string[], allowsFeature: (name: string) => boolean}} FeaturePolicy */
/** @typedef {{controller: unknown}} WorkerContainer */
/** @typedef {{fetch: typeof fetch, WebSocket: typeof WebSocket, permissions?: Permissions, serviceWorker?: WorkerContainer, document?: Document & {permissionsPolicy?: FeaturePolicy, featurePolicy?: FeaturePolicy}, window?: EventTarget, framed?: boolean, hostname: string, secure: boolean, vendor: string, storage: Storage|null, random: () => number, crypto?: Crypto}} Environment */
/** @typedef {{ports?: readonly number[], pingPort?: number, minVersion?: string, pinInstallation?: boolean, environment?: Partial<Environment>}} AnkongOptions */

const SUBPROTOCOL = "ankong.v1";
const API = "v1";
const SEEN = "ankong.seen";
const UNGUARDED = "ankong.unguarded";
const INSTALLATION = "ankong.installation";
const PROOF_CONTEXT = "ankong-status-v1";
const NONCE_SIZE = 32;
/** What a page that pins hands to no other installation. */
const GUARDED = new Set(["certificates", "sign", "sign_batch", "authenticate", "decrypt"]);
const PERMISSIONS = ["loopback-network", "local-network-access"];
const PROBE_TIMEOUT = 4_000;
const QUESTION_TIMEOUT = 120_000;
const SOCKET_TIMEOUT = 8_000;
const STEADY_AFTER = 5_000;
/** Characters of a message beside its documents. */
const ROOM_FOR_THE_REST = 0x10000;
const CALL_TIMEOUT = 30_000;
const PERSON_TIMEOUT = 180_000;
/** Codes of this module's own; all others come from the agent and are listed in its API. */
const OWN_RETRIABLE = new Set(["not_running", "connection_lost", "timeout", "aborted", "rate_limited", "busy"]);
const EVENTS = new Set(["reader_added", "reader_removed", "card_inserted", "card_removed", "card_changed"]);

/** What only a running agent tells. @type {Pick<Snapshot, "version"|"asking"|"allowed"|"service"|"readers"|"installation">} */
const NOTHING_KNOWN = { version: null, asking: false, allowed: false, service: null, readers: Object.freeze([]), installation: null };

/** The one that {@link Ankong.shared} hands out. @type {Ankong|null} */
let shared = null;

/** Why a call failed: `code` is stable, `retriable` says whether the user may try again. Each code is explained in errors/en.md and by a running agent at `/errors`. */
export class AnkongError extends Error {
  /**
   * @param {string} code
   * @param {{message?: string, retriable?: boolean, attemptsLeft?: number|null, retryAfter?: number|null, reason?: Reason|null, hint?: Hint}} [details]
   */
  constructor(code, details = {}) {
    super(details.message ?? code);
    this.name = "AnkongError";
    this.code = code;
    this.retriable = details.retriable ?? OWN_RETRIABLE.has(code);
    this.attemptsLeft = details.attemptsLeft ?? null;
    this.retryAfter = details.retryAfter ?? (code === "rate_limited" ? 1 : null);
    this.reason = details.reason ?? null;
    if (details.hint) this.hint = details.hint;
  }
}

/** Encode octets, or the UTF-8 octets of a text, as base64. @param {Bytes} bytes */
export function toBase64(bytes) {
  const octets = typeof bytes === "string" ? new TextEncoder().encode(bytes) : new Uint8Array(bytes);
  // A Blob would become no octets at all, and an empty document would be signed for it.
  if (typeof bytes !== "string" && octets.length !== (bytes.byteLength ?? Object(bytes).length)) throw new TypeError("neither text nor octets; a Blob is a `file`");
  let binary = "";
  for (let start = 0; start < octets.length; start += 0x8000) {
    binary += String.fromCharCode(...octets.subarray(start, start + 0x8000));
  }
  return btoa(binary);
}

/** Decode base64. @param {string} text */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/**
 * Compute the digest of a file or stream of any length, of which a piece is held at a time. Loads `digest.js`, which lies beside
 * this module.
 *
 * @param {Blob|ReadableStream<Uint8Array>} file @param {Hash} [hash] not SHA-1 @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<Uint8Array>}
 */
export const digest = async (file, hash, options) => (await import("./digest.js")).digestFile(file, hash, options);

/** Rename the keys of a JSON value, all the way down. @param {unknown} value @param {(key: string) => string} rename @returns {any} */
function renameKeys(value, rename) {
  if (Array.isArray(value)) return value.map((item) => renameKeys(item, rename));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(defined(value)).map(([key, item]) => [rename(key), renameKeys(item, rename)]));
}

/** From the wire's snake_case to this module's camelCase. @param {unknown} value */
export const fromWire = (value) =>
  renameKeys(value, (key) => key.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()));

/** From this module's camelCase to the wire's snake_case. @param {unknown} value */
export const toWire = (value) =>
  renameKeys(value, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));

/** @param {string} [digits] */
const number = (digits = "") => Number.parseInt(digits, 10) || 0;

/** Compare dotted versions by number: negative when `left` is older. @param {string} left @param {string} right */
export function compareVersions(left, right) {
  const others = right.split(".");
  const differences = left.split(".").map((part) => number(part) - number(others.shift()));
  return [...differences, ...others.map((part) => -number(part))].find(Boolean) ?? 0;
}

/** Milliseconds to wait before look number `attempt` (from 0); grows to 5 s, ±25 %. @param {number} attempt @param {number} random 0 to 1 */
export function backOff(attempt, random) {
  return Math.min(5_000, 1_000 * 1.5 ** attempt) * (0.75 + random / 2);
}

/** Whether a page of this host is on this computer itself, where browsers ask no permission. @param {string} hostname */
export function isLoopbackHost(hostname) {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

/**
 * Say why the agent cannot be used, from what the looks at its ports showed.
 *
 * A browser shows a page neither a refused connection nor a bad certificate, so the plain beacon
 * decides between them; whether the agent was ever seen here decides between the last ones.
 *
 * @param {{permission: Permission, https: Outcome[], ping: Outcome, seen: boolean, silenceProves?: boolean}} evidence
 *   `silenceProves` unless something between the page and the ports may have kept the beacon from being heard
 * @returns {Reason}
 */
export function diagnose({ permission, https, ping, seen, silenceProves = true }) {
  if (permission === "denied") return "permission_denied";
  if (isFound(ping)) return "certificate_not_trusted";
  const kinds = [ping, ...https].map(({ kind }) => kind);
  if (kinds.includes("foreign")) return "port_taken";
  if (kinds.includes("timeout")) return permission === "granted" ? "port_taken" : "permission_prompt";
  if (seen) return "not_started";
  return silenceProves ? "not_installed" : "unreachable";
}

/** What the agent tells its beacon's readers to try. @param {Outcome} ping @returns {Hint|undefined} */
function hintOf(ping) {
  return isFound(ping) && ping.body?.hint === "restart_browser" ? ping.body.hint : undefined;
}

/** @param {unknown} body @returns {body is Announcement} */
function isAnnouncement(body) {
  const { product, version } = /** @type {Partial<Announcement>} */ (body ?? {});
  return product === "ankong" && typeof version === "string";
}

/**
 * Check a proof as a page's server does it too: a nonce of one's own, signed by the key that is pinned.
 *
 * @param {Proof} proof @param {Crypto} [judge]
 * @returns {Promise<boolean>}
 */
export async function isProven({ key, nonce, signature }, judge = globalThis.crypto) {
  try {
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    const known = await judge.subtle.importKey("spki", fromBase64(key), curve, false, ["verify"]);
    const signed = new Uint8Array([...new TextEncoder().encode(PROOF_CONTEXT), ...fromBase64(nonce)]);
    return await judge.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, known, fromBase64(signature), signed);
  } catch {
    return false; // no key, no base64, or a page without WebCrypto: nothing is proven
  }
}

/** @param {Outcome} outcome @returns {outcome is Found} */
const isFound = (outcome) => outcome.kind === "ankong";

/** @param {Promise<Outcome>[]} looks @returns {Promise<Found|null>} */
function firstFound(looks) {
  return new Promise((resolve) => {
    const each = looks.map((look) => look.then((outcome) => isFound(outcome) && resolve(outcome)));
    void Promise.all(each).then(() => resolve(null));
  });
}

/** Nobody is refused late: the browser's question stood open, and was put away. @param {number} start of the request */
const failure = (start) => (Date.now() - start > PROBE_TIMEOUT ? "timeout" : "unreachable");

/** @returns {Environment} */
function browserEnvironment() {
  const { WebSocket, navigator, document, window, location, isSecureContext, crypto } = globalThis;
  let storage = null;
  try {
    storage = globalThis.localStorage ?? null;
  } catch {
    // Storage is forbidden here: everything works, only less is remembered.
  }
  return {
    fetch: (...request) => globalThis.fetch(...request),
    WebSocket,
    permissions: navigator?.permissions,
    serviceWorker: navigator?.serviceWorker,
    document,
    window,
    framed: window !== window?.top,
    hostname: location?.hostname ?? "localhost",
    secure: isSecureContext ?? true,
    vendor: navigator?.vendor ?? "",
    storage,
    random: Math.random,
    crypto,
  };
}

/** Where a test has its agent; a real site's scripts cannot lead its pages elsewhere. @returns {AnkongOptions} */
function portsOfTests() {
  const { ports, pingPort } = /** @type {{ANKONG_PORTS?: AnkongOptions}} */ (globalThis).ANKONG_PORTS ?? {};
  return isLoopbackHost(globalThis.location?.hostname ?? "") ? defined({ ports, pingPort }) : {};
}

/**
 * Name why a WebSocket was closed (RFC 6455 §7.4.1): the agent says so by number and word.
 *
 * @param {{code?: number, reason?: string}} [event]
 * @returns {string}
 */
export function closeCode({ code, reason } = {}) {
  if (code === 1008) return reason === "origin_blocked" || reason === "origin_not_allowed" ? reason : "rate_limited";
  if (code === 1013) return "busy";
  if (code === 1009) return "too_large";
  return code === 1011 ? "internal" : "connection_lost";
}

/** One WebSocket to the agent: requests by number, answers, events. */
class Channel {
  /** @type {Map<number, (error: AnkongError|null, result?: unknown) => void>} */
  #waiting = new Map();
  #next = 1;
  /** Why it was closed; null while it is open. @type {string|null} */
  lostBy = null;
  /** Whether the agent closed it because nobody needed it. */
  expired = false;

  /** @param {WebSocket} socket open @param {(event: string, data: any) => void} onEvent @param {() => void} onClose */
  constructor(socket, onEvent, onClose) {
    this.socket = socket;
    this.openedAt = Date.now();
    socket.onmessage = ({ data }) => this.#receive(data, onEvent);
    socket.onclose = (event) => {
      this.lostBy = closeCode(event);
      this.expired = event?.code === 1000 && event.reason === "timeout";
      for (const settle of this.#waiting.values()) settle(new AnkongError(this.lostBy));
      onClose();
    };
  }

  /** @param {number} port @param {typeof WebSocket} Socket @param {number} [timeout] @returns {Promise<WebSocket>} */
  static open(port, Socket, timeout = SOCKET_TIMEOUT) {
    return new Promise((resolve, reject) => {
      const socket = new Socket(`wss://localhost:${port}/v1/socket`, SUBPROTOCOL);
      const timer = setTimeout(() => (socket.close(), reject(new AnkongError("timeout"))), timeout);
      socket.onopen = () => (clearTimeout(timer), resolve(socket));
      socket.onclose = () => (clearTimeout(timer), reject(new AnkongError("connection_lost")));
    });
  }

  /** @param {unknown} data @param {(event: string, data: any) => void} onEvent */
  #receive(data, onEvent) {
    let message;
    try {
      message = JSON.parse(String(data));
    } catch {
      return;
    }
    if (typeof message?.event === "string") return onEvent(message.event, fromWire(message.data));
    const settle = this.#waiting.get(message?.id);
    if (message?.error) settle?.(new AnkongError(message.error.code, fromWire(message.error)));
    else settle?.(null, fromWire(message.result));
  }

  /** @param {string} method @param {object} params @param {CallOptions} options @returns {Promise<any>} */
  call(method, params, { signal, timeout = CALL_TIMEOUT }) {
    const refusal = signal?.aborted ? "aborted" : this.lostBy;
    if (refusal) return Promise.reject(new AnkongError(refusal));
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      const giveUp = () => this.#giveUp(id);
      const timer = setTimeout(() => this.#giveUp(id, "timeout"), timeout);
      signal?.addEventListener("abort", giveUp);
      this.#waiting.set(id, (error, result) => {
        this.#waiting.delete(id);
        clearTimeout(timer);
        signal?.removeEventListener("abort", giveUp);
        if (error) reject(error);
        else resolve(result);
      });
      this.#send({ id, method, params: toWire(params) });
    });
  }

  /** @param {object} message */
  #send(message) {
    this.socket.send(JSON.stringify(message));
  }

  /** Fail a request, and tell the agent that nobody waits for its answer any more. @param {number} request @param {string} [code] */
  #giveUp(request, code = "aborted") {
    this.#waiting.get(request)?.(new AnkongError(code));
    if (this.socket.readyState === this.socket.OPEN) this.#send({ id: this.#next++, method: "cancel", params: { request } });
  }

  /** Give up on every request that is under way. */
  cancelAll() {
    for (const request of [...this.#waiting.keys()]) this.#giveUp(request);
  }
}

/** The agent on this computer, as a page sees it. Events: {@link EVENTS}, `service_changed`. */
export class Ankong extends EventTarget {
  /** @type {Snapshot} */
  #snapshot = Object.freeze({ state: "checking", reason: null, permission: null, needsClick: false, virtual: false, ...NOTHING_KNOWN });
  /** @type {Set<(snapshot: Snapshot) => void>} */
  #listeners = new Set();
  /** @type {Channel|null} */
  #channel = null;
  /** @type {Promise<void>|null} */
  #looking = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {PermissionStatus|null} */
  #permissionStatus = null;
  #attempt = 0;
  /** How many bytes a document may have, before base64; a message twice as many. */
  #maxData = Infinity;
  /** Why there is no channel, once there was one. */
  #lostBy = "connection_lost";
  /** Whether the agent answers but is not needed, so that there is no channel. */
  #resting = false;
  /** What the page's own policy stopped of a look: "https:", "http:", "wss:". @type {Set<string>} */
  #stopped = new Set();
  /** @type {Promise<Proof>|null} */
  #proving = null;
  /** @type {Environment} */
  #environment;

  /**
   * @param {AnkongOptions} [options]
   *   `minVersion` is the oldest agent that this page can work with. With `pinInstallation` the page remembers the
   *   first installation and hands nothing to another one (`installation_changed`) before
   *   `acceptInstallation()`. `environment` is for tests.
   */
  constructor(options = {}) {
    super();
    // The old name: were it ignored, a page would believe itself protected.
    if ("pin" in options) throw new TypeError("pin is pinInstallation now");
    const { ports = [28443, 28444, 28445], pingPort = 61161, minVersion = "0.1.0", pinInstallation = false, environment } = options;
    this.pinInstallation = pinInstallation;
    this.ports = ports;
    this.pingPort = pingPort;
    this.minVersion = minVersion;
    this.#environment = { ...browserEnvironment(), ...environment };
  }

  /**
   * The one agent of this document, made at the first call, which alone may give options. Tests set `ANKONG_PORTS` to
   * `{ports, pingPort}` beforehand; pages that do not lie on this computer ignore it.
   *
   * @param {AnkongOptions} [options]
   * @returns {Ankong}
   */
  static shared(options) {
    // Were they ignored, a page would believe itself protected by `pinInstallation`.
    if (shared && options) throw new TypeError("only the first call may give options");
    return (shared ??= new Ankong({ ...portsOfTests(), ...options }));
  }

  /** What is known now. */
  get snapshot() {
    return this.#snapshot;
  }

  /**
   * Call `listener` now and on every change, until the returned function is called.
   * The agent is noticed when it starts, stops, or is allowed by the user; never a question.
   *
   * @param {(snapshot: Snapshot) => void} listener
   * @returns {() => void}
   */
  watch(listener) {
    this.#listeners.add(listener);
    listener(this.#snapshot);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#stop();
    };
  }

  /** Look now. With `ask`, from a click, the browser may ask its permission question. @param {{ask?: boolean}} [options] */
  async check({ ask = false } = {}) {
    if (this.#looking) await this.#looking;
    if (!this.#channel) await this.#look(ask);
    return this.#snapshot;
  }

  /**
   * Ask the user, through the agent, to allow this site. Whoever will want signatures over a `digest` alone says so
   * with `blind`, so that one window asks about both; the answer then tells whether these are allowed.
   *
   * @param {CallOptions & {blind?: boolean}} [options]
   */
  async connect({ blind = false, ...options } = {}) {
    const answer = await this.#call("connect", blind ? { blind } : {}, { timeout: PERSON_TIMEOUT, ...options });
    this.#publish({ allowed: true });
    await this.#learn(async () => ({ virtual: (await this.#call("status", {}, {})).virtual === true }));
    await this.#refreshReaders();
    await this.#checkInstallation();
    return /** @type {{allowed: true, blind?: boolean}} */ (answer);
  }

  /**
   * Have the installation prove itself to this site, which the user must have allowed. The answer is
   * checked here; a server that gives the `nonce` (16 to 64 octets) can check it again and remember the key.
   *
   * @param {{nonce?: Uint8Array} & CallOptions} [options]
   * @returns {Promise<Proof>}
   */
  async prove({ nonce, ...options } = {}) {
    const judge = this.#environment.crypto;
    if (!judge?.subtle) throw new AnkongError("installation_unproven", { message: "no HTTPS" });
    const mine = toBase64(nonce ?? judge.getRandomValues(new Uint8Array(NONCE_SIZE)));
    const { allowed, proof } = (await this.#call("status", { nonce: mine }, options)) ?? {};
    if (!allowed) throw new AnkongError("origin_not_allowed");
    const told = { key: String(proof?.key), nonce: mine, signature: String(proof?.signature) };
    if (!(await isProven(told, judge))) throw new AnkongError("installation_unproven");
    return told;
  }

  /** Remember the installation that answers now, as the user wishes. @returns {Promise<Proof>} */
  async acceptInstallation() {
    const proof = await this.prove();
    this.#remember(INSTALLATION, proof.key);
    await this.#checkInstallation();
    return proof;
  }

  /** List the readers and the cards in them. @param {CallOptions} [options] @returns {Promise<{service: "available"|"unavailable", readers: Reader[]}>} */
  readers(options = {}) {
    return this.#call("readers", {}, options);
  }

  /**
   * Read the certificates of one card, or of all; needs no PIN. `onProblem` hears of each card that could not be read while
   * others could.
   *
   * @param {{reader?: string, onProblem?: (problem: Problem) => void} & CallOptions} [options]
   * @returns {Promise<Certificate[]>}
   */
  async certificates({ reader, onProblem, ...options } = {}) {
    const { certificates, problems = [] } = await this.#call("certificates", { reader }, options);
    if (onProblem) problems.forEach((/** @type {Problem} */ problem) => onProblem(problem));
    return certificates;
  }

  /**
   * Sign `data`, a `digest` of it, or a `file`. Without `pin` the agent asks for it in its own window. A file or stream is read a
   * piece at a time and signed by its digest, so the `format` is "cms-detached" unless another is given.
   *
   * @param {Item & SigningOptions & CallOptions} request
   * @returns {Promise<Signer & {signature: string}>} `signature` is base64
   */
  async sign({ data, digest, file, documentName, ...rest }) {
    const { items, ...params } = await this.#prepare({ ...rest, items: [{ data, digest, file, documentName }] });
    return this.#ask("sign", { ...params, ...items[0] });
  }

  /**
   * Sign several items with one PIN; the user is shown how many. Where any of them is a PDF, the answer has `items` in place of `signatures`.
   *
   * @param {{items: Item[]} & SigningOptions & CallOptions} request
   * @returns {Promise<Signer & {signatures: string[], items?: SignedItem[]}>}
   */
  async signBatch(request) {
    return this.#ask("sign_batch", await this.#prepare(request));
  }

  /**
   * Sign a PDF in itself (PAdES). One of more than 4 MB, and at most 64, is handed over beside the calls. Events of this object say how
   * far it is: `document_prepared` before the agent asks, `document_signed` after it. Loads `pdf.js`, which lies beside this module.
   *
   * @param {Blob|ArrayBuffer|Uint8Array} file @param {import("./pdf.js").PdfOptions} [options]
   * @returns {Promise<import("./pdf.js").SignedPdf>}
   */
  async signPdf(file, options) {
    const { socket } = await this.#reach();
    if (this.pinInstallation) await this.#insist();
    return (await import("./pdf.js")).signPdf(this, socket, file, options);
  }

  /**
   * Prove to this site's server who holds the card. The agent signs the challenge together with this page's origin, so that no
   * other site can use the token. The server makes the challenge (32 to 64 random octets; a text is base64url without padding),
   * keeps it in its session, and checks the token.
   *
   * @param {{challenge: string|Uint8Array, purpose?: "login"|"identify", hash?: "SHA-256"|"SHA-384"|"SHA-512", certificate?: string, reader?: string, pin?: string} & CallOptions} request
   * @returns {Promise<{token: string, algorithm: Algorithm, thumbprint: string, reader: string}>} `token` is base64 DER
   */
  async authenticate({ challenge, purpose = "login", hash = "SHA-256", ...rest }) {
    return this.#ask("authenticate", { ...rest, challenge: encodeChallenge(challenge), purpose, hash });
  }

  /** Decrypt what was encrypted for the card. @param {{data: Bytes, format?: "pkcs1"|"cms", reader?: string, pin?: string} & CallOptions} request @returns {Promise<Uint8Array>} */
  async decrypt({ data, format = "cms", ...rest }) {
    return fromBase64((await this.#ask("decrypt", { ...rest, data: toBase64(data), format })).data);
  }

  /** Give up on everything this page is waiting for; each call fails with `aborted`. */
  cancel() {
    this.#channel?.cancelAll();
  }

  /** @param {string} method @param {object} params @param {CallOptions} options @returns {Promise<any>} */
  async #call(method, params, options) {
    const channel = await this.#reach();
    if (this.pinInstallation && GUARDED.has(method)) await this.#insist();
    // What was proven was proven by this channel, and not by whoever came after it.
    if (this.#channel !== channel) throw new AnkongError("connection_lost");
    this.#checkSize(params);
    return channel.call(method, params, options);
  }

  /** A call that a person answers. @param {string} method @param {CallOptions & Record<string, unknown>} request @returns {Promise<any>} */
  #ask(method, { signal, timeout = PERSON_TIMEOUT, ...params }) {
    return this.#call(method, params, { signal, timeout });
  }

  /**
   * Bring what is to be signed into its form for the agent. A file's digest stands for the file: before a long one is read, find
   * out whether anybody is there to sign it. What is known only by its digest cannot be put into its signature.
   *
   * @template {{items: Item[]} & SigningOptions & CallOptions} T
   * @param {T} request
   */
  async #prepare({ items, hash = "SHA-256", format, nonce, ...rest }) {
    const isLong = items.some(({ file }) => file);
    if (isLong) await this.#reach();
    const prepared = [];
    for (const given of items) {
      const item = given.file ? await (await import("./digest.js")).itemOf(given, hash, rest) : given;
      prepared.push({ ...item, data: encode(item.data), digest: encode(item.digest) });
    }
    return { ...rest, hash, format: format ?? (isLong ? "cms-detached" : "cms"), nonce: encode(nonce), items: prepared };
  }

  /** @returns {Promise<Channel>} */
  async #reach() {
    this.#resting = false;
    if (!this.#channel) await this.check({ ask: true });
    if (this.#channel) return this.#channel;
    if (this.#snapshot.state === "running") throw new AnkongError(this.#lostBy);
    throw new AnkongError("not_running", { reason: this.#snapshot.reason, hint: this.#snapshot.hint });
  }

  /**
   * Refuse what is longer than the agent takes, before it travels: a very long message would end the connection, and every other call on it.
   *
   * @param {{data?: string, items?: {data?: string}[]}} params
   */
  #checkSize({ data, items = [{ data }] }) {
    const lengths = items.map(({ data }) => data?.length ?? 0);
    const longest = Math.ceil(this.#maxData / 3) * 4;
    const total = lengths.reduce((sum, length) => sum + length, ROOM_FOR_THE_REST);
    if (total > 2 * this.#maxData || lengths.some((length) => length > longest)) throw new AnkongError("too_large", { message: `more than ${this.#maxData} bytes` });
  }

  #start() {
    this.#listen("addEventListener");
    void this.#look(false);
  }

  #stop() {
    this.#listen("removeEventListener");
    if (this.#permissionStatus) this.#permissionStatus.onchange = null;
    this.#permissionStatus = null;
    clearTimeout(this.#timer);
    this.#channel?.socket.close();
  }

  /** @param {"addEventListener"|"removeEventListener"} how */
  #listen(how) {
    this.#environment.document?.[how]("visibilitychange", this.#wake);
    this.#environment.window?.[how]("focus", this.#wake);
  }

  #wake = () => {
    if (this.#environment.document?.hidden || this.#channel) return;
    this.#attempt = 0;
    void this.#look(false);
  };

  /** Wait for the next look, unless nobody watches, nobody sees, or the agent will tell. */
  #schedule() {
    clearTimeout(this.#timer);
    if (this.#listeners.size === 0 || this.#channel || this.#environment.document?.hidden) return;
    const delay = backOff(this.#attempt++, this.#environment.random());
    this.#timer = setTimeout(() => void this.#look(false), delay);
  }

  /** @param {boolean} ask */
  #look(ask) {
    this.#looking ??= this.#lookOnce(ask).finally(() => {
      this.#environment.document?.removeEventListener("securitypolicyviolation", this.#noteStopped);
      this.#looking = null;
      this.#schedule();
    });
    return this.#looking;
  }

  /** @param {boolean} ask */
  async #lookOnce(ask) {
    this.#stopped.clear();
    this.#environment.document?.addEventListener("securitypolicyviolation", this.#noteStopped);
    const exempt = this.#isLocal();
    let permission = await this.#permission();
    if (!exempt && this.#isForbiddenHere()) return this.#down(this.#environment.framed ? "frame_not_allowed" : "blocked_by_page", permission);
    if (!exempt && permission === "denied") return this.#down("permission_denied", permission);
    const mayAsk = permission === "prompt" && !exempt && this.#remembered(UNGUARDED) === null;
    if (mayAsk && !ask) return this.#down(this.#reasonUnasked(), permission, true);
    if (mayAsk) this.#publish({ state: "not_running", reason: "permission_prompt", permission, asking: true });
    const { found, https, ping } = await this.#search(mayAsk);
    permission = await this.#permission();
    if (found) return this.#up(found, permission);
    if (https.some(({ kind }) => kind === "limited") && this.#snapshot.state === "running") return;
    const needsClick = mayAsk && permission === "prompt";
    if (this.#stopped.has("wss:")) return this.#down("blocked_by_page", permission, needsClick);
    const seen = this.#remembered(SEEN) !== null;
    const effective = exempt && permission === "prompt" ? "granted" : permission;
    const silenceProves = this.#silenceProves(permission);
    let reason = diagnose({ permission: effective, https, ping, seen, silenceProves });
    // A certificate that is not trusted ends the socket before the browser asks, and no beacon gets past a worker.
    if (reason === "not_installed" && needsClick && this.#isControlled()) reason = "worker_blocked";
    this.#down(reason, permission, needsClick, hintOf(ping));
  }

  /** Whether this page is exempt from the permission. */
  #isLocal() {
    return isLoopbackHost(this.#environment.hostname);
  }

  /** Whether a service worker answers what this page fetches. */
  #isControlled() {
    return Boolean(this.#environment.serviceWorker?.controller);
  }

  /** Whether the page, or the one that frames it, has given the permission away: then the browser asks nobody. */
  #isForbiddenHere() {
    const { permissionsPolicy, featurePolicy } = this.#environment.document ?? {};
    const policy = permissionsPolicy ?? featurePolicy;
    const known = policy?.features().filter((name) => PERMISSIONS.includes(name)) ?? [];
    return this.#environment.secure && known.length > 0 && !known.some((name) => policy?.allowsFeature(name));
  }

  /**
   * Whether nobody is there if nobody was heard. A service worker or the page's policy may keep what the beacon says from us, and
   * Safari lets no https page hear it; but where the browser has still not asked, nothing listens that it could ask about.
   *
   * @param {Permission} permission after the look
   */
  #silenceProves(permission) {
    const { secure, vendor } = this.#environment;
    const isLocal = this.#isLocal();
    if (permission === "prompt" && !isLocal) return true;
    const deaf = secure && vendor.startsWith("Apple") && !isLocal;
    return !deaf && !this.#isControlled() && !this.#stopped.has("http:");
  }

  /**
   * Look by fetch; by WebSocket where a service worker may answer in the agent's place, and first by WebSocket where the browser
   * may ask its question: no worker sees a WebSocket, and of a fetch through one no browser asks.
   *
   * @param {boolean} mayAsk whether the browser may ask its question
   * @returns {Promise<Evidence>}
   */
  async #search(mayAsk) {
    let evidence = mayAsk ? await this.#probeBySocket(QUESTION_TIMEOUT) : null;
    if (evidence && (await this.#isDecided(evidence))) return evidence;
    if (!this.#isControlled()) {
      const fetched = await this.#probe(mayAsk ? QUESTION_TIMEOUT : PROBE_TIMEOUT);
      await this.#policyHeard();
      if (fetched.found || !(this.#isControlled() || this.#stopped.has("https:"))) return fetched;
    }
    evidence ??= await this.#probeBySocket(PROBE_TIMEOUT);
    return evidence.found ? evidence : { ...evidence, ping: await this.#askBeaconAlone() };
  }

  /** Whether the sockets have said enough: the person is not asked a second time. @param {Evidence} evidence */
  async #isDecided({ found, https }) {
    if (found) void this.#learnWay(found.port);
    return found !== null || https.some(({ kind }) => kind === "timeout") || (await this.#permission()) === "denied";
  }

  /** Find out whether this browser says that it would ask, and never does. @param {number} port that the agent answered at */
  async #learnWay(port) {
    if (this.#isControlled() || (await this.#permission()) !== "prompt") return;
    const { kind } = await this.#askPort(port, AbortSignal.timeout(QUESTION_TIMEOUT));
    if (kind === "ankong" && (await this.#permission()) === "prompt") this.#remember(UNGUARDED);
  }

  /** Wait for the event of a policy, which comes after the failure that it explains. */
  #policyHeard() {
    return new Promise((resolve) => setTimeout(resolve));
  }

  /** @param {Event} event */
  #noteStopped = (event) => {
    const { blockedURI, disposition } = /** @type {SecurityPolicyViolationEvent} */ (event);
    const [, protocol = "", port] = /^(https:|http:|wss:)\/\/localhost:(\d+)/.exec(blockedURI) ?? [];
    if (disposition === "enforce" && [...this.ports, this.pingPort].includes(Number(port))) this.#stopped.add(protocol);
  };

  /** @param {number} timeout @returns {Promise<Evidence>} */
  async #probeBySocket(timeout) {
    const looks = this.ports.map((port) => this.#askBySocket(port, timeout));
    const found = await firstFound(looks);
    for (const look of looks) void look.then((each) => each !== found && isFound(each) && each.channel?.socket.close());
    return { found, https: found ? [] : await Promise.all(looks), ping: { kind: "unreachable" } };
  }

  /** Ask the beacon where a worker or a policy may stand between. @returns {Promise<Outcome>} */
  async #askBeaconAlone() {
    // No worker has this address in its cache.
    const ping = await this.#askBeacon(AbortSignal.timeout(PROBE_TIMEOUT), `?${this.#environment.random()}`);
    // Anything but the agent's own word may be the worker's.
    return isFound(ping) ? ping : { kind: "unreachable" };
  }

  /** @param {number} port @param {number} timeout @returns {Promise<Outcome>} */
  async #askBySocket(port, timeout) {
    /** @type {Channel|undefined} */
    let channel;
    const start = Date.now();
    try {
      channel = await this.#openChannel(port, timeout);
      const body = toWire(await channel.call("status", {}, { timeout: SOCKET_TIMEOUT }));
      if (isAnnouncement(body)) return { kind: "ankong", port, body, channel };
      channel.socket.close();
      return { kind: "foreign" };
    } catch (error) {
      const { code } = /** @type {AnkongError} */ (error);
      if (code === "origin_blocked") return { kind: "ankong", port, body: null, channel };
      if (code !== "timeout") return { kind: failure(start) };
      channel?.socket.close();
      return { kind: code };
    }
  }

  /** @param {number} port @param {number} [timeout] */
  async #openChannel(port, timeout) {
    const socket = await Channel.open(port, this.#environment.WebSocket, timeout);
    /** @type {Channel} */
    const channel = new Channel(socket, this.#onEvent, () => this.#onClose(channel));
    return channel;
  }

  /** What the last asked look found stands until the next one. @returns {Reason} */
  #reasonUnasked() {
    const { reason, needsClick } = this.#snapshot;
    return needsClick && reason !== null ? reason : "permission_prompt";
  }

  /** @param {Reason} reason @param {Permission} permission @param {boolean} [needsClick] @param {Hint} [hint] */
  #down(reason, permission, needsClick = false, hint = undefined) {
    this.#publish({ state: "not_running", reason, hint, permission, needsClick, ...NOTHING_KNOWN });
  }

  /** @param {Found} found @param {Permission} permission */
  async #up({ port, body, channel }, permission) {
    this.#remember(SEEN);
    // The way was open although the browser says it would ask: here it never does, at least by fetch.
    if (permission === "prompt" && !channel) this.#remember(UNGUARDED);
    if (body && (body.api !== API || compareVersions(body.version, this.minVersion) < 0)) {
      channel?.socket.close();
      return this.#down("too_old", permission);
    }
    this.#maxData = body?.max_data ?? Infinity;
    if (body?.allowed) this.#resting = false;
    if (channel) this.#use(channel);
    else if (!this.#resting) await this.#connect(port);
    if (this.#stopped.has("wss:")) return this.#down("blocked_by_page", permission);
    this.#publish({
      state: "running", reason: null, permission, needsClick: false, asking: false, version: body?.version ?? null,
      allowed: body?.allowed === true, virtual: body?.virtual === true,
    });
    if (!body?.allowed) return;
    await this.#refreshReaders();
    await this.#checkInstallation();
  }

  /** Find out whether it is the installation that is remembered; the first one is. @returns {Promise<Installation|null>} */
  async #checkInstallation() {
    if (!this.pinInstallation || !this.#channel) return null;
    this.#proving ??= this.prove();
    const proving = this.#proving;
    const verdict = await this.#judge(proving);
    if (this.#proving === proving) {
      if (verdict === null || verdict === "unproven") this.#proving = null; // the next call tries again
      this.#publish({ installation: verdict });
    }
    return verdict;
  }

  /** @param {Promise<Proof>} proving @returns {Promise<Installation|null>} */
  async #judge(proving) {
    try {
      const { key } = await proving;
      const known = this.#remembered(INSTALLATION);
      if (known === null) this.#remember(INSTALLATION, key);
      if (known !== null && known !== key) return "changed";
      return known === null || this.#snapshot.installation === "new" ? "new" : "known";
    } catch (error) {
      return error instanceof AnkongError && error.code === "installation_unproven" ? "unproven" : null;
    }
  }

  /** Let a guarded call through to the installation that is remembered, and to no other. */
  async #insist() {
    const verdict = await this.#checkInstallation();
    if (verdict === "changed") throw new AnkongError("installation_changed");
    if (verdict !== "new" && verdict !== "known") await this.prove(); // which says why not
  }

  /** @param {number} port */
  async #connect(port) {
    try {
      this.#use(await this.#openChannel(port));
    } catch {
      await this.#policyHeard(); // Status answers, the socket does not: keep looking instead.
    }
  }

  /** @param {Channel} channel */
  #use(channel) {
    this.#channel = channel.lostBy === null ? channel : null;
    this.#lostBy = channel.lostBy ?? "connection_lost";
    this.#proving = null; // whoever answers now has proven nothing yet
  }

  /** @param {Channel} channel */
  #onClose(channel) {
    if (this.#channel !== channel) return;
    this.#channel = null;
    this.#lostBy = channel.lostBy ?? "connection_lost";
    this.#resting = channel.expired && !this.#snapshot.allowed;
    if (this.#resting) return this.#schedule();
    if (Date.now() - channel.openedAt < STEADY_AFTER) return this.#schedule();
    this.#attempt = 0;
    if (this.#listeners.size > 0) void this.#look(false);
  }

  #onEvent = (/** @type {string} */ event, /** @type {any} */ data) => {
    if (EVENTS.has(event) && data?.reader) {
      const others = this.#snapshot.readers.filter(({ name }) => name !== data.reader.name);
      const gone = event === "reader_removed";
      const readers = gone ? others : [...others, data.reader];
      this.#publish({ readers: readers.sort((a, b) => a.name.localeCompare(b.name)) });
    } else if (event === "service_changed") {
      this.#publish({ service: data.service, readers: [] });
      void this.#refreshReaders();
    } else return;
    this.dispatchEvent(new CustomEvent(event, { detail: data }));
  };

  /** Learn what the agent tells an allowed site only. @param {() => Promise<Partial<Snapshot>>} asked */
  async #learn(asked) {
    try {
      this.#publish(await asked());
    } catch {
      // Not allowed any more, or just gone: the next look, or the next call, says so.
    }
  }

  async #refreshReaders() {
    await this.#learn(async () => {
      const { service, readers } = await this.readers();
      return { service, readers };
    });
  }

  /** @param {Partial<Snapshot>} change */
  #publish(change) {
    const { hint, ...known } = { ...this.#snapshot, ...change };
    const next = hint && known.reason === "certificate_not_trusted" ? { ...known, hint } : known;
    if (JSON.stringify(next) === JSON.stringify(this.#snapshot)) return;
    this.#snapshot = Object.freeze(next);
    for (const listener of [...this.#listeners]) listener(this.#snapshot);
  }

  /** @param {number} timeout @returns {Promise<Evidence>} */
  async #probe(timeout) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeout);
    const { signal } = abort;
    const looks = this.ports.map((port) => this.#askPort(port, signal));
    const beacon = this.#askBeacon(signal);
    try {
      const found = await firstFound(looks);
      if (found) return { found, https: [], ping: found };
      const ping = await this.#nameStranger(await beacon, signal);
      const https = await Promise.all(looks);
      const elsewhere = isFound(ping) && ping.body?.tls;
      if (elsewhere && !this.ports.includes(elsewhere)) https.push(await this.#askPort(elsewhere, signal));
      return { found: https.find(isFound) ?? null, https, ping };
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  /** @param {number} port @param {AbortSignal} signal */
  #askPort(port, signal) {
    return this.#fetch(`https://localhost:${port}/v1/status`, port, signal);
  }

  /** @param {AbortSignal} signal @param {string} [query] */
  #askBeacon(signal, query = "") {
    return this.#fetch(`http://localhost:${this.pingPort}/v1/ping${query}`, this.pingPort, signal);
  }

  /** @param {string} url @param {number} port @param {AbortSignal} signal @returns {Promise<Outcome>} */
  async #fetch(url, port, signal) {
    const start = Date.now();
    try {
      const response = await this.#environment.fetch(url, { ...requestOptions(), signal });
      const body = await response.json().catch(() => null);
      if (isAnnouncement(body)) return { kind: "ankong", port, body };
      return { kind: response.status === 429 ? "limited" : "foreign" };
    } catch {
      return { kind: signal.aborted ? "timeout" : failure(start) };
    }
  }

  /** Tell nobody from somebody who keeps silent to strange pages. @param {Outcome} ping @param {AbortSignal} signal @returns {Promise<Outcome>} */
  async #nameStranger(ping, signal) {
    if (ping.kind !== "unreachable") return ping;
    try {
      const url = `http://localhost:${this.pingPort}/`;
      await this.#environment.fetch(url, { ...requestOptions(), mode: "no-cors", signal });
      return { kind: "foreign" };
    } catch {
      return ping;
    }
  }

  /** @returns {Promise<Permission>} */
  async #permission() {
    /** @type {Permission} */
    let found = "unsupported";
    for (const name of PERMISSIONS) {
      try {
        const descriptor = /** @type {PermissionDescriptor} */ (/** @type {unknown} */ ({ name }));
        const status = await this.#environment.permissions?.query(descriptor);
        if (!status) break;
        if (!this.#permissionStatus && this.#listeners.size > 0) {
          this.#permissionStatus = status;
          status.onchange = this.#wake;
        }
        if (found === "unsupported" || status.state === "denied") found = status.state;
        // A page without https is never asked about; Chromium 150 says so under the older name only.
        if (this.#environment.secure) break;
      } catch {
        // This browser does not know the name.
      }
    }
    return found;
  }

  /** @param {string} key */
  #remembered(key) {
    try {
      return this.#environment.storage?.getItem(key) ?? null;
    } catch {
      return null; // a broken profile of the browser's
    }
  }

  /** @param {string} key @param {string} [value] */
  #remember(key, value = "1") {
    try {
      this.#environment.storage?.setItem(key, value);
    } catch {
      // A full or forbidden storage only costs a better guess next time.
    }
  }
}

/** @template {object} T @param {T} fields @returns {T} */
function defined(fields) {
  return /** @type {T} */ (Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));
}

/** Octets travel as base64. @param {Bytes} [bytes] */
const encode = (bytes) => (bytes === undefined ? undefined : toBase64(bytes));

/**
 * From a server's challenge to base64, before anything is sent: 32 to 64 octets, or the one base64url text without padding
 * that stands for them.
 *
 * @param {unknown} challenge
 */
export function encodeChallenge(challenge) {
  const text = typeof challenge === "string" && /^[\w-]{43,86}$/.test(challenge) ? challenge.replace(/-/g, "+").replace(/_/g, "/") : "";
  const octets = text.length % 4 === 1 ? null : text ? fromBase64(text) : challenge;
  if (octets instanceof Uint8Array && octets.length >= 32 && octets.length <= 64) {
    const encoded = toBase64(octets);
    if (!text || encoded.replace(/=+$/, "") === text) return encoded;
  }
  throw new AnkongError("bad_request", { message: "32 to 64 octets, or their base64url without padding" });
}

/** @returns {RequestInit} */
function requestOptions() {
  const options = { cache: /** @type {const} */ ("no-store"), credentials: /** @type {const} */ ("omit") };
  try {
    const marked = { ...options, targetAddressSpace: "loopback" };
    void new Request("http://localhost/", marked);
    return marked;
  } catch {
    return options; // An older browser knows the option, but not this value.
  }
}
