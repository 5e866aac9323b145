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
export type Reason = "not_installed" | "not_started" | "unreachable" | "permission_prompt" | "permission_denied" | "blocked_by_page" | "frame_not_allowed" | "worker_blocked" | "certificate_not_trusted" | "port_taken" | "too_old";
export type Hint = "restart_browser";
export type Permission = "granted" | "prompt" | "denied" | "unsupported";
export type Card = {
    generation: "gen1" | "gen2" | "piv" | "pkcs11" | null;
    serial: string | null;
};
export type Reader = {
    name: string;
    state: "empty" | "card" | "mute" | "unsupported";
    card: Card | null;
    attemptsLeft: number | null;
};
export type Hash = "SHA-256" | "SHA-384" | "SHA-512" | "SHA-1";
export type Format = "cms" | "cms-detached" | "pkcs1" | "ecdsa" | "pades";
export type Algorithm = "sha1WithRSAEncryption" | "sha256WithRSAEncryption" | "sha384WithRSAEncryption" | "sha512WithRSAEncryption" | "ecdsa-with-SHA256" | "ecdsa-with-SHA384" | "ecdsa-with-SHA512";
export type Bytes = string | ArrayBuffer | Uint8Array;
export type CallOptions = {
    signal?: AbortSignal;
    timeout?: number;
};
export type Item = {
    data?: Bytes;
    digest?: Uint8Array;
    file?: Blob | ReadableStream<Uint8Array>;
    documentName?: string;
    document?: string;
    format?: Format;
    pades?: Pades;
};
export type Pades = {
    level?: "B-B" | "B-T" | "B-LT" | "B-LTA";
    reason?: string;
    location?: string;
    field?: string;
    mark?: {
        page?: number | null;
        box?: [number, number, number, number] | null;
    };
    password?: string;
};
export type SignedItem = {
    signature?: string;
    pdf?: string;
    document?: string;
    field?: string;
    level?: "B-B" | "B-T" | "B-LT" | "B-LTA";
    lacks?: "timestamp_failed" | "evidence_missing";
    error?: {
        code: string;
        message: string;
        retriable: boolean;
    };
};
export type SigningOptions = {
    hash?: Hash;
    format?: Format;
    certificate?: string;
    reader?: string;
    nonce?: Bytes;
    pin?: string;
    signingCertificate?: boolean;
    signingTime?: boolean;
    document?: string;
    pades?: Pades;
};
export type Signer = {
    algorithm: Algorithm;
    certificate: string;
    thumbprint: string;
    reader: string;
    cardSerial: string | null;
};
export type Certificate = {
    thumbprint: string;
    certificate: string;
    reader: string;
    id: string;
    label: string;
    usage: string[];
    subject: string;
    subjectCn: string | null;
    subjectSerial: string | null;
    idLast4: string | null;
    issuer: string;
    serial: string;
    notBefore: string;
    notAfter: string;
    cardSerial: string | null;
};
export type Problem = {
    reader: string;
    code: string;
    message: string;
    retriable: boolean;
};
export type Installation = "new" | "known" | "changed" | "unproven";
export type Proof = {
    key: string;
    nonce: string;
    signature: string;
};
export type Snapshot = {
    state: "checking" | "running" | "not_running";
    reason: Reason | null;
    version: string | null;
    permission: Permission | null;
    needsClick: boolean;
    asking: boolean;
    allowed: boolean;
    virtual: boolean;
    service: "available" | "unavailable" | null;
    readers: readonly Reader[];
    installation: Installation | null;
    hint?: Hint;
};
export type Announcement = {
    product: string;
    version: string;
    api?: string;
    allowed?: boolean;
    max_data?: number;
    virtual?: boolean;
    tls?: number;
    hint?: string;
};
export type Found = {
    kind: "ankong";
    port: number;
    body: Announcement | null;
    channel?: Channel;
};
export type Outcome = Found | {
    kind: "foreign" | "limited" | "timeout" | "unreachable";
};
export type Evidence = {
    found: Found | null;
    https: Outcome[];
    ping: Outcome;
};
export type FeaturePolicy = {
    features: () => string[];
    allowsFeature: (name: string) => boolean;
};
export type WorkerContainer = {
    controller: unknown;
};
export type Environment = {
    fetch: typeof fetch;
    WebSocket: typeof WebSocket;
    permissions?: Permissions;
    serviceWorker?: WorkerContainer;
    document?: Document & {
        permissionsPolicy?: FeaturePolicy;
        featurePolicy?: FeaturePolicy;
    };
    window?: EventTarget;
    framed?: boolean;
    hostname: string;
    secure: boolean;
    vendor: string;
    storage: Storage | null;
    random: () => number;
    crypto?: Crypto;
};
export type AnkongOptions = {
    ports?: readonly number[];
    pingPort?: number;
    minVersion?: string;
    pinInstallation?: boolean;
    environment?: Partial<Environment>;
};
/** Why a call failed: `code` is stable, `retriable` says whether the user may try again. Each code is explained in errors/en.md and by a running agent at `/errors`. */
export declare class AnkongError extends Error {
    code: string;
    retriable: boolean;
    attemptsLeft: number | null;
    retryAfter: number | null;
    reason: Reason | null;
    hint: "restart_browser" | undefined;
    /**
     * @param {string} code
     * @param {{message?: string, retriable?: boolean, attemptsLeft?: number|null, retryAfter?: number|null, reason?: Reason|null, hint?: Hint}} [details]
     */
    constructor(code: string, details?: {
        message?: string;
        retriable?: boolean;
        attemptsLeft?: number | null;
        retryAfter?: number | null;
        reason?: Reason | null;
        hint?: Hint;
    });
}
/** Encode octets, or the UTF-8 octets of a text, as base64. @param {Bytes} bytes */
export declare function toBase64(bytes: Bytes): string;
/** Decode base64. @param {string} text */
export declare function fromBase64(text: string): Uint8Array<ArrayBuffer>;
/**
 * Compute the digest of a file or stream of any length, of which a piece is held at a time. Loads `digest.js`, which lies beside
 * this module.
 *
 * @param {Blob|ReadableStream<Uint8Array>} file @param {Hash} [hash] not SHA-1 @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<Uint8Array>}
 */
