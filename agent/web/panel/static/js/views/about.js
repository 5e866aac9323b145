/** What this program is, and what it is made of. */

import { get } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { currentLanguage, moment, t } from "../i18n.js";
import { facts, heading, news, trouble } from "../parts.js";

/** @typedef {import("../picture.js").State} State */
/** @typedef {import("../picture.js").Update} Update */

/** What is known of newer versions, in one line. @param {Update} update */
function standing(update) {
  if (update.asking !== "on" || update.answered === null) return t(`update.${update.asking === "on" ? "unknown" : update.asking}`);
  return t(`update.${update.age === "newest" ? "newest_line" : "unknown_line"}`, { version: update.newest, floor: update.floor, when: moment(update.answered) });
}

export const about = {
  /** @param {HTMLElement} place @param {State} now */
  async show(place, now) {
    const live = h("div", { class: "view" });
    const told = h("div", { class: "view", id: "update" });
    fill(place, heading(t("about.title"), t("about.lead")), told, live);
    about.update(place, now);
    try {
      const found = await get("about");
      fill(live,
        h("section", { class: "sheet" },
          h("div", { class: "row" }, icon("mark", "mark"), h("h2", {}, t("about.product", { version: found.version }))),
          facts([
            [t("about.license"), "MIT"], ["Python", found.python], [t("about.system"), found.system],
            [t("about.folder"), h("span", { class: "code" }, found.state_dir)], [t("about.logs"), h("span", { class: "code" }, found.log_dir)],
          ])),
        h("section", { class: "sheet" }, h("h2", {}, t("about.promises")), h("ul", {}, ["pin", "sites", "history", "network"].map((name) => h("li", {}, t(`about.promise_${name}`))))),
        found.system.startsWith("Darwin") && h("p", {}, h("a", { href: "#/mac", id: "mac" }, t("mac.title"))),
        h("section", { class: "sheet" }, h("h2", {}, t("about.handbook")), h("p", {}, h("a", { href: `handbook/index-${currentLanguage()}.html`, target: "_blank" }, t("about.handbook_open")))),
        h("section", { class: "sheet" }, h("h2", {}, t("about.parts")),
          h("ul", { class: "list", id: "parts" }, found.parts.map((/** @type {any} */ part) =>
            h("li", {}, h("div", { class: "grow" }, h("b", {}, part.name), " ", part.version), h("small", {}, part.license))))));
    } catch (error) {
      fill(live, trouble(error));
    }
  },

  /** @param {HTMLElement} place @param {State} now */
  update(place, now) {
    const told = place.querySelector("#update");
    if (told === null) return;
    fill(told, news(now.update) || h("p", { class: "lead" }, standing(now.update)));
  },
};
