/** How things stand, at a glance. */

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { inOurs, moment, t, tags } from "../i18n.js";
import { facts, heading, news, notice, trouble } from "../parts.js";
import { picture } from "../picture.js";
import { brokenText } from "./history.js";

/** @typedef {import("../picture.js").State} State */

/** @param {State} state */
function warnings(state) {
  return [
    state.policy.problem !== null && notice("bad", h("p", {}, t("state.policy", { problem: state.policy.problem }))),
    state.history_problem !== null && notice("bad", h("p", {}, t("state.history", { problem: state.history_problem }))),
    news(state.update),
    !state.service && notice("bad", h("p", {}, t("state.service")), h("a", { href: "#/doctor" }, t("doctor.title"))),
    state.restart.length > 0 && notice("warning", h("p", {}, t("state.restart", { browsers: state.restart.join(" / ") }))),
    state.ports.left && notice("plain", h("p", {}, t("state.left"))),
    state.ports.hipki_port === null && !state.ports.left && notice("warning", h("p", {}, t("state.plain", { detail: inOurs(state.ports.hipki_holder) ?? "" }))),
    state.consent !== "ask" && notice("warning", h("p", {}, t(`state.consent_${state.consent}`))),
    state.provider === "virtual" && notice("plain", h("p", {}, t("state.virtual"))),
  ];
}

/** The door of the JRSYS family, where it is open at all; who else has a port of it does no harm. @param {State["ports"]} ports @returns {[string, any][]} */
function second(ports) {
  const addresses = [...ports.jrsys_ports.map((port) => `ws://127.0.0.1:${port}`), ...ports.jrsys_tls_ports.map((port) => `wss://127.0.0.1:${port}`)];
  if (addresses.length === 0 && ports.jrsys_holders.length === 0) return [];
  return [[t("state.jrsys"), h("div", { id: "jrsys" },
    h("div", { class: "code" }, addresses.join(" ") || t("state.none")),
    ports.jrsys_holders.map((holder) => h("div", {}, t("state.jrsysTaken", { detail: inOurs(holder) ?? "" }))),
    h("small", {}, t("inspector.kits", { name: "JRSYS" })))]];
}

/** @param {State} state */
function content(state) {
  return [
    ...warnings(state),
    h("section", { class: "sheet", "aria-label": t("state.picture") }, picture(state)),
    h("section", { class: "sheet" }, h("h2", {}, t("state.facts")), facts([
      [t("state.version"), state.version],
      [t("state.since"), moment(state.since)],
      [t("state.port"), h("span", { class: "code" }, `https://localhost:${state.ports.port}`)],
      [t("state.plainPort"), state.ports.hipki_port === null ? t("state.none") : h("span", { class: "code" }, `http://localhost:${state.ports.hipki_port}`)],
      ...second(state.ports),
      [t("state.policySource"), state.policy.source ?? t("state.none")],
    ])),
  ];
}

/** Say when the history was changed. A walk along the whole chain, so only when the page is opened. @param {Element} place */
async function record(place) {
  try {
    const found = await get("history/chain");
    if (found.intact) fill(place);
    else fill(place, notice(found.only_unwritten ? "warning" : "bad", h("p", {}, brokenText(found)), h("a", { href: "#/history" }, t("history.toHistory"))));
  } catch (error) {
    fill(place, trouble(error));
  }
}

/** Where the citizen is asked. @param {State} state @param {(wanted: object) => Promise<void>} change */
function questionPlace(state, change) {
  const asked = state.questions;
  if (!asked) return null;
  const choice = h("select", { id: "questions", disabled: asked.fixed, "aria-describedby": "questions-text" }, ["auto", "window", "page"].map((each) =>
    h("option", { value: each, selected: each === asked.place }, t(`state.questions_${each}`))));
  choice.addEventListener("change", () => change({ questions: choice.value }));
  return h("div", {},
    h("label", { class: "row" }, h("span", {}, t("state.questions")), choice),
    h("small", { id: "questions-text" }, t("state.questions_text"), asked.fixed && ` ${t("state.questions_fixed")}`));
}

/** @param {State} state */
function settings(state) {
  const failed = h("div", {});
  const language = h("select", { id: "language" }, ["system", ...tags].map((tag) =>
    h("option", { value: tag, selected: tag === state.language }, t(`choices.${tag}`))));
  const box = h("input", { type: "checkbox", id: "autostart", checked: state.autostart === true });
  const asking = h("input", { type: "checkbox", id: "update-check", checked: state.update.asking === "on" });
  const change = async (/** @type {object} */ wanted) => {
    try {
      await post("settings", wanted);
    } catch (error) {
      fill(failed, trouble(error));
    }
  };
  language.addEventListener("change", () => change({ language: language.value }));
  box.addEventListener("change", () => change({ autostart: box.checked }));
  asking.addEventListener("change", () => change({ update_check: asking.checked }));
  const place = questionPlace(state, change);
  const canAsk = state.update.asking === "on" || state.update.asking === "declined";
  return h("section", { class: "sheet", id: "settings" }, h("h2", {}, t("state.settings")),
    h("label", { class: "row" }, h("span", {}, t("common.language")), language),
    state.autostart === null || state.autostart === undefined ? null : h("label", { class: "option" }, box, t("state.autostart")),
    canAsk && h("label", { class: "option" }, asking, t("state.updateCheck")),
    place,
    failed);
}

export const state = {
  /** @param {HTMLElement} place @param {State} now */
  async show(place, now) {
    const live = h("div", { class: "view", id: "live" }, content(now));
    const chain = h("div", { id: "record" });
    fill(place, heading(t("state.title"), t("state.lead")), chain, live, settings(now));
    await record(chain);
  },

  /** @param {HTMLElement} place @param {State} now */
  update(place, now) {
    const live = place.querySelector("#live");
    if (live !== null) fill(live, ...content(now));
    const box = place.querySelector("#autostart");
    if (box instanceof HTMLInputElement) box.checked = now.autostart === true;
    const asking = place.querySelector("#update-check");
    if (asking instanceof HTMLInputElement) asking.checked = now.update.asking === "on";
    const language = place.querySelector("#language");
    if (language instanceof HTMLSelectElement) language.value = now.language;
    const questions = place.querySelector("#questions");
    if (questions instanceof HTMLSelectElement && now.questions) questions.value = now.questions.place;
  },
};
