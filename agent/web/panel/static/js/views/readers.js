/** Readers and cards, with a picture of each; certificates on request, for reading them uses the card. */

import { get, Refused } from "../api.js";
import { button, fill, h } from "../dom.js";
import { day, has, t } from "../i18n.js";
import { facts, heading, notice, trouble } from "../parts.js";
import { readerPicture } from "../picture.js";

/** @typedef {import("../picture.js").State} State */
/** @typedef {import("../picture.js").Reader} Reader */

const ATTEMPTS = 3;

/** @param {number} left */
function tries(left) {
  const few = left < ATTEMPTS ? "tries few" : "tries";
  return h("span", {}, h("span", { class: few, "aria-hidden": "true" }, Array.from({ length: Math.max(ATTEMPTS, left) }, (_, n) => h("i", { class: n < left && "left" }))),
    " ", t(left === 0 ? "readers.locked" : "readers.left", { left }));
}

/** @param {{id: string, signs: boolean, usage: string[]}} certificate */
function purpose({ id, signs, usage }) {
  if (signs) return "readers.forSigning";
  if (id === "AUTH") return "readers.forIdentity";
  return id !== "KEYX" && usage.some((use) => use === "digital_signature" || use === "non_repudiation") ? "readers.forSigning" : "readers.forDecrypting";
}

/** @param {any} certificate */
function described(certificate) {
  const over = new Date(certificate.not_after) < new Date();
  const early = new Date(certificate.not_before) > new Date();
  const kind = over || early ? "bad" : "good";
  const word = over ? "readers.expired" : early ? "readers.early" : "readers.valid";
  return h("li", {}, h("div", { class: "grow" },
    h("div", { class: "row" }, h("b", {}, certificate.holder ?? certificate.label), h("span", { class: `tag ${kind}` }, t(word)),
      h("span", { class: "tag" }, t(purpose(certificate)))),
    h("div", {}, t("readers.validity", { from: day(certificate.not_before), to: day(certificate.not_after) })),
    h("small", {}, certificate.issuer)));
}

/** @param {Reader} reader @param {HTMLElement} place */
async function showCertificates(reader, place) {
  try {
    const { certificates } = await get(`certificates?reader=${encodeURIComponent(reader.name)}`);
    fill(place, h("ul", { class: "list" }, certificates.map(described)));
  } catch (error) {
    const code = error instanceof Refused ? error.code : "";
    const silent = code === "timeout" && notice("bad", h("p", {}, t("readers.silent", { reader: reader.name })));
    const hidden = code === "pin_required" && notice("plain", h("p", {}, t("readers.hidden")));
    fill(place, silent || hidden || trouble(error));
  }
}

/** What was read of the card in each reader: it stays when something else about it changes. @type {Map<string, HTMLElement>} */
const read = new Map();

/** @param {Reader} reader */
function placeFor(reader) {
  const place = (reader.state === "card" && read.get(reader.name)) || h("div", {});
  read.set(reader.name, place);
  return place;
}

/** @param {Reader} reader */
function sheet(reader) {
  const shown = placeFor(reader);
  const card = reader.state === "card";
  const kind = `readers.generation_${reader.generation}`;
  /** @type {([string, any]|false)[]} */
  const known = [
    [t("readers.kind"), t(has(kind) ? kind : "readers.generation_unknown")],
    reader.serial !== null && [t("readers.serial"), h("span", { class: "code" }, reader.serial)],
    [t("readers.pin"), reader.attempts_left === null ? t("readers.notSeen") : tries(reader.attempts_left)],
  ];
  return h("section", { class: "sheet reader", "data-state": reader.state },
    readerPicture(reader),
    h("div", { class: "grow view" },
      h("div", { class: "row" }, h("h2", {}, reader.name), h("span", { class: `tag ${card ? "good" : reader.state === "empty" ? "" : "bad"}` }, t(`reader.${reader.state}`))),
      card ? facts(known.filter((pair) => pair !== false)) : h("p", { class: "lead" }, t(`readers.help_${reader.state}`)),
      card && reader.keypad && h("p", { class: "keypad" }, h("small", {}, t("readers.keypad"))),
      card && reader.attempts_left === 0 && notice("bad", h("p", {}, t("readers.lockedHelp"))),
      card && h("div", {}, button("", t("readers.certificates"), () => showCertificates(reader, shown))),
      shown));
}

/** @param {State} state */
function content(state) {
  if (!state.service) return [notice("bad", h("p", {}, t("state.service")), h("a", { href: "#/doctor" }, t("doctor.title")))];
  if (state.readers.length === 0) return [notice("warning", h("p", {}, t("readers.none")))];
  return state.readers.map(sheet);
}

/** What of a state is shown here. @param {State} state */
const shownOf = (state) => JSON.stringify([state.service, state.readers]);

let last = "";

export const readers = {
  /** @param {HTMLElement} place @param {State} state */
  show(place, state) {
    last = shownOf(state);
    read.clear();
    fill(place, heading(t("readers.title"), t("readers.lead")), h("div", { class: "view", id: "live", "aria-live": "polite" }, content(state)));
  },

  /** @param {HTMLElement} place @param {State} state */
  update(place, state) {
    const live = place.querySelector("#live");
    if (live === null || shownOf(state) === last) return;
    last = shownOf(state);
    fill(live, ...content(state));
  },
};