export declare const digest: (file: Blob | ReadableStream<Uint8Array>, hash?: Hash, options?: {
    signal?: AbortSignal;
}) => Promise<Uint8Array>;
/** From the wire's snake_case to this module's camelCase. @param {unknown} value */
export declare const fromWire: (value: unknown) => any;
/** From this module's camelCase to the wire's snake_case. @param {unknown} value */
export declare const toWire: (value: unknown) => any;
/** Compare dotted versions by number: negative when `left` is older. @param {string} left @param {string} right */
export declare function compareVersions(left: string, right: string): number;
/** Milliseconds to wait before look number `attempt` (from 0); grows to 5 s, ±25 %. @param {number} attempt @param {number} random 0 to 1 */
export declare function backOff(attempt: number, random: number): number;
/** Whether a page of this host is on this computer itself, where browsers ask no permission. @param {string} hostname */
export declare function isLoopbackHost(hostname: string): boolean;
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
export declare function diagnose({ permission, https, ping, seen, silenceProves }: {
    permission: Permission;
    https: Outcome[];
    ping: Outcome;
    seen: boolean;
    silenceProves?: boolean;
}): Reason;
/**
 * Check a proof as a page's server does it too: a nonce of one's own, signed by the key that is pinned.
 *
 * @param {Proof} proof @param {Crypto} [judge]
 * @returns {Promise<boolean>}
 */
export declare function isProven({ key, nonce, signature }: Proof, judge?: Crypto): Promise<boolean>;
/**
 * Name why a WebSocket was closed (RFC 6455 §7.4.1): the agent says so by number and word.
 *
 * @param {{code?: number, reason?: string}} [event]
 * @returns {string}
 */
