/** Documents that this page hands over to the agent, which names them by ids: what both views of documents have in common. */

import { Refused, hand, isOpen, remove } from "./api.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { notice, trouble } from "./parts.js";
import { locale } from "./texts.js";

/** How many documents the agent keeps for one page. */
export const MOST = 16;
const LARGEST = 256 * 1024 * 1024; // bytes
const UNITS = ["byte", "kilobyte", "megabyte"];

let isAny = false;
/** The agent takes one at a time. @type {Promise<unknown>} */
let turn = Promise.resolve();

/** A file's size as people here write it. @param {number} size in bytes */
export function sizeText(size) {
  const step = Math.min(2, Math.floor(Math.log10(Math.max(size, 1)) / 3));
  const style = /** @type {const} */ ({ style: "unit", unitDisplay: step === 0 ? "long" : "short" });
  return new Intl.NumberFormat(locale(), { ...style, unit: UNITS[step], maximumFractionDigits: 1 }).format(size / 1000 ** step);
}

/** @param {string[]} parts */
export const list = (parts) => new Intl.ListFormat(locale(), { type: "unit" }).format(parts);

/** Hand a file over; the agent looks at it. @param {File} file @param {"sign"|"verify"} use */
export function handOver(file, use) {
  if (file.size > LARGEST) return Promise.reject(new Refused({ code: "too_large", message: "" }));
  return inTurn(() => hand(`documents?${new URLSearchParams({ use, name: file.name.slice(-255) })}`, file));
}

/** Have the agent take documents one after the other. @param {() => Promise<any>} take @returns {Promise<any>} */
export function inTurn(take) {
  isAny = true;
  const taken = turn.then(take);
  turn = taken.catch(() => undefined);
  return taken;
}

/** @param {string} id */
export const putAway = (id) => remove(`documents?id=${id}`).catch(() => undefined);

// What is dropped beside the place for it is not opened in place of this page; nothing is left of one that is closed.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
addEventListener("pagehide", () => {
  if (isAny && isOpen()) remove("documents").catch(() => undefined);
});

/**
 * A place to drop files, which is also a button that chooses them.
 *
 * @param {boolean} many @param {boolean} small @param {(files: File[]) => void} take
 */
export function dropPlace(many, small, take) {
  const input = h("input", { type: "file", hidden: true, accept: "application/pdf,.pdf", multiple: many });
  const choose = h("button", { type: "button", class: "button", id: "files" }, t("documents.choose"));
  choose.addEventListener("click", () => input.click());
  const place = h("div", { class: small ? "drop small" : "drop", id: "drop" }, input, h("span", {}, t("documents.drop")), choose);
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    if (files.length > 0) take(files);
  });
  place.addEventListener("dragover", () => place.classList.add("over"));
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (/** @type {DragEvent} */ event) => {
    place.classList.remove("over");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) take(many ? files : files.slice(0, 1));
  });
  return place;
}

/** What is typed in a terminal; no line ends within a word of it. @param {string} text */
export const command = (text) => h("code", {}, text.split(" ").map((word) => [h("span", { class: "whole" }, word), " "]));

/** Say why a document is not taken. @param {unknown} error */
export function refusal(error) {
  if (!(error instanceof Refused)) return trouble(error);
  switch (error.code) {
    case "other": return notice("bad", h("p", {}, t("preview.other")));
    case "too_large": return notice("bad", h("p", {}, t("documents.large")));
    case "bad_request": return notice("bad", h("p", {}, t("documents.gone")));
    default: return trouble(error);
  }
}

/**
 * Ask for a document's own password, which goes to the agent once and does not stay in its field.
 *
 * @param {(password: string) => Promise<void>} open
 */
export function unlocking(open) {
  const input = h("input", { type: "password", class: "password", required: true, maxlength: 127, autocomplete: "off", spellcheck: "false" });
  const said = h("div", {});
  const go = h("button", { class: "button", type: "submit" }, t("documents.unlock"));
  const form = h("form", { class: "unlock" },
    h("label", {}, t("documents.encrypted"), input), go, said);
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const password = input.value;
    input.value = "";
    if (password === "" || go.disabled) return;
    go.disabled = true;
    try {
      await open(password);
    } catch (error) {
      said.replaceChildren(refusal(error));
      input.focus();
    } finally {
      go.disabled = false;
    }
  });
  return form;
}

/** Why a document may look different later. @param {string[]} warnings */
export const warned = (warnings) => warnings.length > 0
  && notice("warning", h("p", {}, t("documents.warned", { what: list(warnings.map((each) => t(`documents.warning_${each}`))) })));

/** @param {string} digest */
export const fingerprint = (digest) => h("small", {}, t("documents.fingerprint"), " ", h("code", {}, digest));
