/** Step 3: the choice of a way to verify. */

import { h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { heading, linkButton } from "../parts.js";

const WAYS = /** @type {const} */ ([["card", "card"], ["telecom", "phone"], ["counter", "counter"], ["online", "form"]]);

/** @param {string} way @param {string} picture @param {boolean} open */
const box = (way, picture, open) =>
  h("li", { class: `way${open ? "" : " closed"}`, id: `way-${way}` },
    icon(picture, "icon boxed large"),
    h("h2", {}, t(`method.ways.${way}.name`)),
    h("p", {}, t(`method.ways.${way}.text`)),
    h("p", { class: "hint" }, t(`method.ways.${way}.time`)),
    open ? h("a", { class: "button primary", href: "#/upgrade/component", id: "choose-card" }, t("method.choose"))
      : h("p", { class: "tag" }, t("method.soon")));

/** @type {import("./index.js").Screen} */
export const method = {
  needs: "member",
  flow: true,
  step: () => 3,
  render: () => ({ node: h("section", { class: "sheet" }, heading(t("method.title"), t("method.lead")),
    h("ul", { class: "ways" }, WAYS.map(([way, picture]) => box(way, picture, way === "card"))),
    linkButton("#/profile", t("back"), "back")) }),
};
