/** The proven ID number has a gold member already: which account that is, and the ways on. */

import * as api from "../api.js";
import { h, once } from "../dom.js";
import { inOurs, t } from "../i18n.js";
import { heading, linkButton, notice } from "../parts.js";

/** @type {import("./index.js").Screen} */
export const taken = {
  needs: "member",
  flow: true,
  step: () => 11,
  instead: (app) => (app.draft.get("taken") ? null : "upgrade"),
  render(app) {
    const change = h("button", { type: "button", class: "button primary", id: "change-account" }, t("taken.change"));
    change.onclick = once(change, async () => {
      try {
        await api.logout();
      } catch (error) {
        return app.go("upgrade", { message: () => api.explain(error), kind: "error" });
      }
      app.draft.clear();
      app.setMember(null);
      app.go("login", { replace: true });
    });
    return { node: h("section", { class: "sheet" }, heading(t("taken.title")),
      notice("error", h("p", {}, inOurs(JSON.parse(app.draft.get("taken"))))),
      h("div", { class: "actions" }, change, linkButton("#/upgrade/id", t("pin.changeId"), "button")),
      h("p", { class: "hint" }, t("taken.notYou"), " ", h("a", { href: "/ways/counter" }, t("method.ways.counter.choose")))) };
  },
};
