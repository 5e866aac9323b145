/** Forms that send pictures of documents: hints before, progress meanwhile. Without this script they are plain forms. */

import { h } from "./dom.js";
import { LOOKED_AT, hintsOf, measure } from "./picturehints.js";

/** The element of that kind in there, which the server's template has put there. @template {Element} E @param {Element} place @param {string} what @param {new () => E} kind */
function within(place, what, kind) {
  const found = place.querySelector(what);
  if (!(found instanceof kind)) throw new Error(`no ${what}`);
  return found;
}

/** Say what is wrong with a field; nothing when all is well. @param {HTMLElement} field @param {string} message */
function complain(field, message) {
  const input = within(field, "input", HTMLInputElement);
  within(field, ".field-error", HTMLElement).textContent = message;
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** Look at each picture that is chosen. @param {HTMLElement} field */
function watch(field) {
  const input = within(field, "input", HTMLInputElement);
  const canvas = within(field, "canvas", HTMLCanvasElement);
  const hints = within(field, "ul", HTMLUListElement);
  const look = async () => {
    const file = input.files?.[0];
    canvas.hidden = hints.hidden = true;
    const isLarge = file !== undefined && file.size > Number(field.dataset.most);
    input.setCustomValidity(isLarge ? field.dataset.large ?? "" : "");
    complain(field, input.validationMessage && isLarge ? input.validationMessage : "");
    if (file === undefined || isLarge) return;
    const found = await lookAt(file, canvas);
    if (found === null || input.files?.[0] !== file) return; // another one was chosen meanwhile
    hints.replaceChildren(...sentences(field, found));
    canvas.hidden = hints.hidden = false;
  };
  input.addEventListener("change", () => void look());
  if (input.files?.length) void look(); // the browser brought the page back with its file
}

/** The hints as list items. @param {HTMLElement} field @param {string[]} found */
function sentences(field, found) {
  if (found.length === 0) return [h("li", { class: "good" }, field.dataset.good ?? "")];
  const items = found.map((name) => h("li", { "data-hint": name }, field.dataset[name] ?? ""));
  return [...items, h("li", { class: "advice" }, field.dataset.advice ?? "")];
}

/** Draw a file, and find its hints; null for one that this browser cannot draw. @param {File} file @param {HTMLCanvasElement} canvas */
async function lookAt(file, canvas) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null; // a PDF, HEIC in most browsers, or no picture: the server looks at it
  }
  const factor = Math.min(1, LOOKED_AT / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.max(1, Math.round(bitmap.width * factor));
  canvas.height = Math.max(1, Math.round(bitmap.height * factor));
  const size = { width: bitmap.width, height: bitmap.height };
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return null;
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return hintsOf(size, measure(context.getImageData(0, 0, canvas.width, canvas.height)));
}

/** Send a form by this script, and show how far it is. @param {HTMLFormElement} form @param {HTMLElement} place */
function showProgress(form, place) {
  const bar = within(place, "progress", HTMLProgressElement);
  const status = within(place, "p", HTMLElement);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return; // a second click
    const button = event.submitter;
    const body = new FormData(form, button);
    busy(form, true);
    const tell = (/** @type {number} */ percent) => {
      bar.value = percent;
      const said = percent < 100 ? place.dataset.sending ?? "" : place.dataset.checking ?? "";
      status.textContent = said.replace("{percent}", String(percent));
    };
    tell(0);
    place.hidden = false;
    const request = new XMLHttpRequest(); // fetch tells no progress of what is sent
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      tell(total ? Math.floor((100 * loaded) / total) : 0);
    });
    request.addEventListener("load", () => finish(form, place, request));
    request.addEventListener("error", () => fail(form, place, place.dataset.brokenOff ?? ""));
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.send(body);
  });
  // Who comes back by the back button finds a form that can be sent.
  addEventListener("pageshow", () => {
    busy(form, false);
    place.hidden = true;
  });
}

/** @param {HTMLFormElement} form @param {boolean} is */
function busy(form, is) {
  form.ariaBusy = String(is);
  for (const button of form.querySelectorAll("button")) button.disabled = is;
}

/** Go where the answer is, or say why there is none. @param {HTMLFormElement} form @param {HTMLElement} place @param {XMLHttpRequest} request */
function finish(form, place, request) {
  if (request.status >= 200 && request.status < 300) {
    location.assign(request.responseURL);
    return;
  }
  const message = messageOf(request);
  if (message !== undefined) fail(form, place, message);
  else if (request.getResponseHeader("Content-Type")?.startsWith("text/html")) show(request.responseText);
  else fail(form, place, place.dataset.brokenOff ?? "");
}

/** Show the page that was answered, such as the form with what is wrong with it. @param {string} page */
function show(page) {
  document.body.replaceWith(new DOMParser().parseFromString(page, "text/html").body);
  begin();
  const wrong = document.querySelector("[aria-invalid='true']") ?? document.querySelector("main");
  if (wrong instanceof HTMLElement) wrong.focus();
}

/** The refusal's words in the page's language; undefined where the answer has none. @param {XMLHttpRequest} request @returns {string|undefined} */
function messageOf(request) {
  try {
    return JSON.parse(request.responseText).error.message[document.documentElement.lang];
  } catch {
    return undefined;
  }
}

/** @param {HTMLFormElement} form @param {HTMLElement} place @param {string} message */
function fail(form, place, message) {
  busy(form, false);
  place.hidden = true;
  const fields = [...form.querySelectorAll("[data-picture]")].filter((each) => each instanceof HTMLElement);
  const field = fields.find((each) => within(each, "input", HTMLInputElement).files?.length) ?? fields[0];
  if (field === undefined) return;
  complain(field, message);
  within(field, "input", HTMLInputElement).focus();
}

/** Take up every field and form of the page. */
function begin() {
  for (const field of document.querySelectorAll("[data-picture]")) {
    if (field instanceof HTMLElement) watch(field);
  }
  for (const place of document.querySelectorAll("[data-picture-progress]")) {
    const form = place.closest("form");
    if (form !== null && place instanceof HTMLElement) showProgress(form, place);
  }
}

begin();
