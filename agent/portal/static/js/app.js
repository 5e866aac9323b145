/** Where everything meets: which screen the address asks for, who is logged in, does the component run. */

import { Ankong } from "/sdk/ankong.js";
import * as api from "./api.js";
import { Chip } from "./chip.js";
import { fill, h, icon, once } from "./dom.js";
import { currentLanguage, day, setLanguage, t, tags } from "./i18n.js";
import { crown, heading, notice } from "./parts.js";
import { screens } from "./screens/index.js";
import { drawSteps } from "./stepper.js";
import { forgetTold } from "./told.js";

/** @typedef {import("./screens/index.js").Screen} Screen */
/** @typedef {import("./screens/index.js").App} App */

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const tabs = new BroadcastChannel("portal.session");

/** @type {(() => void)|null} */
let unwatch = null;
let isDemo = true;
/** @type {{screen: Screen, path: string, view: import("./screens/index.js").View}|null} */
let shown = null;
/** What the next screen has to tell, and what this one has told. @type {Record<"next"|"now", import("./told.js").Told|null>} */
const flash = { next: null, now: null };

/** What screens may use. @type {App} */
const app = {
  member: null,
  agent: /** @type {any} */ (null),
  demoCard: null,
  draft: {
    get: (key) => sessionStorage.getItem(`draft.${key}`) ?? "",
    set: (key, value) => (value ? sessionStorage.setItem(`draft.${key}`, value) : sessionStorage.removeItem(`draft.${key}`)),
    clear: () => sessionStorage.clear(),
  },
  setMember(member) {
    app.member = member;
    tabs.postMessage("changed");
    drawTop();
  },
  async refresh() {
    const before = JSON.stringify(app.member);
    app.member = (await api.session()).member;
    if (JSON.stringify(app.member) === before) return;
    drawTop();
    route();
  },
  go(path, { replace = false, message, kind = "ok" } = {}) {
    forgetTold();
    flash.now = null;
    if (message) flash.next = { kind, say: message };
    if (location.hash === `#/${path}`) return route();
    if (replace) location.replace(`#/${path}`);
    else location.hash = `/${path}`;
  },
  async failed(error) {
    const { code } = /** @type {{code?: string}} */ (error);
    if (code === "not_logged_in" || code === "already_gold") await app.refresh().catch(() => undefined);
  },
};

/** The screen that may be shown: not every member may see every one. @param {string} path @returns {string} */
function permitted(path) {
  const screen = screens[path];
  if (!screen) return app.member ? "member" : "login";
  if (screen.needs === "member" && !app.member) return "login";
  if (screen.needs === "guest" && app.member) return "member";
  if (screen.flow && app.member?.grade === "gold" && path !== "upgrade/done") return "upgrade/done";
  return screen.instead?.(app) ?? path;
}

