/** Step 3: the choice of a way to verify; what each needs, how long it takes, and who it is for. */

import { h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { heading, linkButton } from "../parts.js";

const WAYS = /** @type {const} */ ([
  ["card", "card", "#/upgrade/component"],
  ["telecom", "phone", "/ways/telecom"],
  ["counter", "counter", "/ways/counter"],
  ["online", "form", "/ways/online"],
]);

/** @param {string} way @param {"who"|"needs"|"time"} what */
const fact = (way, what) =>
  h("div", {}, h("dt", {}, t(`method.${what}`)), h("dd", {}, t(`method.ways.${way}.${what}`)));

/** @param {string} way @param {string} picture @param {string} href */
const box = (way, picture, href) =>
  h("li", { class: "way", id: `way-${way}` },
    h("div", { class: "way-top" }, icon(picture, "icon boxed large"), h("h2", {}, t(`method.ways.${way}.name`))),
    h("dl", { class: "way-facts" }, fact(way, "who"), fact(way, "needs"), fact(way, "time")),
    h("a", { class: "button primary", href, id: `choose-${way}` }, t(`method.ways.${way}.choose`)));

/** @type {import("./index.js").Screen} */
export const method = {
  needs: "member",
  flow: true,
  step: () => 3,
  render: () => ({ node: h("section", { class: "sheet" }, heading(t("method.title"), t("method.lead")),
    h("ul", { class: "ways" }, WAYS.map(([way, picture, href]) => box(way, picture, href))),
    linkButton("#/profile", t("back"), "back")) }),
};
