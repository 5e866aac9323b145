/**
 * SHA-256, SHA-384 and SHA-512 (FIPS 180-4) of what comes in pieces, which WebCrypto cannot do.
 *
 * `ankong.js` loads this module when a file is signed, and not before.
 *
 * @module digest
 */
export type LongHash = "SHA-256" | "SHA-384" | "SHA-512";
export type Item = import("./ankong.js").Item;
/** A digest of octets that come in pieces. */
export declare class Digest {
    #private;
    /** @param {LongHash} hash */
    constructor(hash: LongHash);
    /** @param {Uint8Array} octets */
    update(octets: Uint8Array): void;
    /** The digest; nothing can be added any more. @returns {Uint8Array} */
    finish(): Uint8Array;
}
/**
 * Read a file or a stream to its end, a piece at a time, and return its digest.
 *
 * @param {Blob|ReadableStream<Uint8Array>} file
 * @param {LongHash} hash
 * @param {AbortSignal} [signal]
 * @returns {Promise<Uint8Array>}
 */
export declare function digestOf(file: Blob | ReadableStream<Uint8Array>, hash: LongHash, signal?: AbortSignal): Promise<Uint8Array>;
/** A file's own name, as the agent takes one for a document. @param {Blob|ReadableStream<Uint8Array>} file */
export declare function nameOf(file: Blob | ReadableStream<Uint8Array>): string | undefined;
/** What `digest` of `ankong.js` does. @param {Blob|ReadableStream<Uint8Array>} file @param {import("./ankong.js").Hash} [hash] @param {{signal?: AbortSignal}} [options] */
export declare function digestFile(file: Blob | ReadableStream<Uint8Array>, hash?: import("./ankong.js").Hash, { signal }?: {
    signal?: AbortSignal;
}): Promise<Uint8Array<ArrayBufferLike>>;
/** An item with its file's digest and name in the file's place. @param {Item} item @param {import("./ankong.js").Hash} hash @param {{signal?: AbortSignal}} options @returns {Promise<Item>} */
export declare function itemOf({ file, ...item }: Item, hash: import("./ankong.js").Hash, options: {
    signal?: AbortSignal;
}): Promise<Item>;
