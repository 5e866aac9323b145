/** What this program is, and what it is made of. */

import { get } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { facts, heading, trouble } from "../parts.js";

export const about = {
  /** @param {HTMLElement} place */
  async show(place) {
    const live = h("div", { class: "view" });
    fill(place, heading(t("about.title"), t("about.lead")), live);
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
        h("section", { class: "sheet" }, h("h2", {}, t("about.parts")),
          h("ul", { class: "list", id: "parts" }, found.parts.map((/** @type {any} */ part) =>
            h("li", {}, h("div", { class: "grow" }, h("b", {}, part.name), " ", part.version), h("small", {}, part.license))))));
    } catch (error) {
      fill(live, trouble(error));
    }
  },
};
