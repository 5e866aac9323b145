/** What the doctor finds, the worst first, and repairs with one click. */

import { get, post } from "../api.js";
import { button, fill, h, icon } from "../dom.js";
import { has, inOurs, t } from "../i18n.js";
import { carefulButton, heading, notice, trouble } from "../parts.js";

/** @typedef {{check: string, level: "ok"|"note"|"fault", code: string, message: Record<string, string>, repair: string|null}} Finding */
/** @typedef {{clean: boolean, complete: boolean, findings: Finding[], failed?: string|null}} Report */

const ORDER = { fault: 0, note: 1, ok: 2 };
/** Which picture, in which colour; a note is for information, and alarms nobody. @type {Record<Finding["level"], [string, string]>} */
const DRAWN = { fault: ["bad", "bad"], note: ["about", "soft"], ok: ["good", "good"] };

/** @param {HTMLElement} place @param {string} repair */
async function mend(place, repair) {
  fill(place, notice("plain", h("p", {}, t("doctor.repairing"))));
  try {
    report(place, await post("doctor", { repair }));
  } catch (error) {
    fill(place, trouble(error));
  }
}

/** Where more is said of a finding. @type {Record<string, string>} */
const MORE = { reader_driver_architecture: "mac" };

/** @param {HTMLElement} place @param {Finding} finding */
function row(place, finding) {
  const [drawn, colour] = DRAWN[finding.level];
  const { repair } = finding;
  const more = MORE[finding.code];
  const label = t(has(`doctor.repair_${repair}`) ? `doctor.repair_${repair}` : "doctor.repair");
  return h("li", { "data-check": finding.check, "data-level": finding.level, "data-code": finding.code },
    icon(drawn, `icon ${colour}-ink`),
    h("div", { class: "grow" }, inOurs(finding.message), more && h("p", {}, h("a", { href: `#/${more}` }, t(`${more}.title`)))),
    repair && carefulButton("primary", label, t("doctor.question", { repair: label }), t("doctor.consequence"), () => mend(place, repair)));
}

/** @param {HTMLElement} place @param {Report} found */
function report(place, found) {
  const findings = [...found.findings].sort((one, other) => ORDER[one.level] - ORDER[other.level]);
  fill(place,
    found.failed && notice("bad", h("p", {}, t("doctor.failed", { detail: found.failed }))),
    notice(found.clean ? (found.complete ? "good" : "plain") : "bad", h("p", {}, h("b", {},
      t(found.clean ? (found.complete ? "common.all_well" : "common.nothing_broken") : "doctor.faults")))),
    h("section", { class: "sheet" }, h("ul", { class: "list" }, findings.map((finding) => row(place, finding)))));
}

/** @param {HTMLElement} place */
async function examine(place) {
  fill(place, notice("plain", h("p", {}, t("doctor.examining"))));
  try {
    report(place, await get("doctor"));
  } catch (error) {
    fill(place, trouble(error));
  }
}

export const doctor = {
  /** @param {HTMLElement} place */
  async show(place) {
    const results = h("div", { class: "view", id: "results", "aria-live": "polite" });
    fill(place, heading(t("doctor.title"), t("doctor.lead")), h("div", {}, button("", t("doctor.again"), () => examine(results))), results);
    await examine(results);
  },
};
