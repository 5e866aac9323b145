/** A page for Mac users. */

import { h } from "../dom.js";
import { list, t } from "../i18n.js";
import { heading, linkButton } from "../parts.js";

/** @type {import("./index.js").Screen} */
export const mac = {
  needs: "member",
  flow: true,
  step: () => 4,
  render: () => ({ node: h("section", { class: "sheet" }, heading(t("mac.title"), t("mac.lead")),
    h("ol", { class: "prose" }, list("mac.items").map((item) => h("li", {}, item))),
    linkButton("#/upgrade/component", t("mac.back"), "back")) }),
};
