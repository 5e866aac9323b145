/** Step 12: the upgrade is complete. */

import { h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { crown, gradeBadge, heading, linkButton } from "../parts.js";

/** @type {import("./index.js").Screen} */
export const done = {
  needs: "member",
  step: () => 13,
  instead: ({ member }) => (member?.grade === "gold" ? null : "upgrade"),
  render(app) {
    const who = /** @type {import("../api.js").Member} */ (app.member);
    return { node: h("section", { class: "sheet success" },
      h("div", { class: "glory" }, crown("crown huge")),
      heading(t("done.title")),
      h("div", { class: "portrait gold", id: "portrait" },
        h("div", {}, h("p", { class: "portrait-name" }, who.name ?? t("unnamed")), gradeBadge("gold"))),
      h("p", { class: "lead" }, t("done.congratulations")),
      h("div", { class: "new-login" }, icon("card", "icon boxed"),
        h("div", {}, h("p", {}, t("done.text")), h("p", {}, h("strong", {}, t("login.card"))),
          h("p", { class: "hint" }, t("done.still")))),
      h("div", { class: "actions centre" }, linkButton("#/member", t("done.home"), "button primary"))) };
  },
};
