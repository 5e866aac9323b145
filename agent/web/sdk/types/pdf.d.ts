/**
 * PDFs that are signed in themselves (PAdES). `ankong.js` loads this module with the first one, and not before.
 *
 * @module pdf
 */
export type Ankong = import("./ankong.js").Ankong;
export type Pades = import("./ankong.js").Pades;
export type PdfOptions = Pades & {
    documentName?: string;
    certificate?: string;
    reader?: string;
    pin?: string;
    upload?: boolean;
} & import("./ankong.js").CallOptions;
export type SignedPdf = import("./ankong.js").Signer & {
    pdf: Blob;
    field: string;
    level: "B-B" | "B-T" | "B-LT" | "B-LTA";
    lacks?: "timestamp_failed" | "evidence_missing";
};
/**
 * What `agent.signPdf` does.
 *
 * @param {Pick<Ankong, "sign" | "dispatchEvent"> & EventTarget} agent @param {WebSocket} socket that the agent is reached by
 * @param {Blob|ArrayBuffer|Uint8Array} file @param {PdfOptions} [options]
 * @returns {Promise<SignedPdf>}
 */
export declare function signPdf(agent: Pick<Ankong, "sign" | "dispatchEvent"> & EventTarget, socket: WebSocket, file: Blob | ArrayBuffer | Uint8Array, options?: PdfOptions): Promise<SignedPdf>;
