/**
 * PDFs that are signed in themselves (PAdES). `ankong.js` loads this module with the first one, and not before.
 *
 * @module pdf
 */

import { AnkongError, fromBase64, fromWire } from "./ankong.js";
import { nameOf } from "./digest.js";

/** @typedef {import("./ankong.js").Ankong} Ankong */
/** @typedef {import("./ankong.js").Pades} Pades */
/**
 * `upload` hands the file over beside the call even if it is small; everything else is as of `sign`.
 *
 * @typedef {Pades & {documentName?: string, certificate?: string, reader?: string, pin?: string, upload?: boolean} & import("./ankong.js").CallOptions} PdfOptions
 */
/** @typedef {import("./ankong.js").Signer & {pdf: Blob, field: string, level: "B-B"|"B-T"|"B-LT"|"B-LTA", lacks?: "timestamp_failed"|"evidence_missing"}} SignedPdf `field` is where the signature is; `lacks` says why `level` is not the one that was asked for */

const TYPE = "application/pdf";
/** Bytes of a PDF that travels within a call. */
const SMALL = 4 * 1024 * 1024;
const LARGEST = 64 * 1024 * 1024;
/** Milliseconds: the person may want to read it first. */
const PERSON_TIMEOUT = 900_000;
const EVENTS = ["document_prepared", "document_signed"];

/** Channels whose events are handed on already. @type {WeakSet<WebSocket>} */
const heard = new WeakSet();

/** Hand on what the agent tells of documents. @param {EventTarget} agent @param {WebSocket} socket */
function relay(agent, socket) {
  if (heard.has(socket)) return;
  heard.add(socket);
  socket.addEventListener("message", ({ data }) => {
    if (!EVENTS.some((name) => String(data).slice(0, 40).includes(name))) return;
    const { event, data: detail } = JSON.parse(String(data));
    if (EVENTS.includes(event)) agent.dispatchEvent(new CustomEvent(event, { detail }));
  });
}

/** @param {string} address @param {RequestInit} options @param {AbortSignal} [signal] */
async function ask(address, options, signal) {
  /** @type {RequestInit} */
  const usual = { cache: "no-store", credentials: "omit", ...options };
  if (signal) usual.signal = signal;
  const space = /** @type {any} */ ({ targetAddressSpace: "loopback" });
  let marked = usual;
  try {
    void new Request(address, space);
    marked = { ...usual, ...space };
  } catch {
    // An older browser knows the option, but not this value.
  }
  let response;
  try {
    response = await fetch(address, marked);
  } catch {
    throw new AnkongError(signal?.aborted ? "aborted" : "connection_lost");
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({ error: { code: "internal" } }));
  throw new AnkongError(error.code, fromWire(error));
}

/**
 * What `agent.signPdf` does.
 *
 * @param {Pick<Ankong, "sign" | "dispatchEvent"> & EventTarget} agent @param {WebSocket} socket that the agent is reached by
 * @param {Blob|ArrayBuffer|Uint8Array} file @param {PdfOptions} [options]
 * @returns {Promise<SignedPdf>}
 */
export async function signPdf(agent, socket, file, options = {}) {
  const { level, reason, location, field, mark, password, upload, documentName = file instanceof Blob ? nameOf(file) : undefined, ...rest } = options;
  const blob = file instanceof Blob ? file : new Blob([/** @type {ArrayBuffer} */ (file)]);
  if (blob.size > LARGEST) throw new AnkongError("too_large", { message: `more than ${LARGEST} bytes` });
  relay(agent, socket);
  const asked = { timeout: PERSON_TIMEOUT, ...rest, format: /** @type {const} */ ("pades"), pades: { level, reason, location, field, mark, password }, documentName };
  if (!upload && blob.size <= SMALL) {
    const { pdf, ...signed } = /** @type {any} */ (await agent.sign({ ...asked, data: await blob.arrayBuffer() }));
    return { ...signed, pdf: new Blob([fromBase64(pdf)], { type: TYPE }) };
  }
  const documents = `https://${new URL(socket.url).host}/v1/documents`;
  const headers = { "Content-Type": TYPE };
  const taken = await ask(documents, { method: "POST", body: blob, headers }, rest.signal);
  const { document } = (await taken.json()).result;
  try {
    const { document: _, ...signed } = /** @type {any} */ (await agent.sign({ ...asked, document }));
    const pdf = await (await ask(`${documents}/${document}`, {}, rest.signal)).blob();
    return { ...signed, pdf: new Blob([pdf], { type: TYPE }) };
  } finally {
    await ask(`${documents}/${document}`, { method: "DELETE", keepalive: true }).catch(() => undefined); // it is gone by itself, later
  }
}
