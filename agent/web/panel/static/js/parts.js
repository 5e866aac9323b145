/** Parts that several views use. */

import { Closed, Refused } from "./api.js";
import { button, h, icon } from "./dom.js";
import { has, inOurs, t } from "./i18n.js";

/** How long a dangerous button sleeps: a click that was meant for something else comes too early. */
export const ASLEEP = 500;

/** @param {string} title @param {string} lead */
export function heading(title, lead) {
  return h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, title), h("p", { class: "lead" }, lead));
}

/** @param {"good"|"warning"|"bad"|"plain"} kind @param {...any} content */
export function notice(kind, ...content) {
  const drawn = kind === "plain" ? "about" : kind;
  const role = kind === "plain" ? undefined : kind === "good" ? "status" : "alert";
  return h("div", { class: `notice ${kind}`, role }, icon(drawn), h("div", { class: "grow" }, ...content));
}

/** A newer version, where there is one; nothing is fetched by itself. @param {import("./picture.js").Update} update */
export function news(update) {
  if (update.age !== "newer" && update.age !== "too_old") return null;
  const tooOld = update.age === "too_old";
  const reason = inOurs(update.reason);
  return notice(tooOld ? "bad" : "plain",
    h("p", {}, h("b", {}, t(`update.${update.age}`, { version: update.newest, floor: update.floor }))),
    tooOld && reason && h("p", {}, reason),
    h("p", {}, t("update.how"), " ", update.page && h("a", { href: update.page, target: "_blank", rel: "noopener noreferrer" }, update.page)));
}

/** Say what went wrong. @param {unknown} error */
export function trouble(error) {
  if (error instanceof Closed) throw error;
  const code = error instanceof Refused ? error.code : "offline";
  return notice("bad", h("p", {}, codeText(code)));
}

/**
 * The sentence for a code. The panel has its own where the portal says what to do next on its page: here the sentence is
 * read in the history, too, and only says what happened.
 *
 * @param {string} code
 */
export const codeText = (code) => t(has(`codes.${code}`) ? `codes.${code}` : "codes.internal");

/** @param {[string, any][]} pairs */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/**
 * Ask once more before something is done.
 *
 * @param {string} question @param {string} consequence @param {string} label of the button that does it
 * @returns {Promise<boolean>}
 */
export function confirmed(question, consequence, label) {
  return new Promise((resolve) => {
    const yes = h("button", { class: "button primary", value: "yes", disabled: true }, label);
    const dialog = h(
      "dialog", { "aria-label": question },
      h("form", { method: "dialog" },
        h("h2", {}, question), h("p", {}, consequence),
        h("div", { class: "row" }, h("button", { class: "button", value: "no", autofocus: true }, t("common.cancel")), yes)),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    setTimeout(() => (yes.disabled = false), ASLEEP);
  });
}

/** Put a file into the citizen's downloads. @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** A button that asks first. @param {string} className @param {string} label @param {string} question @param {string} consequence @param {() => Promise<void>} work */
export function carefulButton(className, label, question, consequence, work) {
  return button(className, label, async () => {
    if (await confirmed(question, consequence, label)) await work();
  });
}
