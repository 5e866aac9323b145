/** Documents of one's own, signed with one PIN: dropped here, looked at, and saved by the browser. */

import { Refused, download, get, post } from "../api.js";
import { openBasket, unfit, whereSaved } from "../basket.js";
import { MOST, dropPlace, fingerprint, handOver, list, putAway, refusal, sizeText, unlocking, warned } from "../documents.js";
import { announce, button, fill, h, icon } from "../dom.js";
import { currentLanguage, t } from "../i18n.js";
import { codeText, heading, notice, save } from "../parts.js";

/** @typedef {import("../picture.js").State} State */
/** @typedef {import("../preview.js").Seen} Seen */
/** @typedef {import("../markbox.js").Mark} Mark */
/** @typedef {{id: string, name: string, size: number, sha256: string, locked: boolean, pages: number, signatures: number, fields: string[], warnings: string[], proof: {level: string, host: string|null}}} Facts */
/**
 * A document: what the agent says of it, and what the person does with it.
 *
 * @typedef {object} Paper
 * @property {string} name
 * @property {File} [file] none where the agent had it first
 * @property {() => Promise<Facts>} [hand] has the agent take it, where a file manager handed it over
 * @property {string} [problem] why it is not taken
 * @property {Facts} [facts]
 * @property {unknown} [error]
 * @property {string} [password] that opens it
 * @property {any} [asking] for the password
 * @property {Seen} [seen]
 * @property {Mark} [mark]
 * @property {boolean} [isProving] whether its proof is tried again
 * @property {boolean} [isSigned]
 * @property {boolean} [isLeft] whether the card has signed it, and the agent keeps that to finish it without the card
 * @property {import("../basket.js").Signed} [saved] where, by the agent
 * @property {boolean} [isKept] whether the browser was given it to save
 */

/** @type {Paper[]} */
let papers = [];
const wish = { reason: "", location: "", reader: "", field: "", isMarked: false, hasRead: false };
/** @type {"choosing"|"signing"|"signed"} */
let step = "choosing";
let isTooMany = false;
/** Levels whose evidence is put into the file. */
const LASTING = ["B-LT", "B-LTA"];
/** By how many bytes that lengthens it, where it is many. */
const growth = { isAsked: false, bytes: 0 };
/** @type {unknown} */
let failure;
/** @type {State} */
let state;
/** @type {Promise<unknown>} */
let turn = Promise.resolve();
/** The document that is looked at. @type {{paper: Paper, isSigned: boolean, view: any}|undefined} */
let shown;
/** Cards that could sign, where there are several. @type {{key: string, cards: {reader: string, holder: string}[]}} */
let choice = { key: "", cards: [] };
/** The parts of the view, each drawn by itself: a document that is looked at stays as it is. @type {Record<string, HTMLElement>} */
let places = {};

const isReady = (/** @type {Paper} */ { facts, error }) => facts !== undefined && !facts.locked && !error;
const ready = () => papers.filter(isReady);
const signedName = (/** @type {Paper} */ paper) => paper.name.replace(/\.pdf$/i, "") + t("sign.suffix") + ".pdf";
/** Whether the person has to say that they have read it: it looks otherwise later, or cannot be seen here. @param {Paper} paper */
const isUnsure = ({ facts, seen }) => (facts?.warnings.length ?? 0) > 0 || ["partial", "large", "unable"].includes(seen ?? "");

/** @param {File[]} files */
const take = (files) => takeAll(files.map((file) => ({ name: file.name, file })));

/** @param {Paper[]} added */
function takeAll(added) {
  const room = MOST - papers.length;
  isTooMany = added.length > room;
  failure = undefined;
  for (const paper of added.slice(0, room)) {
    papers.push(paper);
    if (!paper.problem) turn = turn.then(() => read(paper)); // the agent takes one at a time
  }
  redraw();
}

async function takeBasket() {
  try {
    const { chosen, more } = await openBasket();
    if (chosen.length === 0) return;
    if (step === "signed") await again();
    takeAll(chosen);
    isTooMany ||= more > 0;
  } catch (error) {
    failure = error;
  }
  redraw();
}

/** Show documents that the agent has already, such as those that a file manager handed over. @param {Facts[]} told */
export function adopt(told) {
  const known = new Set(papers.map(({ facts }) => facts?.id));
  for (const facts of told) if (!known.has(facts.id)) hold({ name: facts.name }, facts);
  redraw();
}

