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
export type Snapshot = import("./ankong.js").Snapshot;
export type Reader = import("./ankong.js").Reader;
export type Item = import("./ankong.js").Item;
export type CallOptions = import("./ankong.js").CallOptions;
export type SigningOptions = import("./ankong.js").SigningOptions;
export type Certificate = import("./ankong.js").Certificate;
export type Signer = import("./ankong.js").Signer;
export type Proof = import("./ankong.js").Proof;
export type FakeHash = "SHA-256" | "SHA-384" | "SHA-512";
export type TestCard = {
    pin?: string;
    attemptsLeft?: number;
    serial?: string;
};
export type RecordedCall = {
    method: string;
    params: object;
};
export type Public<T> = Pick<T, keyof T>;
/**
 * What `Ankong` is to a page, without an agent. Until `connect()` the site is not allowed, as with a new person; `connect()` and the
 * PIN window are answered with yes. Times pass only where `latency` asks for it.
 *
 * @implements {Public<import("./ankong.js").Ankong>}
 */
export declare class FakeAnkong extends EventTarget implements Public<import("./ankong.js").Ankong> {
    #private;
    ports: readonly number[];
    pingPort: number;
    minVersion: string;
    pinInstallation: boolean;
    /**
     * @param {Partial<Snapshot> & {card?: TestCard|null, origin?: string, latency?: number}} [start] `card` null: an empty reader;
     *   `origin` the page's where missing; `latency` in milliseconds, before each answer
     */
    constructor({ card, origin, latency, ...start }?: Partial<Snapshot> & {
        card?: TestCard | null;
        origin?: string;
        latency?: number;
    });
    /** The agent of a document; here each call makes a new one. */
    static shared(): FakeAnkong;
    /** What was asked of it, in order; a PIN is a dot. @returns {readonly RecordedCall[]} */
    get calls(): readonly RecordedCall[];
    get snapshot(): import("./ankong.js").Snapshot;
    /** Change what is known: `set({ state: "not_running", reason: "not_installed" })`. @param {Partial<Snapshot>} change */
    set(change: Partial<Snapshot>): void;
    /** Put a card into the reader. @param {TestCard} [card] */
    insertCard(card?: TestCard): void;
    /** Take it out. */
    pullCard(): void;
    /** Have the next call fail, or the next `times`. @param {string} code @param {{attemptsLeft?: number, times?: number}} [details] */
    failNext(code: string, { attemptsLeft, times }?: {
        attemptsLeft?: number;
        times?: number;
    }): void;
    /** @param {(snapshot: Snapshot) => void} listener @returns {() => void} */
    watch(listener: (snapshot: Snapshot) => void): () => void;
    /** @param {{ask?: boolean}} [options] */
    check(options?: {
        ask?: boolean;
    }): Promise<import("./ankong.js").Snapshot>;
    /** @param {CallOptions & {blind?: boolean}} [options] */
    connect({ blind, ...options }?: CallOptions & {
        blind?: boolean;
    }): Promise<{
        allowed: true;
        blind?: boolean;
    }>;
    /** @param {{nonce?: Uint8Array} & CallOptions} [options] @returns {Promise<Proof>} */
    prove({ nonce, ...options }?: {
        nonce?: Uint8Array;
    } & CallOptions): Promise<Proof>;
    /** @returns {Promise<Proof>} */
    acceptInstallation(): Promise<Proof>;
    /** @param {CallOptions} [options] @returns {Promise<{service: "available"|"unavailable", readers: Reader[]}>} */
    readers(options?: CallOptions): Promise<{
        service: "available" | "unavailable";
        readers: Reader[];
    }>;
    /** @param {{reader?: string, onProblem?: (problem: import("./ankong.js").Problem) => void} & CallOptions} [options] @returns {Promise<Certificate[]>} */
    certificates({ reader, onProblem, ...options }?: {
        reader?: string;
        onProblem?: (problem: import("./ankong.js").Problem) => void;
    } & CallOptions): Promise<Certificate[]>;
    /** @param {Item & SigningOptions & CallOptions} request @returns {Promise<Signer & {signature: string}>} */
    sign({ data, digest, file, documentName, ...rest }: Item & SigningOptions & CallOptions): Promise<Signer & {
        signature: string;
    }>;
    /** @param {{items: Item[]} & SigningOptions & CallOptions} request @returns {Promise<Signer & {signatures: string[]}>} */
    signBatch({ items, ...rest }: {
        items: Item[];
    } & SigningOptions & CallOptions): Promise<Signer & {
        signatures: string[];
    }>;
    /**
     * Sign the file's digest; the PDF gets a last line that says so, and no signature that a reader would find.
     *
     * @param {Blob|ArrayBuffer|Uint8Array} file @param {import("./pdf.js").PdfOptions} [options]
     * @returns {Promise<import("./pdf.js").SignedPdf>}
     */
    signPdf(file: Blob | ArrayBuffer | Uint8Array, { level, reason, location, field, mark, password, upload, documentName, ...rest }?: import("./pdf.js").PdfOptions): Promise<import("./pdf.js").SignedPdf>;
    /**
     * @param {{challenge: string|Uint8Array, purpose?: "login"|"identify", hash?: FakeHash, certificate?: string, reader?: string, pin?: string} & CallOptions} request
     * @returns {Promise<{token: string, algorithm: import("./ankong.js").Algorithm, thumbprint: string, reader: string}>}
     */
    authenticate({ challenge, purpose, hash, signal, timeout, ...rest }: {
        challenge: string | Uint8Array;
        purpose?: "login" | "identify";
        hash?: FakeHash;
        certificate?: string;
        reader?: string;
        pin?: string;
    } & CallOptions): Promise<{
        token: string;
        algorithm: import("./ankong.js").Algorithm;
        thumbprint: string;
        reader: string;
    }>;
    /**
     * It has no key that others could encrypt to: always `key_not_found`.
     *
     * @param {{data: import("./ankong.js").Bytes, format?: "pkcs1"|"cms", reader?: string, pin?: string} & CallOptions} request @returns {Promise<Uint8Array>}
     */
    decrypt({ data, format, signal, timeout, ...rest }: {
        data: import("./ankong.js").Bytes;
        format?: "pkcs1" | "cms";
        reader?: string;
        pin?: string;
    } & CallOptions): Promise<Uint8Array>;
    /** Give up on everything that waits. */
    cancel(): void;
}
