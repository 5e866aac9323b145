/** What the signatures of a document are worth, the worst on top. */

import { Refused, download, post } from "../api.js";
import { command, dropPlace, fingerprint, handOver, putAway, refusal, sizeText, unlocking, warned } from "../documents.js";
import { announce, button, fill, h } from "../dom.js";
import { day, moment, t } from "../i18n.js";
import { facts, heading, notice, save } from "../parts.js";

/** @typedef {import("../picture.js").State} State */
/** @typedef {{id: string, name: string}} Held */

/** How a verdict looks. @type {Record<string, "good"|"warning"|"bad">} */
const KINDS = { valid: "good", unknown: "warning", unsigned: "warning", expired: "bad", revoked: "bad", changed_after_signing: "bad", invalid: "bad" };
const WORST = Object.keys(KINDS).reverse();

/** @type {File|undefined} */
let reading;
/** @type {Held|undefined} */
let held;
/** @type {any} */
let report;
/** @type {unknown} */
let failure;
/** What asks for the document's password. @type {any} */
let asking;
let password = "";
/** The version that is looked at. @type {{number: number, view: any}|undefined} */
let shown;

function redraw() {
  const place = document.getElementById("view-verify");
  if (place !== null) draw(place);
}

/** @param {File[]} files */
async function take([file]) {
  if (file === undefined || reading !== undefined) return;
  const old = held;
  unlook();
  [reading, held, report, failure, asking, password] = [file, undefined, undefined, undefined, undefined, ""];
  redraw();
  try {
    if (old) await putAway(old.id);
    held = await handOver(file, "verify");
    await judge();
  } catch (error) {
    if (error instanceof Refused && error.code === "document_encrypted") asking = unlocking(judge);
    else failure = error;
  }
  reading = undefined;
  redraw();
}

/** @param {string} [given] the document's password */
async function judge(given = "") {
  report = await post("documents/verify", { id: held?.id, ...(given && { password: [...new TextEncoder().encode(given)] }) });
  [password, asking] = [given, undefined];
  announce(t(`verify.${report.verdict}`));
  redraw();
}

function unlook() {
  shown?.view?.close();
  shown = undefined;
}

/** Show the version that was signed, below its signature. @param {number} number */
async function look(number) {
  const wasShown = shown?.number === number;
  unlook();
  if (held !== undefined && !wasShown) {
    /** @type {NonNullable<typeof shown>} */
    const mine = { number, view: undefined };
    shown = mine;
    const { name, id } = held;
    const { preview } = await import("../preview.js");
    if (shown !== mine) return;
    mine.view = preview({ name: versionName(name, number), path: `documents/version?id=${id}&number=${number}`, size: report.document.size, password });
  }
  redraw();
}

/** @param {string} name @param {number} number */
const versionName = (name, number) => name.replace(/\.pdf$/i, "") + t("verify.suffix", { number }) + ".pdf";

/** @param {number} number */
async function extract(number) {
  if (held === undefined) return;
  try {
    save(await download(`documents/version?id=${held.id}&number=${number}`), versionName(held.name, number));
  } catch (error) {
    failure = error;
    redraw();
  }
}

/** What a PDF says of a time; it may be none. @param {string|null} text */
const timeText = (text) => (text === null || Number.isNaN(Date.parse(text)) ? text : moment(text));

/** What the statuses of timestamps are called; others say that nobody is trusted. @type {Record<string, string>} */
const STAMPS = { valid: "valid", unknown: "unlisted", stale: "unlisted", revoked: "revoked", expired: "expired", bad: "bad" };

/** Who made a timestamp, or why it proves nothing. @param {{status: string, time: string|null, authority: string|null}} stamp */
const stampText = ({ status, time, authority }) => t(`verify.stamp_${STAMPS[status] ?? "unknown"}`, { time: time && moment(time), authority });

/** @param {any} each @param {number} count */
function signature(each, count) {
  const { signer } = each;
  const isGood = each.verdict !== "invalid"; // else nobody signed what is there
  /** @type {[string, any][]} */
  const rows = [
    [t(isGood ? "verify.signer" : "verify.signer_claimed"), signer && [h("div", {}, signer.subject_cn), h("div", {}, h("small", {}, signer.subject))]],
    [t("verify.issuer"), signer?.issuer],
    [t("verify.days"), signer && t("verify.between", { first: day(signer.not_before), last: day(signer.not_after) })],
    [t("verify.time"), timeText(each.claimed_time)],
    [t("verify.proven"), each.proven_time && t("verify.by", { time: moment(each.proven_time) })],
    [t("verify.stamp"), each.timestamp && stampText(each.timestamp)],
    [t("verify.reason"), each.reason],
    [t("verify.location"), each.location],
    [t("verify.changes"), isGood && t(`verify.changes_${each.changes}`)],
    [t("verify.before"), isGood && each.sha256_before && h("code", {}, each.sha256_before)],
  ];
  const kind = KINDS[each.verdict] ?? "bad";
  return h("section", { class: "sheet", "data-signature": each.number, "data-verdict": each.verdict },
    h("div", { class: "row between" }, h("h2", {}, t("verify.number", { number: each.number, count })), count > 1 && h("span", { class: `tag ${kind}` }, t(`verify.${each.verdict}`))),
    facts(rows.filter(([, value]) => value)),
    isGood && h("div", { class: "row" }, button("", t("verify.extract"), () => extract(each.number)), looker(each.number)));
}

/** @param {number} number */
function looker(number) {
  const made = button("quiet", t("verify.show"), () => look(number));
  made.setAttribute("aria-expanded", String(shown?.number === number));
  return made;
}

function result() {
  const { verdict, document: told, signatures } = report;
  const inOrder = [...signatures].sort((one, other) => WORST.indexOf(one.verdict) - WORST.indexOf(other.verdict));
  const isUntold = signatures.some((/** @type {any} */ each) => each.chain.status === "not_checked" && each.verdict !== "invalid");
  return [
    h("div", { id: "verdict", "data-verdict": verdict }, notice(KINDS[verdict] ?? "bad",
      h("p", {}, h("b", {}, t(`verify.${verdict}`))),
      isUntold && h("p", {}, t("verify.trust"), " ", command("ankong verify FILE.pdf --anchors ROOT --crl LIST")))),
    h("section", { class: "sheet", id: "document" },
      h("div", {},
        h("div", {}, h("b", {}, h("bdi", {}, held?.name))),
        h("div", {}, t("documents.facts", { pages: told.pages, size: sizeText(told.size) })),
        h("div", {}, fingerprint(told.sha256))),
      warned(told.warnings)),
    inOrder.flatMap((each) => [signature(each, signatures.length), shown?.number === each.number && shown?.view?.element]),
  ];
}

/** @param {HTMLElement} place */
function draw(place) {
  fill(place, heading(t("verify.title"), t("verify.lead")),
    reading === undefined && dropPlace(false, report !== undefined, take),
    reading !== undefined && notice("plain", h("p", {}, t("verify.busy", { name: reading.name }))),
    failure !== undefined && h("div", { id: "failure" }, refusal(failure)),
    asking !== undefined && h("section", { class: "sheet" }, h("b", {}, h("bdi", {}, held?.name)), asking),
    report !== undefined && result());
}

export const verify = {
  /** @param {HTMLElement} place */
  show(place) {
    draw(place);
  },
};
