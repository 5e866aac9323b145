/** Step 10: the ID number, checked here and again by the server. */

import * as api from "../api.js";
import { h, once } from "../dom.js";
import { t } from "../i18n.js";
import { fault, normalise } from "../idnumber.js";
import { field, heading, linkButton } from "../parts.js";

/** @type {import("./index.js").Screen} */
export const identity = {
  needs: "member",
  flow: true,
  watchesAgent: true,
  step: () => 10,
  render(app) {
    const number = field({ id: "id-number", label: t("identity.label"), hint: t("identity.hint"), type: "text",
      autocomplete: "off", autocapitalize: "characters", spellcheck: "false", maxlength: 20, class: "wide-letters",
      value: app.draft.get("idNumber") });
    const next = h("button", { class: "button primary", id: "next" }, t("next"));
    const submit = async () => {
      const value = normalise(number.input.value);
      number.input.value = value;
      const wrong = fault(value);
      if (wrong) {
        number.complain(t(`identity.faults.${wrong}`));
        return number.input.focus();
      }
      try {
        const challenge = await api.upgradeChallenge(value);
        app.draft.set("idNumber", value);
        app.draft.set("challenge", JSON.stringify({ ...challenge, at: Date.now() }));
        app.go("upgrade/pin");
      } catch (error) {
        number.complain(api.explain(error));
        await app.failed(error);
      }
    };
    return { node: h("section", { class: "sheet" }, heading(t("identity.title"), t("identity.lead")),
      h("form", { novalidate: true, onsubmit: once(next, submit) }, number.node,
        h("div", { class: "actions" }, next, linkButton("#/upgrade/component", t("back"), "button")))) };
  },
};
