/** What was done with the citizen's cards, and whether the record of it still holds. */

import { download, get } from "../api.js";
import { button, fill, h, icon } from "../dom.js";
import { has, moment, t } from "../i18n.js";
import { codeText, heading, notice, save, trouble } from "../parts.js";

/** @typedef {import("../picture.js").State} State */

const WAIT = 250; // milliseconds after the last letter

/** @param {any} line */
function title(line) {
  if (line.kind === "segment") return line.outcome === "unwritten" ? t("history.unwritten", { count: line.count }) : t("history.segment");
  return has(`history.kind_${line.kind}`) ? t(`history.kind_${line.kind}`) : line.kind;
}

/** A document's name, which is the word of whoever asked and not ours. @param {any} line */
function named({ kind, site, document }) {
  if (kind !== "sign") return null;
  if (!document) return h("div", {}, t("common.unnamed"));
  const own = site === "local://user" || site === "local://self-test";
  const whose = own ? "own" : site.startsWith("local://") ? "program" : "site";
  return h("div", { "data-named": whose }, h("bdi", {}, t(`history.named_${whose}`, { document })));
}

/** @param {string} outcome */
function kindOf(outcome) {
  if (outcome === "done") return "good";
  return outcome === "user_cancelled" || outcome === "undelivered" ? "warning" : "bad";
}

/** @param {string} outcome */
const outcomeText = (outcome) => (has(`history.outcome_${outcome}`) ? t(`history.outcome_${outcome}`) : codeText(outcome));

/** @param {string} site */
function siteText(site) {
  if (site === "") return "";
  if (site === "local://self-test") return t("common.self_test");
  return site.startsWith("local://") ? t("common.program") : new URL(site).host;
}

/** @param {any} line */
function row(line) {
  const kind = line.kind === "segment" ? "warning" : kindOf(line.outcome);
  const more = [
    [t("history.site"), line.site], [t("history.digest"), line.digest && `${line.hash} ${line.digest}`],
    [t("history.format"), line.format], [t("history.reader"), line.reader], [t("history.card"), line.card_serial],
    [t("history.holder"), line.holder], [t("history.certificate"), line.thumbprint],
    [t("history.detail"), line.kind === "segment" && line.detail],
    [t("history.link"), line.link],
  ].filter(([, value]) => value);
  return h("li", { "data-seq": line.seq, "data-outcome": line.outcome },
    icon(kind, `icon ${kind}-ink`),
    h("div", { class: "grow" },
      h("div", { class: "row" }, h("b", {}, title(line)), h("span", { class: `tag ${kind}` }, outcomeText(line.outcome)),
        line.detail === "blind" && h("span", { class: "tag warning" }, t("history.blind")),
        line.detail === "jrsys" && h("span", { class: "tag" }, "JRSYS")),
      named(line),
      h("div", {}, h("small", {}, [moment(line.at), siteText(line.site), line.holder].filter(Boolean).join(" · "))),
      h("details", {}, h("summary", {}, t("history.more", { seq: line.seq })),
        h("dl", { class: "facts" }, more.map(([name, value]) => [h("dt", {}, name), h("dd", { class: "code" }, value)])))));
}

/** @param {{seq: number, flaw: string}} found */
const breakRow = ({ seq, flaw }) => h("li", { "data-flaw": flaw }, t("history.break", { seq, what: t(`history.flaw_${flaw}`) }));

/** What went wrong with the chain as a whole. @param {{only_unwritten: boolean}} found */
export const brokenText = (found) => t(found.only_unwritten ? "history.incomplete" : "history.broken");

const proves = () => h("p", {}, h("small", {}, t("history.proves")));

/** @param {Element} place */
async function chain(place) {
  try {
    const found = await get("history/chain");
    const values = { lines: found.lines, segments: found.segments };
    if (found.intact) {
      fill(place, notice("good", h("p", {}, t(found.segments > 1 ? "history.intactSegments" : "history.intact", values)), proves()));
    } else {
      fill(place, notice(found.only_unwritten ? "warning" : "bad", h("p", {}, brokenText(found)), h("ul", {}, found.breaks.map(breakRow),
        found.more_breaks > 0 && h("li", {}, t("history.more_breaks", { count: found.more_breaks }))), proves()));
    }
  } catch (error) {
    fill(place, trouble(error));
  }
}

let turn = 0;

/** @param {Element} place @param {string} words @param {number|null} before */
async function load(place, words, before) {
  const mine = ++turn;
  const query = new URLSearchParams({ q: words });
  if (before !== null) query.set("before", String(before));
  try {
    const answer = await get(`history?${query}`);
    if (mine !== turn) return; // another word was typed meanwhile
    const list = place.querySelector(".list") ?? h("ul", { class: "list" });
    if (before === null) fill(list);
    const lines = answer.lines.map(row);
    list.append(...lines);
    const none = list.childElementCount === 0 && answer.before === null;
    fill(place,
      none ? notice("plain", h("p", {}, t(words === "" ? "history.none" : "history.notFound"))) : h("section", { class: "sheet" }, list),
      answer.before !== null && button("", t("history.further"), () => load(place, words, answer.before)));
    if (before !== null) lines[0]?.querySelector("summary").focus(); // the keyboard goes on at what has come
  } catch (error) {
    if (mine === turn) fill(place, trouble(error));
  }
}

/** @param {"csv"|"json"} format */
const exporting = (format) => async () => save(await download(`history/export?format=${format}`), `ankong-history.${format}`);

let uses = 0;

/** @param {HTMLElement} place */
async function reload(place) {
  const search = /** @type {HTMLInputElement|null} */ (place.querySelector("#search"));
  const lines = place.querySelector("#lines");
  const verdict = place.querySelector("#chain");
  if (search === null || lines === null || verdict === null) return;
  await Promise.all([load(lines, search.value.trim(), null), chain(verdict)]);
}

export const history = {
  /** @param {HTMLElement} place @param {State} state */
  async show(place, state) {
    uses = state.uses;
    let later = 0;
    const search = h("input", { type: "search", id: "search", "aria-label": t("history.search"), placeholder: t("history.search") });
    search.addEventListener("input", () => {
      clearTimeout(later);
      later = setTimeout(() => reload(place), WAIT);
    });
    fill(place, heading(t("history.title"), t("history.lead")),
      h("div", { id: "chain" }),
      h("div", { class: "row" }, search, button("", t("history.csv"), exporting("csv")), button("", t("history.json"), exporting("json"))),
      h("div", { class: "view", id: "lines" }));
    await reload(place);
  },

  /** @param {HTMLElement} place @param {State} state */
  async update(place, state) {
    if (state.uses === uses) return;
    uses = state.uses;
    await reload(place);
  },
};
