/** What people with a Mac have to know; a copy of the member service's page, for when there is no network. */

import { fill, h } from "../dom.js";
import { list, t } from "../i18n.js";
import { heading, notice } from "../parts.js";

/** @typedef {{title: string, text: string, steps?: string[]}} Part */

/** Text whose parts between backticks are typed into a computer. @param {string} text */
const typed = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));

/** @param {Part} part */
const section = ({ title, text, steps }) =>
  h("section", { class: "sheet" }, h("h2", {}, title), h("p", {}, ...typed(text)),
    steps && h("ol", {}, steps.map((step) => h("li", {}, ...typed(step)))));

export const mac = {
  /** @param {HTMLElement} place */
  show(place) {
    const parts = /** @type {Part[]} */ (/** @type {unknown} */ (list("mac.parts")));
    fill(place, heading(t("mac.title"), t("mac.lead")), notice("plain", h("p", {}, t("mac.untried"))), parts.map(section));
  },
};
