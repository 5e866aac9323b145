/** Step 10: the ID number, checked here and again by the server. */

import * as api from "../api.js";
import { h, once } from "../dom.js";
import { t } from "../i18n.js";
import { fault, normalise } from "../idnumber.js";
import { field, heading, linkButton, ofDemoCard } from "../parts.js";

/**
 * Ask for the ID number, and get the challenge that belongs to it.
 *
 * @param {import("./index.js").App} app
 * @param {{lead: string, challenge: (idNumber: string) => Promise<api.Challenge>, next: string, back: string}} way
 * @returns {import("./index.js").View}
 */
export function askIdNumber(app, way) {
  const number = field({ id: "id-number", label: t("identity.label"), hint: t("identity.hint"), type: "text",
    autocomplete: "off", autocapitalize: "characters", spellcheck: "false", maxlength: 20, class: "wide-letters",
    value: app.draft.get("idNumber") });
  const next = h("button", { class: "button primary", id: "next" }, t("next"));
  const submit = async () => {
    const value = normalise(number.input.value);
    number.input.value = value;
    const wrong = fault(value);
    if (wrong) {
      number.complain(() => t(`identity.faults.${wrong}`));
      return number.input.focus();
    }
    try {
      const challenge = await way.challenge(value);
      app.draft.set("idNumber", value);
      app.draft.set("challenge", JSON.stringify({ ...challenge, at: Date.now() }));
      app.go(way.next);
    } catch (error) {
      number.complain(() => api.explain(error));
      await app.failed(error);
    }
  };
  return { node: h("section", { class: "sheet" }, heading(t("identity.title"), way.lead), ofDemoCard(app.demoCard, "id_number"),
    h("form", { novalidate: true, onsubmit: once(next, submit) }, number.node,
      h("div", { class: "actions" }, next, linkButton(`#/${way.back}`, t("back"), "button")))) };
}

/** @type {import("./index.js").Screen} */
export const identity = {
  needs: "member",
  flow: true,
  watchesAgent: true,
  step: () => 10,
  render: (app) => askIdNumber(app, { lead: t("identity.lead"), challenge: api.upgradeChallenge, next: "upgrade/pin", back: "upgrade/component" }),
};
