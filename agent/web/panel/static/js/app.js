/** The panel: listens to the agent, and shows one view at a time. */

import { Closed, Refused, close, isOpen, listen, post } from "./api.js";
import { announce, button, byId, fill, h, icon } from "./dom.js";
import { currentLanguage, speak, t, tags } from "./i18n.js";
import { firstState, opened, takeToken } from "./opening.js";
import { notice } from "./parts.js";
import { about } from "./views/about.js";
import { doctor } from "./views/doctor.js";
import { history } from "./views/history.js";
import { inspector } from "./views/inspector.js";
import { look } from "./views/look.js";
import { mac } from "./views/mac.js";
import { readers } from "./views/readers.js";
import { selftest } from "./views/selftest.js";
import { sign } from "./views/sign.js";
import { sites } from "./views/sites.js";
import { state as stateView } from "./views/state.js";
import { verify } from "./views/verify.js";

/** @typedef {import("./picture.js").State} State */
/**
 * A view: `show` fills a place for the first time, `update` is told each new state after that.
 *
 * @typedef {{show: (place: HTMLElement, state: State) => Promise<void>|void, update?: (place: HTMLElement, state: State) => Promise<void>|void}} View
 */

/** @type {Record<string, View>} */
const VIEWS = { state: stateView, sign, verify, readers, sites, history, selftest, doctor, inspector, about };
/** What an address leads to and no menu: the documents of a question, and what is for one system only. @type {Record<string, View>} */
const ASIDE = { look, mac };
const AGAIN = 2_000; // milliseconds after which a lost agent is looked for again

/** @type {State|undefined} */
let state;
let current = "";

/** Which view the address names. */
function wanted() {
  const [name = ""] = location.hash.replace(/^#\/?/, "").split("/");
  return name in VIEWS || name in ASIDE ? name : "state";
}

function frame() {
  document.title = t("product.name");
  byId("skip").textContent = t("common.skip");
  fill(
    byId("top"),
    h("a", { class: "brand", href: "#/state" }, icon("mark", "mark"), h("span", {}, t("product.name"), h("small", {}, t("tagline")))),
    isOpen() && h("div", { class: "top-end" },
      recording(),
      languages(),
      button("quiet", t("leave"), leave)),
  );
  const rail = byId("rail");
  rail.hidden = !isOpen();
  rail.setAttribute("aria-label", t("views"));
  fill(rail, h("ul", {}, Object.keys(VIEWS).map((name) => h("li", {},
    h("a", { href: `#/${name}`, "aria-current": name === current ? "page" : undefined }, icon(name), h("span", {}, t(`${name}.short`)))))));
  centre(rail.querySelector("ul"), rail.querySelector("[aria-current]"));
}

/** Scroll a row, so that one of its parts is in the middle. `scrollIntoView` would also move where Tab begins (Chromium 150). @param {Element|null} row @param {Element|null} part */
function centre(row, part) {
  if (!row || !part) return;
  const [outer, inner] = [row.getBoundingClientRect(), part.getBoundingClientRect()];
  row.scrollLeft += inner.left + inner.width / 2 - (outer.left + outer.width / 2);
}

/** A badge for as long as pages are recorded, wherever in the panel one is. */
function recording() {
  const isOn = state?.recorder.on === true;
  return h("a", { class: "tag warning", id: "recording", href: "#/inspector", hidden: !isOn }, icon("inspector"), h("span", {}, t("inspector.badge")));
}

/** The choice of a language; the settings have that of the system's too. */
function languages() {
  const choice = h("select", { class: "quiet", id: "speak", "aria-label": t("common.language") }, tags.map((/** @type {string} */ tag) =>
    h("option", { value: tag, lang: tag, selected: tag === currentLanguage() }, t(`choices.${tag}`))));
  choice.addEventListener("change", () => choose(choice.value));
  return choice;
}

/** @param {string} language */
async function choose(language) {
  await post("settings", { language });
  speak(language);
  show();
  byId("speak").focus();
}

async function leave() {
  await close();
  showClosed("left");
}

/** Show the view that the address names, anew. */
function show() {
  if (!isOpen() || state === undefined) return;
  const name = wanted();
  const moved = name !== current && current !== "";
  current = name;
  frame();
  const place = h("div", { class: "view", id: `view-${name}` });
  fill(byId("main"), place);
  guarded(() => (VIEWS[name] ?? ASIDE[name])?.show(place, /** @type {State} */ (state)));
  if (moved) {
    /** @type {HTMLElement|null} */ (place.querySelector("h1"))?.focus();
    scrollTo(0, 0);
  }
}

/** @param {() => Promise<void>|void} work */
async function guarded(work) {
  try {
    await work();
  } catch (error) {
    if (error instanceof Closed) showClosed("expired");
    else throw error;
  }
}

/** @param {State} next */
function hear(next) {
  const first = state === undefined;
  state = { ...state, ...next }; // what is only asked for once is not in what is told
  document.getElementById("offline")?.remove();
  document.getElementById("recording")?.replaceWith(recording());
  const before = currentLanguage();
  speak(next.language);
  if (first || currentLanguage() !== before) {
    show();
    return;
  }
  const place = byId("main").querySelector(".view");
  if (place instanceof HTMLElement) guarded(() => VIEWS[current]?.update?.(place, /** @type {State} */ (state)));
}

/** @param {"first"|"expired"|"left"|"used"} why */
function showClosed(why) {
  current = "";
  frame();
  fill(
    byId("main"),
    h("section", { class: "sheet", id: "closed", "data-why": why },
      h("h1", {}, t(`closed.${why}`)),
      h("p", {}, t("closed.text")),
      h("ul", {}, h("li", {}, t("closed.tray")), h("li", {}, t("closed.command"), " ", h("code", {}, "ankong panel")))),
  );
}

function showOffline() {
  if (document.getElementById("offline") !== null) return;
  const said = h("div", { id: "offline" }, notice("warning", h("p", {}, t("offline"))));
  byId("main").prepend(said);
  announce(t("offline"));
}

async function follow() {
  while (isOpen()) {
    try {
      await listen(hear);
    } catch (error) {
      if (error instanceof Closed) {
        showClosed("expired");
        return;
      }
    }
    if (isOpen()) showOffline();
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

/** Another token for a page that is open already, or another view. */
async function moved() {
  if (isOpen()) {
    takeToken();
    show();
  } else {
    location.reload();
  }
}

async function start() {
  speak("system");
  // Chromium does not scroll a row to what has the focus where a part of it is in sight.
  byId("rail").addEventListener("focusin", ({ target }) => target instanceof Element && centre(target.closest("ul"), target));
  addEventListener("hashchange", moved);
  let isIn = false;
  try {
    isIn = await opened;
  } catch (error) {
    showClosed("used");
    if (!(error instanceof Closed || error instanceof Refused)) showOffline();
    return;
  }
  if (!isIn) {
    showClosed("first");
    return;
  }
  frame();
  await guarded(async () => hear(/** @type {State} */ (await firstState)));
  await follow();
}

start();
