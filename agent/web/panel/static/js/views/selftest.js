/** A test of everything that a signature needs, one step after the other. */

import { post } from "../api.js";
import { announce, button, fill, h, icon } from "../dom.js";
import { day, has, inOurs, t } from "../i18n.js";
import { codeText, heading, notice, trouble } from "../parts.js";

/** @typedef {import("../picture.js").State} State */
/** @typedef {{name: string, outcome: "good"|"warning"|"bad"|"skipped", code: string, facts: Record<string, any>}} Step */

/** @param {Step} step */
function sentence(step) {
  const facts = { ...step.facts };
  for (const name of ["not_before", "not_after"]) if (facts[name]) facts[name] = day(facts[name]);
  facts.hipki_holder = inOurs(facts.hipki_holder) ?? "";
  const particular = `selftest.${step.name}_${step.code || step.outcome}`;
  if (has(particular)) return t(particular, facts);
  return step.code === "" ? t(`selftest.${step.outcome}`) : codeText(step.code);
}

/** @param {Step} step */
function row(step) {
  return h("li", { "data-step": step.name, "data-outcome": step.outcome, "data-code": step.code },
    icon(step.outcome, `icon large ${step.outcome === "skipped" ? "soft" : step.outcome}-ink`),
    h("div", { class: "grow" }, h("b", {}, t(`selftest.step_${step.name}`)), h("div", {}, sentence(step))));
}

/** @param {HTMLElement} place @param {boolean} signature @param {string|undefined} reader */
async function run(place, signature, reader) {
  fill(place, notice("plain", h("p", {}, t(signature ? "selftest.waitPin" : "selftest.wait"))));
  try {
    const { steps } = await post("selftest", { signature, ...(reader && { reader }) });
    const good = steps.every((/** @type {Step} */ step) => step.outcome === "good" || step.outcome === "skipped");
    const bad = steps.some((/** @type {Step} */ step) => step.outcome === "bad");
    const verdict = t(bad ? "selftest.verdictBad" : good ? "common.all_well" : "selftest.verdictWarning");
    fill(place, notice(bad ? "bad" : good ? "good" : "warning", h("p", {}, h("b", {}, verdict))),
      h("section", { class: "sheet" }, h("ol", { class: "list" }, steps.map(row))));
    announce(verdict);
  } catch (error) {
    fill(place, trouble(error));
  }
}

export const selftest = {
  /** @param {HTMLElement} place @param {State} state */
  show(place, state) {
    const results = h("div", { class: "view", id: "results" });
    const signature = h("input", { type: "checkbox", id: "signature" });
    const choice = state.readers.length > 1 && h("select", { id: "reader", "aria-label": t("selftest.reader") },
      state.readers.map((reader) => h("option", { value: reader.name }, reader.name)));
    fill(place, heading(t("selftest.title"), t("selftest.lead")),
      h("section", { class: "sheet" },
        choice && h("label", { class: "row" }, t("selftest.reader"), choice),
        h("label", { class: "option" }, signature, t("selftest.withSignature")),
        h("div", {}, button("primary", t("selftest.run"), () => run(results, signature.checked, choice ? choice.value : undefined)))),
      results);
  },
};