/** @param {Paper} paper */
async function read(paper) {
  if (!papers.includes(paper)) return;
  try {
    const facts = await (paper.file ? handOver(paper.file, "sign") : paper.hand?.());
    if (!facts) return;
    if (papers.includes(paper)) hold(paper, facts);
    else await putAway(facts.id);
  } catch (error) {
    paper.error = error;
  }
  redraw();
}

/** @param {Paper} paper @param {Facts} facts */
function hold(paper, facts) {
  if (!papers.includes(paper)) papers.push(paper);
  paper.facts = facts;
  wish.hasRead = false;
  if (facts.locked) paper.asking = unlocking((password) => unlock(paper, password));
  else if (shown === undefined) look(paper);
}

/** @param {Paper} paper @param {string} password */
async function unlock(paper, password) {
  const facts = await post("documents/unlock", { id: paper.facts?.id, password: [...new TextEncoder().encode(password)] });
  [paper.password, paper.asking] = [password, undefined];
  hold(paper, facts);
  redraw();
}

/** @param {Paper} paper */
async function drop(paper) {
  papers = papers.filter((each) => each !== paper);
  isTooMany = false;
  if (shown?.paper === paper) unlook();
  const [next] = ready();
  if (shown === undefined && next) look(next);
  redraw();
  if (paper.facts) await putAway(paper.facts.id);
}

// What is looked at.

function unlook() {
  shown?.view?.close();
  shown = undefined;
}

/** @param {Paper} paper */
async function look(paper, isSigned = false) {
  const { facts } = paper;
  if (!facts) return;
  unlook();
  /** @type {NonNullable<typeof shown>} */
  const mine = { paper, isSigned, view: undefined };
  shown = mine;
  if (!isSigned) paper.seen = "loading";
  redraw();
  try {
    const { preview } = await import("../preview.js");
    if (shown !== mine) return;
    mine.view = preview({
      name: isSigned ? signedName(paper) : paper.name, size: facts.size, password: paper.password,
      path: `documents/${isSigned ? "signed" : "original"}?id=${facts.id}`, sha256: isSigned ? undefined : facts.sha256,
      told: (seen) => {
        if (!isSigned) saw(paper, seen);
        else if (seen === "shown" && wish.isMarked) mine.view?.goTo(paper.mark); // it is what is new on it
      },
      marked: (mark) => { paper.mark = mark; },
    });
  } catch {
    if (shown === mine && !isSigned) saw(paper, "unable");
  }
  redraw();
}

/** @param {Paper} paper @param {Seen} seen */
function saw(paper, seen) {
  if (seen !== paper.seen && seen !== "shown") wish.hasRead = false;
  paper.seen = seen;
  if (seen === "other") {
    paper.error = new Refused({ code: "other", message: "" });
    unlook();
  }
  showMark();
  redraw();
}

/** The mark goes where the person puts it; on several documents it is at the same usual place. */
function showMark() {
  const { view, paper, isSigned } = shown ?? {};
  if (!view || !paper || isSigned) return;
  const isFree = isPlaceable();
  if (!isFree) paper.mark = undefined;
  paper.mark ??= view.usualMark();
  view.setMark(wish.isMarked && step === "choosing" && !paper.facts?.fields.length ? paper.mark : undefined, !isFree);
}

/** Whether the person may put the mark where they like: an empty signature field has its own place. */
const isPlaceable = () => ready().length === 1 && ready()[0]?.facts?.fields.length === 0;

// Signing.

function message() {
  const chosen = ready();
  const [only] = chosen;
  const isOne = chosen.length === 1 && only !== undefined;
  const { reason, location, reader, field } = wish;
  const mark = isPlaceable() && only?.mark ? only.mark : { page: null, box: null };
  return {
    ids: chosen.map(({ facts }) => facts?.id), language: currentLanguage(), ...(reason && { reason }), ...(location && { location }), ...(reader && { reader }),
    ...(isOne && field && only.facts?.fields.includes(field) && { field }), ...(wish.isMarked && { mark }),
  };
}

async function signAll() {
  const chosen = ready();
  const wanted = message();
  step = "signing";
  failure = undefined;
  showMark();
  redraw();
  announce(t("sign.busy"));
  try {
    const { signed, failed } = await post("documents/sign", wanted);
    for (const paper of papers) settle(paper, signed, failed);
    step = "signed";
    unlook();
    const done = chosen.filter(({ isSigned }) => isSigned);
    const others = papers.length - done.length;
    announce(t(others > 0 ? "sign.partial" : "sign.done", { done: done.length, failed: others }));
    const [only] = done;
    if (chosen.length === 1 && only && !only.saved?.saved) await keep(only);
  } catch (error) {
    failure = error;
    if (step === "signing") step = "choosing";
  }
  showMark();
  redraw();
}