/** Show what the address asks for. */
function route() {
  const asked = location.hash.replace(/^#\/?/, "");
  const path = permitted(asked);
  if (path !== asked) {
    if (screens[asked]?.needs === "member" && !app.member) app.draft.set("after", asked);
    return location.replace(`#/${path}`);
  }
  show(path, shown?.path !== path);
}

/** @param {string} path @param {boolean} arrived whether it is another screen than before */
function show(path, arrived) {
  const screen = /** @type {Screen} */ (screens[path]);
  const first = shown === null;
  if (arrived) {
    forgetTold();
    flash.now = null;
    chip.close();
  }
  flash.now = flash.next ?? flash.now;
  flash.next = null;
  shown?.view.leave?.();
  const view = screen.render(app);
  shown = { screen, path, view };
  fill(byId("main"), flash.now ? notice(flash.now.kind, h("p", {}, flash.now.say())) : null, closingNotice(), view.node);
  const title = byId("main").querySelector("h1");
  document.title = `${title?.textContent} · ${t("site")}`;
  watchAgent(screen.watchesAgent === true);
  drawStep();
  if (arrived && !first) {
    scrollTo(0, 0);
    title?.focus();
  }
}

/** That the account is about to end, on every screen, with the one click that keeps it. */
function closingNotice() {
  const { member } = app;
  if (!member?.closing) return null;
  const keep = h("button", { type: "button", class: "button", id: "keep-account" }, t("member.closing.keep"));
  keep.onclick = once(keep, async () => {
    try {
      app.setMember((await api.keepAccount()).member);
      app.go("member", { message: () => t("member.closing.kept") });
    } catch (error) {
      app.go("member", { message: () => api.explain(error), kind: "error" });
    }
  });
  return notice("warning", h("p", {}, t("member.closing.banner", { date: day(member.closing) })), keep);
}

function drawStep() {
  const { screen } = /** @type {NonNullable<typeof shown>} */ (shown);
  drawSteps(byId("steps"), screen.step?.(app) ?? null);
}

/** Look for the component only where a screen needs it. @param {boolean} wanted */
function watchAgent(wanted) {
  if (!wanted) {
    unwatch?.();
    unwatch = null;
    return chip.hide();
  }
  if (unwatch) return onSnapshot(app.agent.snapshot);
  unwatch = app.agent.watch(onSnapshot);
}

/** @param {import("/sdk/ankong.js").Snapshot} snapshot */
function onSnapshot(snapshot) {
  if (!shown?.screen.watchesAgent) return;
  chip.show(snapshot);
  shown.view.update?.(snapshot);
  drawStep();
}

const chip = new Chip(byId("chip"), () => void app.agent.check({ ask: true }));

function drawTop() {
  const { member } = app;
  const out = h("button", { type: "button", class: "button quiet", id: "logout" }, t("logout"));
  out.onclick = once(out, logout);
  const language = h("select", { class: "quiet", id: "language", "aria-label": t("common.language") }, tags.map((/** @type {string} */ tag) =>
    h("option", { value: tag, lang: tag, selected: tag === currentLanguage() }, t(`choices.${tag}`))));
  language.onchange = () => speak(language.value);
  fill(byId("top"),
    h("a", { class: "brand", href: "#/" }, icon("mark", "mark"), h("span", {}, t("site")), isDemo ? h("span", { class: "tag" }, t("demo")) : null),
    h("div", { class: "top-end" },
      // Named by itself: where the page is narrow only the picture is there.
      member ? h("a", { class: "who", href: "#/member", id: "who", "data-grade": member.grade, "aria-label": `${member.name ?? t("unnamed")} ${t(`grade.${member.grade}`)}` },
        member.grade === "gold" ? crown("crown small") : icon("person"),
        h("span", {}, h("span", { class: "who-name" }, member.name ?? t("unnamed")), " ",
          h("small", {}, t(`grade.${member.grade}`)))) : null,
      member ? out : null, language));
  fill(byId("bottom"), isDemo ? h("p", {}, t("demoNote")) : null, isDemo ? h("p", {}, h("a", { href: "mailbox", id: "to-mailbox" }, t("demoMailbox"))) : null);
  byId("skip").textContent = t("common.skip");
}

async function logout() {
  try {
    await api.logout();
  } catch (error) {
    return app.go("member", { message: () => api.explain(error), kind: "error" });
  }
  app.draft.clear();
  app.setMember(null);
  app.go("login", { message: () => t("loggedOut") });
}

/** Change the language; what was typed stays, except a PIN. @param {string} language */
function speak(language) {
  setLanguage(language);
  drawTop();
  byId("language").focus();
  const view = shown?.view;
  const busy = view?.settled?.();
  if (!busy) return redraw();
  void busy.then(() => shown?.view === view && redraw());
}

/** Draw the screen again in the language of the moment. */
function redraw() {
  const typed = [...byId("main").querySelectorAll("input[id]:not([data-pin])")].map((input) =>
    /** @type {const} */ ([input.id, /** @type {HTMLInputElement} */ (input).value]));
  if (shown) show(shown.path, false);
  else drawOffline();
  for (const [id, value] of typed) {
    const input = /** @type {HTMLInputElement|null} */ (document.getElementById(id));
    if (input) input.value = value;
  }
  byId("language").focus();
}

/** Say that the site itself does not answer. */
function drawOffline() {
  const again = h("button", { type: "button", class: "button primary", id: "again" }, t("retry"));
  again.onclick = once(again, start);
  fill(byId("main"), h("section", { class: "sheet" }, heading(t("offline.title"), t("offline.text")), h("div", { class: "actions" }, again)));
}

/** Learn who is logged in and where the component listens, then begin. */
async function start() {
  document.documentElement.lang = currentLanguage();
  drawTop();
  try {
    const [config, session] = await Promise.all([api.config(), api.session()]);
    app.agent = new Ankong({ ports: config.agent.ports, pingPort: config.agent.ping_port });
    app.member = session.member;
    app.demoCard = config.demo_card ?? null;
    isDemo = config.demo;
  } catch {
    return drawOffline();
  }
  drawTop();
  addEventListener("hashchange", route);
  const refresh = () => document.hidden || void app.refresh().catch(() => undefined);
  document.addEventListener("visibilitychange", refresh);
  tabs.addEventListener("message", refresh);
  route();
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // The address belongs to the screens.
  byId("main").focus();
});
void start();
