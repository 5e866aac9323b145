/** The page of one case: pictures, keys, the time that is left, and the decisions. */

import { listenToKeys } from "./keys.js";
import { watchLock } from "./lock.js";
import { Viewer } from "./viewer.js";

const desk = /** @type {HTMLElement} */ (document.querySelector(".desk-case"));
const sides = /** @type {HTMLElement[]} */ ([...desk.querySelectorAll(".desk-side")]);
const tools = /** @type {HTMLElement} */ (desk.querySelector("[data-tools]"));
const scale = /** @type {HTMLElement} */ (desk.querySelector("[data-scale]"));
/** @type {Map<string, Viewer>} */
const viewers = new Map();
let shown = "";

/** @param {string} side */
function show(side) {
  shown = side;
  for (const figure of sides) figure.hidden = figure.dataset.side !== side;
  for (const button of tools.querySelectorAll("[data-show]")) {
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.show === side));
  }
  viewers.get(side)?.draw();
}

/** @param {string | undefined} how */
function change(how) {
  const viewer = viewers.get(shown);
  if (viewer === undefined) return;
  if (how === "in") viewer.enlarge();
  else if (how === "out") viewer.reduce();
  else if (how === "fit") viewer.fit();
  else viewer.turn(how === "left" ? -1 : 1);
}

function setUpPictures() {
  desk.classList.add("with-viewer");
  for (const figure of sides) {
    const stage = /** @type {HTMLElement} */ (figure.querySelector(".desk-stage"));
    const picture = /** @type {HTMLImageElement} */ (figure.querySelector("img"));
    stage.tabIndex = 0;
    stage.setAttribute("role", "group");
    stage.setAttribute("aria-label", picture.alt);
    viewers.set(figure.dataset.side ?? "", new Viewer(stage, picture, (view) => (scale.textContent = `${Math.round(view.scale * 100)} %`)));
  }
  const [first] = sides;
  if (first === undefined) return;
  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("button"));
    if (button?.dataset.show !== undefined) show(button.dataset.show);
    else if (button !== null) change(button.dataset.view);
  });
  show(first.dataset.side ?? "");
}

/** Go to what has to be done next in a decision that was opened. @param {HTMLDetailsElement} decision */
function enter(decision) {
  const unticked = /** @type {HTMLElement | null} */ (desk.querySelector(".desk-checks input:not(:checked)"));
  const own = /** @type {HTMLElement | null} */ (decision.querySelector("input:checked, input[type=radio], textarea"));
  const confirm = /** @type {HTMLElement | null} */ (decision.querySelector("[data-confirm]"));
  const target = decision.dataset.decision === "approve" ? (unticked ?? confirm) : (own ?? confirm);
  target?.focus();
  decision.scrollIntoView({ block: "nearest" });
}

function setUpDecisions() {
  for (const decision of /** @type {NodeListOf<HTMLDetailsElement>} */ (desk.querySelectorAll("[data-decision]"))) {
    decision.addEventListener("toggle", () => decision.open && enter(decision));
  }
  const text = /** @type {HTMLTextAreaElement | null} */ (desk.querySelector("#ask-text"));
  const phrases = /** @type {HTMLElement | null} */ (desk.querySelector("[data-phrases]"));
  if (text !== null && phrases !== null) {
    phrases.hidden = false;
    phrases.addEventListener("click", (event) => {
      const phrase = /** @type {Element} */ (event.target).closest("[data-phrase]")?.textContent ?? "";
      if (phrase !== "") text.value = [text.value.trim(), phrase.trim()].filter(Boolean).join("\n");
      text.focus();
    });
  }
}

/** Keys that mean something else inside a decision. @param {string} key @param {KeyboardEvent} event */
function inDecision(key, event) {
  const opened = /** @type {HTMLDetailsElement | null} */ (desk.querySelector("[data-decision][open]"));
  if (opened === null) return false;
  if (key === "escape") {
    opened.open = false;
    opened.querySelector("summary")?.focus();
    return true;
  }
  const reason = /** @type {HTMLInputElement | null} */ (opened.querySelector(`[data-reason-key="${CSS.escape(key)}"]`));
  if (reason === null) return isEnterOnChoice(key, event) && confirmed(opened);
  reason.checked = true;
  reason.focus();
  return true;
}

/** Enter on a choice means the decision's button, and never the first button of the page. @param {string} key @param {KeyboardEvent} event */
function isEnterOnChoice(key, event) {
  return key === "enter" && event.target instanceof HTMLInputElement;
}

/** @param {HTMLDetailsElement} decision */
function confirmed(decision) {
  const button = /** @type {HTMLButtonElement} */ (decision.querySelector("[data-confirm]"));
  button.form?.requestSubmit(button);
  return true;
}

/** Take the pictures and the form away: the case may be somebody else's by now. */
function close() {
  desk.classList.add("over");
  for (const part of desk.querySelectorAll(".desk-split, .desk-ending")) part.remove();
  const ended = /** @type {HTMLElement} */ (desk.querySelector("[data-ended]"));
  ended.hidden = false;
  ended.focus();
}

/** Ask the server again for a page that a browser kept, as after the back button. */
function distrustKeptPage() {
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

setUpPictures();
setUpDecisions();
distrustKeptPage();
listenToKeys(inDecision);
const ending = /** @type {HTMLElement} */ (desk.querySelector("[data-ending]"));
watchLock(/** @type {HTMLElement} */ (desk.querySelector(".desk-lock")), {
  ending: (isEnding) => (ending.hidden = !isEnding),
  ended: close,
});