/** @param {Paper} paper @param {import("../basket.js").Signed[]} signed @param {{id: string, code: string, left?: boolean}[]} failed */
function settle(paper, signed, failed) {
  const done = signed.find(({ id }) => id === paper.facts?.id);
  paper.isSigned = done !== undefined;
  paper.saved = done;
  const why = failed.find(({ id }) => id === paper.facts?.id);
  paper.isLeft = why?.left === true;
  const code = paper.facts?.locked ? "document_encrypted" : why?.code;
  if (code) paper.error = new Refused({ code, message: "" });
}

/** @param {Paper} paper */
async function keep(paper) {
  save(await download(`documents/signed?id=${paper.facts?.id}`), signedName(paper));
  paper.isKept = true;
}

/** Do something with what was signed, and say what went wrong. @param {() => Promise<unknown>} work */
async function tried(work) {
  failure = undefined;
  try {
    await work();
  } catch (error) {
    failure = error;
  }
  redraw();
}

/** Try once more to get what a signature lacks; the card is not asked. @param {Paper} paper */
async function prove(paper) {
  paper.isProving = true;
  redraw();
  try {
    paper.saved = /** @type {import("../basket.js").Signed} */ (await post("documents/extend", { id: paper.facts?.id, language: currentLanguage() }));
    if (shown?.paper === paper && shown.isSigned) unlook(); // it is another file now
    if (!paper.saved.lacks) announce(t("sign.proven"));
    if (!paper.saved.saved) await keep(paper);
  } finally {
    paper.isProving = false;
  }
}

async function again() {
  const old = papers.filter(({ isLeft }) => !isLeft);
  unlook();
  papers = papers.filter(({ isLeft }) => isLeft).map((paper) => ({ ...paper, error: undefined, isLeft: false }));
  step = "choosing";
  failure = undefined;
  Object.assign(wish, { isMarked: false, hasRead: false, field: "" });
  redraw();
  document.getElementById("files")?.focus();
  for (const { facts } of old) if (facts) await putAway(facts.id);
}

// The parts of the view.

/** @param {Paper} paper */
function row(paper) {
  const { facts, error, isSigned, problem } = paper;
  const drawn = isSigned ? "good" : error || problem ? "bad" : facts ? "sign" : "working";
  const isOpen = facts !== undefined && !facts.locked;
  return h("li", { "data-name": paper.name, "data-sha256": facts?.sha256, "data-seen": paper.seen },
    icon(drawn, `icon ${isSigned ? "good-ink" : error || problem ? "bad-ink" : "soft-ink"}`),
    h("div", { class: "grow paper" },
      h("div", {}, h("b", {}, h("bdi", {}, paper.name))),
      !facts && !error && !problem && h("div", {}, t("documents.reading")),
      isOpen && h("div", {}, t("documents.facts", { pages: facts.pages, size: sizeText(facts.size) })),
      isOpen && h("div", {}, fingerprint(facts.sha256)),
      isOpen && facts.signatures > 0 && step !== "signed" && h("div", {}, t("sign.already", { count: facts.signatures })),
      isOpen && step !== "signed" && warned(facts.warnings),
      facts?.locked && step === "choosing" && paper.asking,
      problem && unfit(problem),
      isSigned && whereSaved(paper.saved),
      paper.saved?.mark?.missing && notice("warning", h("p", {}, t("sign.mark_font", { char: paper.saved.mark.missing }))),
      paper.saved?.mark?.small && notice("warning", h("p", {}, t("sign.mark_small"))),
      paper.saved?.lacks && lacking(paper, paper.saved.lacks),
      paper.saved?.grown && h("div", {}, t("sign.grown", { size: sizeText(paper.saved.grown) })),
      error && refusal(error),
      step === "choosing" && isReady(paper) && ready().length > 1 && looker(paper, false, t("sign.open", { name: paper.name })),
      isSigned && h("div", { class: "row" },
        paper.saved?.saved
          ? button("", t("sign.reveal"), () => tried(() => post("documents/reveal", { id: facts?.id })))
          : button("", t("sign.save", { name: signedName(paper) }), () => tried(() => keep(paper))),
        looker(paper, true, t("sign.open", { name: signedName(paper) })))),
    step === "choosing" && remover(paper));
}

