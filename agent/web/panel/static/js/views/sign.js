/** Documents of one's own, signed with one PIN: dropped here, and saved by the browser. */

import { download, post } from "../api.js";
import { openBasket, unfit, whereSaved } from "../basket.js";
import { MOST, dropPlace, fingerprint, handOver, putAway, refusal, sizeText, warned } from "../documents.js";
import { announce, button, fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { heading, notice, save } from "../parts.js";

/** @typedef {import("../picture.js").State} State */
/** @typedef {{id: string, size: number, sha256: string, pages: number, signatures: number, warnings: string[]}} Facts */
/** A document: of this page, or of a basket. @typedef {{name: string, file?: File, hand?: () => Promise<Facts>, problem?: string, facts?: Facts, error?: unknown, signed?: import("../basket.js").Signed}} Paper */

/** @type {Paper[]} */
let papers = [];
let wish = { reason: "", location: "", reader: "" };
/** @type {"choosing"|"signing"|"signed"} */
let step = "choosing";
let isTooMany = false;
/** @type {unknown} */
let failure;
/** @type {State} */
let state;
/** @type {Promise<unknown>} */
let turn = Promise.resolve();

const ready = () => papers.filter((paper) => paper.facts !== undefined);
const signedName = (/** @type {Paper} */ paper) => paper.name.replace(/\.pdf$/i, "") + t("sign.suffix") + ".pdf";

function redraw() {
  const place = document.getElementById("view-sign");
  if (place !== null) draw(place);
}

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

/** @param {Paper} paper */
async function read(paper) {
  if (!papers.includes(paper)) return;
  try {
    paper.facts = await (paper.file ? handOver(paper.file, "sign") : paper.hand?.());
    if (!papers.includes(paper) && paper.facts) await putAway(paper.facts.id);
  } catch (error) {
    paper.error = error;
  }
  redraw();
}

/** @param {Paper} paper */
async function drop(paper) {
  papers = papers.filter((each) => each !== paper);
  isTooMany = false;
  redraw();
  if (paper.facts) await putAway(paper.facts.id);
}

async function signAll() {
  const chosen = ready();
  step = "signing";
  failure = undefined;
  redraw();
  announce(t("sign.busy"));
  try {
    const { reason, location, reader } = wish;
    const ids = chosen.map(({ facts }) => facts?.id);
    const told = await post("documents/sign", { ids, ...(reason && { reason }), ...(location && { location }), ...(reader && { reader }) });
    for (const paper of chosen) paper.signed = told.signed.find((/** @type {import("../basket.js").Signed} */ { id }) => id === paper.facts?.id);
    papers = chosen;
    step = "signed";
    announce(t("sign.done"));
    const [only] = chosen;
    if (chosen.length === 1 && only && !only.signed?.saved) await keep(only);
  } catch (error) {
    failure = error;
    if (step === "signing") step = "choosing";
  }
  redraw();
}

/** @param {Paper} paper */
async function keep(paper) {
  save(await download(`documents/signed?id=${paper.facts?.id}`), signedName(paper));
}

/** @param {Paper} paper */
async function keepAgain(paper) {
  try {
    await keep(paper);
  } catch (error) {
    failure = error;
    redraw();
  }
}

async function again() {
  const old = papers;
  papers = [];
  step = "choosing";
  failure = undefined;
  redraw();
  document.getElementById("files")?.focus();
  for (const { facts } of old) if (facts) await putAway(facts.id);
}

/** @param {unknown} error */
function fail(error) {
  failure = error;
  redraw();
}

/** @param {Paper} paper */
function row(paper) {
  const { facts, error, problem } = paper;
  const drawn = step === "signed" ? "good" : error || problem ? "bad" : facts ? "sign" : "working";
  return h("li", { "data-name": paper.name, "data-sha256": facts?.sha256 },
    icon(drawn, `icon ${drawn === "good" ? "good-ink" : error ? "bad-ink" : "soft-ink"}`),
    h("div", { class: "grow paper" },
      h("div", {}, h("b", {}, h("bdi", {}, paper.name))),
      !facts && !error && !problem && h("div", {}, t("documents.reading")),
      facts && h("div", {}, t("documents.facts", { pages: facts.pages, size: sizeText(facts.size) })),
      facts && h("div", {}, fingerprint(facts.sha256)),
      facts && facts.signatures > 0 && step !== "signed" && h("div", {}, t("sign.already", { count: facts.signatures })),
      facts && step !== "signed" && warned(facts.warnings),
      problem && unfit(problem),
      step === "signed" && whereSaved(paper.signed, fail),
      error && refusal(error, "ankong sign FILE.pdf --password-stdin")),
    step === "choosing" && remover(paper),
    step === "signed" && !paper.signed?.saved && button("", t("sign.save", { name: signedName(paper) }), () => keepAgain(paper)));
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

function readers() {
  if (state.readers.length < 2) {
    wish.reader = "";
    return null;
  }
  wish.reader ||= state.readers.find((each) => each.state === "card")?.name ?? "";
  const choice = h("select", { id: "reader" }, state.readers.map(({ name }) => h("option", { value: name, selected: name === wish.reader }, name)));
  wish.reader = choice.value;
  choice.addEventListener("change", () => (wish.reader = choice.value));
  return h("label", { class: "row" }, t("selftest.reader"), choice);
}

function going() {
  const count = ready().length;
  const isReading = papers.some(({ facts, error, problem }) => !facts && !error && !problem);
  const go = button("primary", count > 1 ? t("sign.go_many", { count }) : t("sign.short"), signAll);
  go.id = "go";
  go.disabled = count === 0 || isReading;
  return h("section", { class: "sheet" },
    notice("plain", h("p", {}, t("sign.look"))),
    h("div", { class: "fields" }, field("reason"), field("location")),
    readers(),
    h("small", {}, t("sign.privacy")),
    failed(),
    h("div", {}, go));
}

const failed = () => failure !== undefined && h("div", { id: "failure" }, refusal(failure, ""));

/** @param {HTMLElement} place */
function draw(place) {
  fill(place, heading(t("sign.title"), t("sign.lead")),
    step === "choosing" && dropPlace(true, papers.length > 0, take),
    isTooMany && notice("warning", h("p", {}, t("documents.many", { count: MOST }))),
    step === "signing" && h("div", { id: "signing" }, notice("plain", h("p", {}, t("sign.busy")))),
    step === "signed" && h("div", { id: "signed" }, notice("good", h("p", {}, t(papers.every(({ signed }) => signed?.saved) ? "basket.done" : "sign.done")))),
    step === "signed" && failed(),
    papers.length > 0 && h("section", { class: "sheet", "aria-label": t("documents.list") }, h("ul", { class: "list" }, papers.map(row))),
    step === "choosing" && (papers.length > 0 ? going() : failed()),
    step === "signed" && h("div", {}, button("", t("sign.again"), again)));
}

export const sign = {
  /** @param {HTMLElement} place @param {State} next */
  show(place, next) {
    state = next;
    draw(place);
    takeBasket();
  },

  /** @param {HTMLElement} place @param {State} next */
  update(place, next) {
    const names = (/** @type {State} */ { readers }) => readers.map(({ name }) => name).join("\n");
    const isOther = names(next) !== names(state);
    state = next;
    if (isOther && step === "choosing") draw(place);
  },
};
