/** The twelve steps to gold membership, and where the member stands. */

import { fill, h, icon } from "./dom.js";
import { list, t } from "./i18n.js";

/** @param {string} title @param {number} number from 1 @param {number} current */
function step(title, number, current) {
  const state = number < current ? "done" : number === current ? "now" : "later";
  const spoken = state === "done" ? t("stepDone") : state === "now" ? t("stepNow") : "";
  return h("li", { class: `step ${state}`, "aria-current": state === "now" ? "step" : null },
    h("span", { class: "step-mark", "aria-hidden": "true" }, state === "done" ? icon("ok") : String(number)),
    h("span", { class: "step-title" }, title),
    spoken ? h("span", { class: "unseen" }, ` (${spoken})`) : null);
}

/**
 * Draw the steps into `place`, or hide it.
 *
 * @param {HTMLElement} place @param {number|null} current 1 to 12; 13 when all are done
 */
export function drawSteps(place, current) {
  place.hidden = current === null;
  if (current === null) return fill(place);
  const titles = list("steps");
  const shown = Math.min(current, titles.length);
  const items = () => titles.map((title, index) => step(title, index + 1, current));
  fill(place,
    h("nav", { class: "steps-wide", "aria-label": t("stepsTitle") }, h("h2", {}, t("stepsTitle")), h("ol", {}, items())),
    h("details", { class: "steps-narrow" },
      h("summary", {},
        h("span", {}, h("strong", {}, t("step", { step: shown, total: titles.length })), ` ${titles[shown - 1]}`),
        h("progress", { max: titles.length, value: shown, "aria-hidden": "true" })),
      h("ol", {}, items())));
}