/** @param {Paper} paper @param {string} code */
function lacking(paper, code) {
  const made = button("", t(code === "timestamp_failed" ? "sign.try_time" : "sign.try_proof"), () => tried(() => prove(paper)));
  made.disabled = paper.isProving === true;
  return notice("warning", h("p", {}, codeText(code)), h("div", { class: "row" }, made));
}

/** @param {Paper} paper @param {boolean} isSigned @param {string} label */
function looker(paper, isSigned, label) {
  const isShown = shown?.paper === paper && shown.isSigned === isSigned;
  const made = button("quiet", t("sign.show"), () => look(paper, isSigned));
  made.setAttribute("aria-label", label);
  made.setAttribute("aria-pressed", String(isShown));
  return made;
}

/** @param {Paper} paper */
function remover(paper) {
  const made = button("quiet", "✕", () => drop(paper));
  made.setAttribute("aria-label", t("documents.remove", { name: paper.name }));
  return made;
}

/** @param {"reason"|"location"} name */
function field(name) {
  const input = h("input", { type: "text", id: name, maxlength: 255, autocomplete: "off", value: wish[name] });
  input.addEventListener("input", () => (wish[name] = input.value.trim()));
  return h("label", {}, t(`sign.${name}`), input);
}

/** @param {string} id @param {string} label @param {[string, string][]} options @param {"reader"|"field"} name */
function chooser(id, label, options, name) {
  if (!options.some(([value]) => value === wish[name])) wish[name] = options[0]?.[0] ?? "";
  const made = h("select", { id }, options.map(([value, text]) => h("option", { value, selected: value === wish[name] }, text)));
  made.addEventListener("change", () => (wish[name] = made.value));
  return h("label", {}, label, made);
}

/** Which of several cards signs, by its holder and its reader. */
function cards() {
  const names = state.readers.filter((each) => each.state === "card").map(({ name }) => name);
  if (names.length < 2) {
    wish.reader = "";
    return null;
  }
  const key = state.readers.map(({ name, serial }) => `${name} ${serial}`).join("\n");
  if (choice.key !== key) {
    choice = { key, cards: [] };
    void askForCards(key);
  }
  const found = choice.cards.length > 0 ? choice.cards : names.map((reader) => ({ reader, holder: "" }));
  if (found.length < 2) {
    wish.reader = "";
    return null;
  }
  return chooser("reader", t("sign.card"), found.map(({ reader, holder }) => [reader, holder ? t("sign.card_in", { holder, reader }) : reader]), "reader");
}

/** @param {string} key */
async function askForCards(key) {
  const { certificates } = await get("certificates").catch(() => ({ certificates: [] }));
  if (choice.key !== key) return;
  const first = new Map(); // a card may have an old certificate beside the one that is valid
  for (const { reader, holder, label, signs } of certificates) if (signs && !first.has(reader)) first.set(reader, { reader, holder: holder ?? label });
  choice.cards = [...first.values()];
  redraw();
}

/** Which of a document's empty signature fields is used. */
function fields() {
  const [only] = ready();
  const names = ready().length === 1 ? only?.facts?.fields ?? [] : [];
  if (names.length < 2) {
    wish.field = "";
    return null;
  }
  return chooser("field", t("sign.field"), names.map((name) => [name, name]), "field");
}

/** @param {"isMarked"|"hasRead"} name @param {string} text @param {() => void} changed */
function option(name, text, changed) {
  const input = h("input", { type: "checkbox", id: name, checked: wish[name] });
  input.addEventListener("change", () => {
    wish[name] = input.checked;
    changed();
  });
  return h("label", { class: "option" }, input, h("span", {}, text));
}

function marking() {
  const isSeen = ["shown", "partial"].includes(ready()[0]?.seen ?? "");
  const isMovable = isPlaceable() && isSeen;
  const help = isMovable ? "sign.mark_help" : ready().some(({ facts }) => facts?.fields.length) ? "sign.mark_field" : "sign.mark_usual";
  return h("div", { class: "marking" },
    option("isMarked", t("sign.mark"), () => {
      showMark();
      redraw();
      if (wish.isMarked) shown?.view?.show?.();
    }),
    wish.isMarked && h("div", { class: "under" },
      h("p", { id: "mark-help" }, t(help)),
      isMovable && h("div", { class: "row" },
        button("", t("sign.mark_go"), () => shown?.view?.enterMark()),
        button("", t("sign.mark_smaller"), () => shown?.view?.resizeMark(1 / 1.2)),
        button("", t("sign.mark_larger"), () => shown?.view?.resizeMark(1.2))),
      h("small", {}, t("sign.mark_note"))));
}

