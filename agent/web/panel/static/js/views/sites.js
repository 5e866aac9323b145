/** The sites that something was decided about. To allow one takes a window of the agent's own. */

import { get, post } from "../api.js";
import { announce, fill, h, icon } from "../dom.js";
import { moment, t } from "../i18n.js";
import { carefulButton, heading, notice, trouble } from "../parts.js";

/** @typedef {import("../picture.js").State} State */
/** @typedef {{origin: string, before_domain: string, domain: string, odd: boolean, decision: "unknown"|"this_time"|"allowed"|"blocked", blind: "unknown"|"this_time"|"allowed"|"blocked", ruling: "silent"|"allowed"|"forbidden", since: string, last_used: string|null}} Row */

const AGAIN = 3_000; // milliseconds
const ALLOW = "ankong sites allow https://www.example.tw";

/** What is shown, so that nothing is drawn anew, and no focus lost, when nothing has changed. */
let shown = "";

/** @param {Row} row */
function effect(row) {
  if (row.ruling === "forbidden") return { kind: "bad", text: t("sites.forbidden") };
  if (row.ruling === "allowed") return { kind: "good", text: t("sites.ruled") };
  const kind = row.decision === "blocked" ? "bad" : row.decision === "allowed" ? "good" : "warning";
  return { kind, text: t(`sites.${row.decision}`) };
}

/** What the site may have signed that cannot be shown. @param {Row} row */
const blindTag = (row) => row.blind !== "unknown"
  && h("span", { class: `tag ${row.blind === "blocked" ? "bad" : "warning"}` }, t(`sites.blind_${row.blind}`));

/** The domain stands out: what is before it, its owner calls as they like. @param {Row} row */
const host = (row) => h("span", { class: "host" },
  row.before_domain, h("span", { class: "domain" }, row.domain),
  row.before_domain !== "" && h("span", { class: "unseen" }, " ", t("common.domain", { domain: row.domain })));

/** The keyboard goes on at the row that was written anew, else at the one that took its place, else at the top of the view. @param {HTMLElement} place @param {Element|undefined} row */
function goOn(place, row) {
  const next = row?.querySelector("button") ?? place.closest(".view:not(#live)")?.querySelector("h1");
  /** @type {HTMLElement|null|undefined} */ (next)?.focus();
}

/** @param {HTMLElement} place @param {Row} row */
function line(place, row) {
  const { kind, text } = effect(row);
  const own = row.origin.startsWith("local://");
  const name = own ? t("sites.program") : row.before_domain + row.domain;
  const act = (/** @type {string} */ action) => async () => {
    const answer = await post("sites", { origin: row.origin, action });
    announce(t(`sites.done_${action}`, { site: name }));
    const rows = () => [...place.querySelectorAll("[data-origin]")];
    const at = rows().findIndex((each) => each.getAttribute("data-origin") === row.origin);
    list(place, answer);
    shown = JSON.stringify(answer);
    goOn(place, rows().find((each) => each.getAttribute("data-origin") === row.origin) ?? rows()[Math.min(at, rows().length - 1)]);
  };
  return h("li", { "data-origin": row.origin },
    icon(kind === "bad" ? "bad" : kind === "good" ? "good" : "warning", `icon ${kind}-ink`),
    h("div", { class: "grow" },
      h("div", { class: "row" }, own ? h("b", {}, name) : host(row), h("span", { class: `tag ${kind}` }, text), blindTag(row)),
      h("div", {}, h("small", { class: "code" }, row.origin)),
      h("div", {}, h("small", {}, t("sites.since", { when: moment(row.since) }), " · ", row.last_used === null ? t("sites.never") : t("sites.used", { when: moment(row.last_used) }))),
      row.odd && h("div", { class: "warning-ink" }, t("sites.punycode"))),
    h("div", { class: "row" },
      row.blind === "unknown" ? null : carefulButton("", t("sites.forgetBlind"), t("sites.forgetBlindQuestion", { site: name }), t("sites.forgetBlindText"), act("forget_blind")),
      carefulButton("", t(row.decision === "blocked" ? "sites.unblock" : "sites.revoke"), t("sites.forgetQuestion", { site: name }), t("sites.forgetText"), act("forget")),
      row.decision === "blocked" ? null : carefulButton("danger", t("sites.block"), t("sites.blockQuestion", { site: name }), t("sites.blockText"), act("block"))));
}

/** @param {HTMLElement} place @param {{sites: Row[], set_aside: string|null, newcomers_wait: boolean}} answer */
function list(place, answer) {
  fill(place,
    answer.set_aside !== null && notice("warning", h("p", {}, t("sites.setAside", { file: answer.set_aside }))),
    answer.newcomers_wait && notice("plain", h("p", {}, t("sites.newcomers", { command: ALLOW }))),
    answer.sites.length === 0
      ? notice("plain", h("p", {}, t("sites.none")))
      : h("section", { class: "sheet" }, h("ul", { class: "list" }, answer.sites.map((row) => line(place, row)))));
}

/** @param {HTMLElement} place */
async function load(place) {
  const live = /** @type {HTMLElement|null} */ (place.querySelector("#live"));
  if (live === null) return;
  try {
    const answer = await get("sites");
    const now = JSON.stringify(answer);
    if (now !== shown) list(live, answer);
    shown = now;
  } catch (error) {
    shown = "";
    fill(live, trouble(error));
  }
}

/** Look again every now and then: the command line decides about sites too, and sites are used. @param {HTMLElement} place */
function lookAgain(place) {
  const timer = setInterval(async () => {
    if (!place.isConnected) clearInterval(timer);
    else if (!document.hidden && document.querySelector("dialog") === null) await load(place).catch(() => clearInterval(timer));
  }, AGAIN);
}

export const sites = {
  /** @param {HTMLElement} place @param {State} state */
  async show(place, state) {
    shown = "";
    fill(place, heading(t("sites.title"), t("sites.lead")),
      state.consent !== "ask" && notice("warning", h("p", {}, t(`state.consent_${state.consent}`))),
      h("div", { class: "view", id: "live" }));
    await load(place);
    lookAgain(place);
  },

  /** @param {HTMLElement} place */
  async update(place) {
    if (document.querySelector("dialog") === null) await load(place);
  },
};
