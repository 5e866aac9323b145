/** Drawing a PDF with pdf.js, which is loaded with the first document; nothing else here speaks with it. */

const HERE = new URL("../vendor/pdfjs/", import.meta.url);
const WORKER = new URL("pdf.worker.min.mjs", HERE).href;
const LIBRARY = new URL("pdf.min.mjs", HERE).href;
/** Pixels of a canvas; more is drawn coarser. */
const MOST_PIXELS = 16 * 1024 * 1024;

/**
 * @typedef {object} Page
 * @property {number} width in points, as it is displayed
 * @property {number} height
 * @property {(canvas: HTMLCanvasElement, scale: number) => {done: Promise<boolean>, stop: () => void}} draw `scale` is
 *   canvas pixels for a point; `done` tells whether all of its pictures could be drawn
 *
 * @typedef {object} Drawable
 * @property {number} pages
 * @property {(number: number) => Promise<Page>} page from 1
 * @property {() => void} close
 */

/** @type {Promise<any>|undefined} */
let library;

/** The one address that may become a worker here. */
function startWorker() {
  const one = (/** @type {string} */ address) => {
    if (address !== WORKER) throw new TypeError("no worker of this page");
    return address;
  };
  const types = /** @type {any} */ (globalThis).trustedTypes;
  policy ??= types?.createPolicy("ankong-worker", { createScriptURL: one }) ?? { createScriptURL: one };
  return new Worker(policy.createScriptURL(WORKER), { type: "module" });
}

/** @type {any} */
let policy;

/** Why a document cannot be drawn, where that is known. */
export class Undrawable extends Error {
  /** @param {"locked"|"damaged"} why */
  constructor(why) {
    super(why);
    this.why = why;
  }
}

/**
 * Open a document. It runs nothing: no script, no form, no link is built, and nothing is asked of anybody but us.
 *
 * @param {ArrayBuffer} octets that are gone from here afterwards @param {string} [password] @returns {Promise<Drawable>}
 */
export async function openPdf(octets, password) {
  library ??= import(LIBRARY);
  const pdf = await library.catch((error) => {
    library = undefined; // the agent may come back
    throw error;
  });
  const port = startWorker();
  const worker = pdf.PDFWorker.create({ port, verbosity: 0 });
  const broken = new Promise((_, reject) => port.addEventListener("error", () => reject(new Error("no worker")), { once: true }));
  const task = pdf.getDocument({
    data: new Uint8Array(octets), password, worker, verbosity: 0,
    isEvalSupported: false, enableXfa: false, useWasm: false, useSystemFonts: true, useWorkerFetch: false,
    cMapUrl: new URL("cmaps/", HERE).href, cMapPacked: true, disableRange: true, disableStream: true, disableAutoFetch: true,
  });
  let isLocked = false;
  task.onPassword = () => { // the one that we have does not open it here
    isLocked = true;
    task.destroy();
  };
  const close = async () => {
    await task.destroy().catch(() => undefined);
    worker.destroy();
    port.terminate();
  };
  try {
    const document = await Promise.race([task.promise, broken]);
    return { pages: document.numPages, page: async (number) => pageOf(pdf, await document.getPage(number)), close };
  } catch (error) {
    await close();
    if (isLocked) throw new Undrawable("locked");
    if (error instanceof Error && error.name === "InvalidPDFException") throw new Undrawable("damaged");
    throw error;
  }
}

/** @param {any} pdf @param {any} page @returns {Page} */
function pageOf(pdf, page) {
  const { width, height } = page.getViewport({ scale: 1 });
  return {
    width,
    height,
    draw(canvas, scale) {
      const least = Math.min(scale, Math.sqrt(MOST_PIXELS / (width * height)));
      const viewport = page.getViewport({ scale: least });
      canvas.width = Math.max(1, Math.floor(viewport.width));
      canvas.height = Math.max(1, Math.floor(viewport.height));
      const task = page.render({ canvas, viewport, annotationMode: pdf.AnnotationMode.ENABLE, background: "#ffffff" });
      const done = task.promise.then(() => {
        const whole = isWhole(pdf, page, task);
        page.cleanup();
        return whole;
      });
      return { done, stop: () => task.cancel() };
    },
  };
}

/** Whether no picture was left out: there are kinds that cannot be drawn here. @param {any} pdf @param {any} page @param {any} task */
function isWhole(pdf, page, task) {
  const { fnArray, argsArray } = task._internalRenderTask.operatorList;
  const { paintImageXObject, paintImageXObjectRepeat, paintImageMaskXObject } = pdf.OPS;
  const kinds = new Set([paintImageXObject, paintImageXObjectRepeat, paintImageMaskXObject]);
  return fnArray.every((/** @type {number} */ kind, /** @type {number} */ at) => {
    const [first] = argsArray[at] ?? [];
    const named = typeof first === "object" ? first?.data : first; // of a mask
    if (!kinds.has(kind) || typeof named !== "string") return true;
    const held = named.startsWith("g_") ? page.commonObjs : page.objs;
    return held.has(named) && held.get(named) !== null;
  });
}