/** Who proves the time of the signatures. */
function timeText() {
  const [only] = ready();
  const host = only?.facts?.proof.host;
  return host ? t("sign.time_proven", { host }) : t("sign.time_own");
}

/** By how much the evidence lengthens what is signed, where that is much. */
function growthText() {
  const isLasting = ready().some(({ facts }) => LASTING.includes(facts?.proof.level ?? ""));
  if (isLasting && !growth.isAsked) {
    growth.isAsked = true;
    void get("documents/growth").then(({ bytes }) => {
      growth.bytes = bytes;
      redraw();
    }, () => { growth.isAsked = false; });
  }
  return isLasting && growth.bytes > 0 ? t("sign.will_grow", { size: sizeText(growth.bytes) }) : null;
}

function going() {
  const count = ready().length;
  const isReading = papers.some(({ facts, error, problem }) => !facts && !error && !problem);
  const isLoading = count === 1 && ready()[0]?.seen === "loading";
  const unsure = ready().filter(isUnsure);
  const growing = growthText();
  const go = button("primary", count > 1 ? t("sign.go_many", { count }) : t("sign.short"), signAll);
  go.id = "go";
  go.disabled = count === 0 || isReading || isLoading || (unsure.length > 0 && !wish.hasRead);
  return h("section", { class: "sheet" },
    marking(),
    h("div", { class: "fields" }, field("reason"), field("location"), fields(), cards()),
    h("div", { class: "small-print" }, h("small", {}, t("sign.privacy")), h("small", {}, timeText()), growing && h("small", { id: "growth" }, growing)),
    unsure.length > 0 && h("div", { class: "word" }, option("hasRead", count > 1 ? t("sign.read_of", { names: list(unsure.map(({ name }) => name)) }) : t("sign.read"), redraw)),
    failed(),
    h("div", {}, go));
}

const failed = () => failure !== undefined && h("div", { id: "failure" }, refusal(failure));

function outcome() {
  const failures = papers.filter(({ isSigned }) => !isSigned).length;
  const done = papers.length - failures;
  const here = papers.filter(({ isSigned, saved }) => isSigned && !saved?.saved);
  return h("div", { id: "signed" }, notice(failures > 0 ? "warning" : "good",
    h("p", {}, h("b", {}, failures > 0 ? t("sign.partial", { done, failed: failures }) : t("sign.done"))),
    here.length > 0 && h("p", {}, t(here.every(({ isKept }) => isKept) ? "sign.kept" : "sign.keep"))));
}

function redraw() {
  const { top, list: rows, look: seen, end } = places;
  if (!top?.isConnected || !rows || !seen || !end) return;
  fill(top,
    step === "choosing" && dropPlace(true, papers.length > 0, take),
    isTooMany && notice("warning", h("p", {}, t("documents.many", { count: MOST }))),
    step === "signing" && h("div", { id: "signing" }, notice("plain", h("p", {}, t("sign.busy")))),
    step === "signed" && outcome(),
    step === "signed" && failed());
  fill(rows, papers.length > 0 && h("section", { class: "sheet", "aria-label": t("documents.list") }, h("ul", { class: "list papers" }, papers.map(row))));
  const element = shown?.view?.element;
  if (seen.firstElementChild !== (element ?? null)) seen.replaceChildren(...(element ? [element] : []));
  fill(end, step === "choosing" && (papers.length > 0 ? going() : failed()), step === "signed" && h("div", {}, button("", t("sign.again"), again)));
}

export const sign = {
  /** @param {HTMLElement} place @param {State} next */
  async show(place, next) {
    state = next;
    places = Object.fromEntries(["top", "list", "look", "end"].map((name) => [name, h("div", { class: "part", id: `sign-${name}` })]));
    fill(place, heading(t("sign.title"), t("sign.lead")), ...Object.values(places));
    redraw();
    if (step === "choosing") adopt((await get("documents")).documents);
    void takeBasket();
  },

  /** @param {HTMLElement} _place @param {State} next */
  update(_place, next) {
    const names = (/** @type {State} */ { readers }) => readers.map(({ name, state: is, serial }) => `${name} ${is} ${serial}`).join("\n");
    const isOther = names(next) !== names(state);
    state = next;
    if (isOther && step === "choosing") redraw();
  },
};