export declare function closeCode({ code, reason }?: {
    code?: number;
    reason?: string;
}): string;
/** One WebSocket to the agent: requests by number, answers, events. */
declare class Channel {
    #private;
    socket: WebSocket;
    openedAt: number;
    /** Why it was closed; null while it is open. @type {string|null} */
    lostBy: string | null;
    /** Whether the agent closed it because nobody needed it. */
    expired: boolean;
    /** @param {WebSocket} socket open @param {(event: string, data: any) => void} onEvent @param {() => void} onClose */
    constructor(socket: WebSocket, onEvent: (event: string, data: any) => void, onClose: () => void);
    /** @param {number} port @param {typeof WebSocket} Socket @param {number} [timeout] @returns {Promise<WebSocket>} */
    static open(port: number, Socket: typeof WebSocket, timeout?: number): Promise<WebSocket>;
    /** @param {string} method @param {object} params @param {CallOptions} options @returns {Promise<any>} */
    call(method: string, params: object, { signal, timeout }: CallOptions): Promise<any>;
    /** Give up on every request that is under way. */
    cancelAll(): void;
}
/** The agent on this computer, as a page sees it. Events: {@link EVENTS}, `service_changed`. */
export declare class Ankong extends EventTarget {
    #private;
    pinInstallation: boolean;
    ports: readonly number[];
    pingPort: number;
    minVersion: string;
    /**
     * @param {AnkongOptions} [options]
     *   `minVersion` is the oldest agent that this page can work with. With `pinInstallation` the page remembers the
     *   first installation and hands nothing to another one (`installation_changed`) before
     *   `acceptInstallation()`. `environment` is for tests.
     */
    constructor(options?: AnkongOptions);
    /**
     * The one agent of this document, made at the first call, which alone may give options. Tests set `ANKONG_PORTS` to
     * `{ports, pingPort}` beforehand; pages that do not lie on this computer ignore it.
     *
     * @param {AnkongOptions} [options]
     * @returns {Ankong}
     */
    static shared(options?: AnkongOptions): Ankong;
    /** What is known now. */
    get snapshot(): Snapshot;
    /**
     * Call `listener` now and on every change, until the returned function is called.
     * The agent is noticed when it starts, stops, or is allowed by the user; never a question.
     *
     * @param {(snapshot: Snapshot) => void} listener
     * @returns {() => void}
     */
    watch(listener: (snapshot: Snapshot) => void): () => void;
    /** Look now. With `ask`, from a click, the browser may ask its permission question. @param {{ask?: boolean}} [options] */
    check({ ask }?: {
        ask?: boolean;
    }): Promise<Snapshot>;
    /**
     * Ask the user, through the agent, to allow this site. Whoever will want signatures over a `digest` alone says so
     * with `blind`, so that one window asks about both; the answer then tells whether these are allowed.
     *
     * @param {CallOptions & {blind?: boolean}} [options]
     */
    connect({ blind, ...options }?: CallOptions & {
        blind?: boolean;
    }): Promise<{
        allowed: true;
        blind?: boolean;
    }>;
    /**
     * Have the installation prove itself to this site, which the user must have allowed. The answer is
     * checked here; a server that gives the `nonce` (16 to 64 octets) can check it again and remember the key.
     *
     * @param {{nonce?: Uint8Array} & CallOptions} [options]
     * @returns {Promise<Proof>}
     */
    prove({ nonce, ...options }?: {
        nonce?: Uint8Array;
    } & CallOptions): Promise<Proof>;
    /** Remember the installation that answers now, as the user wishes. @returns {Promise<Proof>} */
    acceptInstallation(): Promise<Proof>;
    /** List the readers and the cards in them. @param {CallOptions} [options] @returns {Promise<{service: "available"|"unavailable", readers: Reader[]}>} */
    readers(options?: CallOptions): Promise<{
        service: "available" | "unavailable";
        readers: Reader[];
    }>;
    /**
     * Read the certificates of one card, or of all; needs no PIN. `onProblem` hears of each card that could not be read while
     * others could.
     *
     * @param {{reader?: string, onProblem?: (problem: Problem) => void} & CallOptions} [options]
     * @returns {Promise<Certificate[]>}
     */
    certificates({ reader, onProblem, ...options }?: {
        reader?: string;
        onProblem?: (problem: Problem) => void;
    } & CallOptions): Promise<Certificate[]>;
    /**
     * Sign `data`, a `digest` of it, or a `file`. Without `pin` the agent asks for it in its own window. A file or stream is read a
     * piece at a time and signed by its digest, so the `format` is "cms-detached" unless another is given.
     *
     * @param {Item & SigningOptions & CallOptions} request
     * @returns {Promise<Signer & {signature: string}>} `signature` is base64
     */
    sign({ data, digest, file, documentName, ...rest }: Item & SigningOptions & CallOptions): Promise<Signer & {
        signature: string;
    }>;
    /**
     * Sign several items with one PIN; the user is shown how many. Where any of them is a PDF, the answer has `items` in place of `signatures`.
     *
     * @param {{items: Item[]} & SigningOptions & CallOptions} request
     * @returns {Promise<Signer & {signatures: string[], items?: SignedItem[]}>}
     */
    signBatch(request: {
        items: Item[];
    } & SigningOptions & CallOptions): Promise<Signer & {
        signatures: string[];
        items?: SignedItem[];
    }>;
    /**
     * Sign a PDF in itself (PAdES). One of more than 4 MB, and at most 64, is handed over beside the calls. Events of this object say how
     * far it is: `document_prepared` before the agent asks, `document_signed` after it. Loads `pdf.js`, which lies beside this module.
     *
     * @param {Blob|ArrayBuffer|Uint8Array} file @param {import("./pdf.js").PdfOptions} [options]
     * @returns {Promise<import("./pdf.js").SignedPdf>}
     */
    signPdf(file: Blob | ArrayBuffer | Uint8Array, options?: import("./pdf.js").PdfOptions): Promise<import("./pdf.js").SignedPdf>;
    /**
     * Prove to this site's server who holds the card. The agent signs the challenge together with this page's origin, so that no
     * other site can use the token. The server makes the challenge (32 to 64 random octets; a text is base64url without padding),
     * keeps it in its session, and checks the token.
     *
     * @param {{challenge: string|Uint8Array, purpose?: "login"|"identify", hash?: "SHA-256"|"SHA-384"|"SHA-512", certificate?: string, reader?: string, pin?: string} & CallOptions} request
     * @returns {Promise<{token: string, algorithm: Algorithm, thumbprint: string, reader: string}>} `token` is base64 DER
     */
    authenticate({ challenge, purpose, hash, ...rest }: {
        challenge: string | Uint8Array;
        purpose?: "login" | "identify";
        hash?: "SHA-256" | "SHA-384" | "SHA-512";
        certificate?: string;
        reader?: string;
        pin?: string;
    } & CallOptions): Promise<{
        token: string;
        algorithm: Algorithm;
        thumbprint: string;
        reader: string;
    }>;
    /** Decrypt what was encrypted for the card. @param {{data: Bytes, format?: "pkcs1"|"cms", reader?: string, pin?: string} & CallOptions} request @returns {Promise<Uint8Array>} */
    decrypt({ data, format, ...rest }: {
        data: Bytes;
        format?: "pkcs1" | "cms";
        reader?: string;
        pin?: string;
    } & CallOptions): Promise<Uint8Array>;
    /** Give up on everything this page is waiting for; each call fails with `aborted`. */
    cancel(): void;
}
/**
 * From a server's challenge to base64, before anything is sent: 32 to 64 octets, or the one base64url text without padding
 * that stands for them.
 *
 * @param {unknown} challenge
 */
export declare function encodeChallenge(challenge: unknown): string;
export {};
