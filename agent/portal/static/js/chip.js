/** The sign at the bottom right: does the component run, and if not, why and what to do. */

import { browserName } from "./browsername.js";
import { announce, fill, h, icon } from "./dom.js";
import { t, list } from "./i18n.js";

/** @typedef {import("/sdk/ankong.js").Snapshot} Snapshot */

/** The text key of the reason; a page without https can do nothing about its permission. @param {Snapshot} snapshot */
export function reasonKey({ reason, hint }) {
  if (hint !== undefined) return hint;
  return reason === "permission_denied" && !globalThis.isSecureContext ? "insecure" : reason;
}

/** What is known, what to do about it, and the buttons for it. @param {Snapshot} snapshot @param {() => void} check from a click */
export function help(snapshot, check) {
  if (snapshot.asking) return [h("p", {}, t("chip.asking"))];
  if (snapshot.state === "checking") return [h("p", {}, t("chip.checkingText"))];
  if (snapshot.state === "running") {
    const details = [t("chip.version", { version: snapshot.version ?? "" }), snapshot.virtual ? t("chip.virtual") : null];
    return [h("p", {}, t("chip.runningText")), h("p", { class: "hint" }, details.filter(Boolean).join(" · "))];
  }
  const key = `reasons.${reasonKey(snapshot)}`;
  const steps = list(`${key}.todo`).map((step) => step.replace("{browser}", browserName()));
  const label = snapshot.needsClick ? t("chip.connect") : t("chip.checkNow");
  return [
    h("p", {}, t(`${key}.why`)),
    steps.length === 1 ? h("p", {}, ...steps) : h("ol", {}, steps.map((item) => h("li", {}, item))),
    h("button", { type: "button", id: "chip-check", class: `button small${snapshot.needsClick ? " primary" : ""}`, onclick: check }, label),
  ];
}

/** One chip, put into a place of its own. */
export class Chip {
  #open = false;
  /** @type {Snapshot|null} */
  #shown = null;
  /** @type {string|null} */
  #said = null;

  /** @param {HTMLElement} place @param {() => void} check */
  constructor(place, check) {
    this.place = place;
    this.check = check;
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    for (const elsewhere of ["pointerdown", "focusin"]) {
      document.addEventListener(elsewhere, ({ target }) => target instanceof Node && !place.contains(target) && this.close());
    }
  }

  /** Take it away. */
  hide() {
    this.#said = null;
    this.#open = false;
    this.#shown = null;
    fill(this.place);
  }

  /** Take away what it says on demand; the chip stays. */
  close() {
    if (!this.#open) return;
    this.#open = false;
    const wasWithin = this.place.contains(document.activeElement);
    if (this.#shown) this.show(this.#shown);
    if (wasWithin) document.getElementById("chip-button")?.focus();
  }

  /** @param {Snapshot} snapshot */
  show(snapshot) {
    this.#shown = snapshot;
    const held = this.place.contains(document.activeElement) ? document.activeElement?.id : null;
    const state = t(`chip.${snapshot.state}`);
    const why = snapshot.reason ? t(`reasons.${reasonKey(snapshot)}.short`) : "";
    const detail = snapshot.state === "running" && snapshot.virtual ? t("chip.virtual") : why;
    fill(this.place,
      h("section", { class: `chip ${snapshot.state}`, "aria-label": t("chip.label"), "data-state": snapshot.state,
        "data-reason": snapshot.reason ?? "" },
      h("div", { class: "chip-help", id: "chip-help", hidden: !this.#open }, ...help(snapshot, this.check)),
      h("button", { type: "button", class: "chip-button", id: "chip-button", "aria-expanded": String(this.#open),
        "aria-controls": "chip-help", onclick: () => this.#toggle(snapshot) },
      h("span", { class: "chip-dot", "aria-hidden": "true" }),
      h("span", { class: "chip-text" },
        h("strong", {}, t("chip.line", { state })), detail ? h("small", {}, detail) : null),
      icon("chevron", "icon chip-arrow"))));
    // What had the focus may be there no more: the keyboard stays with the chip.
    if (held !== null) (document.getElementById(held || "chip-button") ?? document.getElementById("chip-button"))?.focus();
    this.#say(`${t("chip.line", { state })} ${why}`);
  }

  /** @param {Snapshot} snapshot */
  #toggle(snapshot) {
    this.#open = !this.#open;
    this.show(snapshot);
  }

  /** @param {string} text */
  #say(text) {
    if (this.#said !== null && this.#said !== text) announce(text);
    this.#said = text;
  }
}
