/** One question of the agent's, in a page of its own; it says and takes what the window in its place would. */

import { announce, byId, fill, h, icon } from "./dom.js";
import { notice } from "./parts.js";
import { PinBox } from "./pinbox.js";
import { speak, t } from "./texts.js";

const KEY = "ankong.question.key";
const CALM = 500; // milliseconds after which a key or click counts: the ones before were meant for something else
const BACK = 1000; // the same, once the page has the keyboard again after another had
const WARNINGS = [60, 30, 10]; // seconds before the end at which a screen reader says so

/** @typedef {{text: string, kind: string, before: string, aside: string}} Line */
/** @typedef {{name: string, lines: Line[], documents: Line[], text: string|null}} Fact */
/** @typedef {{answer: string, text: string, kind: string}} Button */

let key = "";
let asker = "";
let isOver = false;
let deadline = 0;
let wakesAt = Infinity;
/** @type {PinBox|undefined} */
let box;
let typed = 0; // characters in the box
/** @type {() => boolean} What has to be done before the question can be answered with yes. */
let isReady = () => true;
/** Say beside the box for the PIN what is odd about what was typed, or how long a PIN is. */
let hintAgain = () => {};
/** @type {Set<number>} */
let warned = new Set();

/** @param {string} path @param {string} method @param {object} [body] @param {string} [secret] */
function ask(path, method, body, secret = key) {
  /** @type {Record<string, string>} */
  const headers = { "X-Ankong-Panel": secret };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return fetch(`api/question${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    credentials: "same-origin",
    redirect: "error",
  });
}

/** @param {string} title */
const named = (title) => [asker, title, t("product.name")].filter((each) => each !== "").join(" – ");

/** @param {string} title @param {boolean} alarm */
function head(title, alarm) {
  document.title = named(title);
  return h("header", { class: `head${alarm ? " alarm" : ""}` }, icon("mark", "mark"),
    h("div", {}, h("small", {}, t("product.name")), h("h1", { id: "title", tabindex: "-1" }, title)));
}

/** Say that the question is over. @param {string} why */
function over(why) {
  if (isOver) return;
  isOver = true;
  box?.clear();
  // A page that is loaded anew has lost the connection too; it still has its key then.
  if (why !== "gone") sessionStorage.removeItem(KEY);
  fill(byId("main"), head(t(`question.${why}`), false), h("p", {}, t(`question.${why}_text`)));
  byId("main").dataset.over = why;
  byId("title").focus();
}

/** @param {Line} line */
function said(line) {
  return h("span", { class: line.kind }, line.before !== "" && h("span", { class: "host" }, line.before),
    line.kind === "host" ? h("b", { class: "domain" }, line.text) : line.text, line.aside !== "" && h("span", { class: "aside" }, ` ${line.aside}`));
}

/** @param {Fact} row */
function fact(row) {
  return [h("dt", {}, row.name), h("dd", {}, row.lines.map(said),
    row.documents.length > 0 && h("ol", { tabindex: row.documents.length > 8 ? "0" : undefined, "aria-label": row.name }, row.documents.map((line) => h("li", {}, said(line)))),
    row.text !== null && h("div", { class: "whole", role: "group", "aria-label": row.name }, row.text))];
}

/** @param {any} part */
function choices(part) {
  isReady = () => document.querySelector("input[name=card]:checked") !== null;
  return h("fieldset", { id: "choices" }, h("legend", {}, part.name), part.choices.map((/** @type {Line} */ line, /** @type {number} */ place) => {
    const input = h("input", { type: "radio", name: "card", value: String(place) });
    input.addEventListener("click", (/** @type {Event} */ event) => {
      if (!accepts()) event.preventDefault();
      setTimeout(refresh);
    });
    return h("label", { class: "choice" }, input, h("span", {}, h("span", { class: "strong" }, line.text), h("span", { class: "aside" }, line.aside)));
  }));
}

/** @param {any} part */
function check(part) {
  const input = h("input", { type: "checkbox", id: "sure" });
  isReady = () => input.checked;
  input.addEventListener("click", (/** @type {Event} */ event) => {
    if (!accepts()) event.preventDefault();
    setTimeout(refresh);
  });
  return h("label", { class: "option" }, input, part.text);
}

/** Say what is odd about the keyboard, told from the key that was pressed: people type a PIN blind. @param {KeyboardEvent} event @param {any} part */
function odd(event, part) {
  const { key, code } = event;
  if (/^Numpad(\d|Decimal)$/.test(code) && key.length > 1 && !event.shiftKey && !event.getModifierState("NumLock")) return part.num_lock;
  if (key === "Dead" || key === "Process" || /^[^\x20-\x7e]$/u.test(key)) return part.layout;
  return event.getModifierState("CapsLock") ? part.capitals : "";
}

/** @param {any} part */
function pin(part) {
  const input = h("input", { id: "pin", maxlength: String(part.most), inputmode: "numeric", "aria-describedby": "hint attempts speech" });
  const hint = h("span", { class: "aside", id: "hint" }, part.hint);
  box = new PinBox(input);
  isReady = () => typed >= part.least;
  input.addEventListener("beforeinput", (/** @type {InputEvent} */ event) => {
    // No PIN is taken without its first characters: whoever types something else goes on into nothing.
    if (accepts()) return;
    event.preventDefault();
    later(CALM);
  });
  input.addEventListener("input", () => {
    typed = input.value.length;
    refresh();
  });
  let trouble = ""; // of the last key
  hintAgain = () => {
    const strange = trouble || (box?.isOfDigits === false ? part.no_digit : "");
    const text = strange || part.hint;
    if (hint.textContent === text) return;
    hint.textContent = text;
    hint.className = strange ? "few" : "aside";
    announce(text);
  };
  /** @param {KeyboardEvent} event */
  const look = (event) => {
    trouble = odd(event, part);
    hintAgain();
  };
  input.addEventListener("keydown", look);
  input.addEventListener("keyup", (/** @type {KeyboardEvent} */ event) => {
    if (/^(Caps|Num)Lock$/.test(event.key)) look(event); // its state has changed by now
  });
  input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (isReady()) answer("pin:");
  });
  return h("div", { class: "pin" }, h("label", { for: "pin" }, part.name), input, hint,
    h("span", { class: part.few ? "few" : "aside", id: "attempts" }, part.attempts),
    h("span", { class: "aside", id: "speech" }, t("question.speech")));
}

/** @type {Record<string, (part: any) => any>} */
const PARTS = {
  facts: (part) => h("section", { class: "sheet" }, h("dl", { class: "facts" }, part.rows.map(fact))),
  notice: (part) => notice(part.danger ? "bad" : "warning", h("p", {}, part.text)),
  text: (part) => h("p", {}, part.text),
  steps: (part) => h("ol", { class: "steps" }, part.steps.map((/** @type {string} */ step) => h("li", {}, step))),
  choices,
  check,
  pin,
};

const LOOK = "?"; // shows the documents, and answers nothing
const CAUTIOUS = ["cancel", "never", "no", "seen", "block", LOOK];

/** Whether keys and clicks count by now. */
const accepts = () => document.hasFocus() && performance.now() >= wakesAt;

/** @param {number} milliseconds */
function later(milliseconds) {
  wakesAt = Math.max(wakesAt === Infinity ? 0 : wakesAt, performance.now() + milliseconds);
}

/** Offer what can be answered by now. */
function refresh() {
  for (const each of document.querySelectorAll("#answers button")) {
    if (each instanceof HTMLButtonElement && !CAUTIOUS.includes(each.value)) each.disabled = !isReady();
  }
  hintAgain();
}

/** @param {string} given */
async function answer(given) {
  if (isOver) return;
  if (!accepts()) {
    announce(t("question.too_soon"));
    return;
  }
  const card = document.querySelector("input[name=card]:checked");
  /** @type {{answer: string, pin?: number[]}} */
  const body = { answer: given === "card:" && card instanceof HTMLInputElement ? `card:${card.value}` : given };
  if (given === "pin:") body.pin = [...(box?.take() ?? "")].map((each) => each.codePointAt(0) ?? 0).map((code) => (code > 255 ? 0 : code));
  typed = given === "pin:" ? 0 : typed;
  const buttons = [...document.querySelectorAll("#answers button")];
  for (const each of buttons) if (each instanceof HTMLButtonElement) each.disabled = true;
  try {
    const response = await ask("/answer", "POST", body);
    if (response.ok && given !== LOOK) {
      over("answered");
      window.close(); // where the browser lets a page that nobody opened do so
      return;
    }
    if (response.status === 401) over("withdrawn");
    else if (!response.ok) announce(t(given === "pin:" ? "question.not_taken" : "question.too_soon"));
  } catch {
    over("gone");
  }
  for (const each of buttons) if (each instanceof HTMLButtonElement) each.disabled = false;
  refresh();
  const looked = given === LOOK && document.querySelector(`#answers button[value="${LOOK}"]`);
  if (looked instanceof HTMLButtonElement) looked.focus(); // which it lost while it was disabled
}

/** @param {Button} each */
function answering(each) {
  const made = h("button", { class: `button ${each.kind === "plain" ? "" : each.kind}`, type: "button", value: each.answer }, each.text);
  made.addEventListener("click", () => answer(each.answer));
  return made;
}

/** How long there still is, as people read it. @param {number} seconds */
const clockOf = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

function tick() {
  if (isOver) return;
  const left = Math.max(0, Math.round((deadline - performance.now()) / 1000));
  byId("left").textContent = t("question.left", { time: clockOf(left) });
  const due = WARNINGS.find((each) => left <= each && left > each - 5 && !warned.has(each));
  if (due === undefined) return;
  warned.add(due);
  announce(t("question.soon", { count: due }));
}

/** @param {{left: number, more: number}} state */
function hear(state) {
  const had = deadline;
  deadline = performance.now() + state.left * 1000;
  byId("more").hidden = state.more === 0;
  if (had !== 0 && deadline > had + 5000) {
    warned = new Set();
    announce(t("question.left", { time: clockOf(state.left) }));
  }
  tick();
}

function extension() {
  const more = h("button", { class: "button quiet", id: "more", type: "button" }, t("question.more"));
  more.addEventListener("click", () => ask("/more", "POST", {}));
  return h("div", { class: "time" }, h("span", { id: "left", role: "timer", "aria-live": "off" }), more);
}

/** @param {any} page */
function show(page) {
  asker = page.asker;
  speak(page.language);
  fill(byId("main"), head(page.title, page.alarm), page.parts.map((/** @type {any} */ part) => PARTS[part.part]?.(part)),
    h("div", { class: "answers", id: "answers" }, page.buttons.map(answering)), extension());
  refresh();
  byId("title").focus(); // nothing that a stray key answers
  later(CALM);
}

/** Follow the question until it ends. */
async function follow() {
  const response = await ask("/events", "GET");
  if (!response.ok || response.body === null) return over("withdrawn");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return over("gone");
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const state = JSON.parse(line);
      if (state.ended !== undefined) return over(state.ended);
      hear(state);
    }
  }
}

/** Let this page in: with the token that it was opened with, or the key that it has already. */
async function enter() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return sessionStorage.getItem(KEY) ?? "";
  window.history.replaceState(null, "", location.pathname);
  const response = await ask("/open", "POST", { token }, "open");
  if (!response.ok) return "";
  const given = (await response.json()).key;
  sessionStorage.setItem(KEY, given);
  return given;
}

async function start() {
  speak("system");
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    const first = document.querySelector("#answers button");
    if (first instanceof HTMLButtonElement) answer(first.value);
  });
  // A page that has somebody click on and on must not have the last of these clicks answer for them.
  addEventListener("pointerdown", () => {
    if (!accepts() && box === undefined) later(CALM);
  }, true);
  addEventListener("focus", () => later(BACK));
  document.addEventListener("visibilitychange", () => later(BACK));
  addEventListener("hashchange", () => location.reload());
  try {
    key = await enter();
    const response = key === "" ? undefined : await ask("", "GET");
    if (!response?.ok) return over("used");
    const found = await response.json();
    show(found.page);
    hear(found);
    setInterval(tick, 1000);
    await follow();
  } catch {
    over("gone");
  }
}

start();
