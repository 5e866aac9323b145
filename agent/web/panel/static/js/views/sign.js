/** Documents of one's own, signed with one PIN: dropped here, and saved by the browser. */

import { download, post } from "../api.js";
import { MOST, dropPlace, fingerprint, handOver, putAway, refusal, sizeText, warned } from "../documents.js";
import { announce, button, fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { heading, notice, save } from "../parts.js";

/** @typedef {import("../picture.js").State} State */
/** @typedef {{id: string, size: number, sha256: string, pages: number, signatures: number, warnings: string[]}} Facts */
/** @typedef {{name: string, file: File, facts?: Facts, error?: unknown}} Paper */

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
function take(files) {
  const room = MOST - papers.length;
  isTooMany = files.length > room;
  failure = undefined;
  for (const file of files.slice(0, room)) {
    /** @type {Paper} */
    const paper = { name: file.name, file };
    papers.push(paper);
    turn = turn.then(() => read(paper)); // the agent takes one at a time
  }
  redraw();
}

/** @param {Paper} paper */
async function read(paper) {
  if (!papers.includes(paper)) return;
  try {
    paper.facts = await handOver(paper.file, "sign");
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
    await post("documents/sign", { ids, ...(reason && { reason }), ...(location && { location }), ...(reader && { reader }) });
    papers = chosen;
    step = "signed";
    announce(t("sign.done"));
    const [only] = chosen;
    if (chosen.length === 1 && only) await keep(only);
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

/** @param {Paper} paper */
function row(paper) {
  const { facts, error } = paper;
  const drawn = step === "signed" ? "good" : error ? "bad" : facts ? "sign" : "working";
  return h("li", { "data-name": paper.name, "data-sha256": facts?.sha256 },
    icon(drawn, `icon ${drawn === "good" ? "good-ink" : error ? "bad-ink" : "soft-ink"}`),
    h("div", { class: "grow paper" },
      h("div", {}, h("b", {}, h("bdi", {}, paper.name))),
      !facts && !error && h("div", {}, t("documents.reading")),
      facts && h("div", {}, t("documents.facts", { pages: facts.pages, size: sizeText(facts.size) })),
      facts && h("div", {}, fingerprint(facts.sha256)),
      facts && facts.signatures > 0 && step !== "signed" && h("div", {}, t("sign.already", { count: facts.signatures })),
      facts && step !== "signed" && warned(facts.warnings),
      error && refusal(error, "ankong sign FILE.pdf --password-stdin")),
    step === "choosing" && remover(paper),
    step === "signed" && button("", t("sign.save", { name: signedName(paper) }), () => keepAgain(paper)));
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
  const isReading = papers.some(({ facts, error }) => !facts && !error);
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
    step === "signed" && h("div", { id: "signed" }, notice("good", h("p", {}, t("sign.done")))),
    step === "signed" && failed(),
    papers.length > 0 && h("section", { class: "sheet", "aria-label": t("documents.list") }, h("ul", { class: "list" }, papers.map(row))),
    step === "choosing" && papers.length > 0 && going(),
    step === "signed" && h("div", {}, button("", t("sign.again"), again)));
}

export const sign = {
  /** @param {HTMLElement} place @param {State} next */
  show(place, next) {
    state = next;
    draw(place);
  },

  /** @param {HTMLElement} place @param {State} next */
  update(place, next) {
    const names = (/** @type {State} */ { readers }) => readers.map(({ name }) => name).join("\n");
    const isOther = names(next) !== names(state);
    state = next;
    if (isOther && step === "choosing") draw(place);
  },
};
