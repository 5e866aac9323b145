/** What pages asked the agent for: names, kinds and lengths, while the citizen has it recorded. */

import { download, get, post } from "../api.js";
import { button, fill, h, icon } from "../dom.js";
import { clock, t } from "../i18n.js";
import { heading, notice, save, trouble } from "../parts.js";

/** @typedef {{at: string, origin: string, door: "native"|"hipki"|"jrsys", transport: string, port?: number, method: string|null, shape: Record<string, any>, outcome: string|number|null, asked: string[], ms: number|null, times: number}} Call */
/** @typedef {{at: string, port: number, outcome: string, times: number}} Miss */
/** @typedef {{on: boolean, until: string|null, calls: Call[], missed: Miss[], dropped: number}} Recorded */

const LOOK = 1_000; // milliseconds
const SILENCE = 20_000; // milliseconds after which a page is taken to have stopped
const EVERYTHING = "*";
/** @type {Record<string, string>} */
const DOORS = { native: "Ankong", hipki: "HiPKI", jrsys: "JRSYS" };

/** What each part shows, so that nothing is drawn anew when nothing has changed. @type {WeakMap<Element, string>} */
const drawn = new WeakMap();
let chosen = EVERYTHING;

/** A text in which some words are code. @param {string} key @param {Record<string, string>} values */
function coded(key, values) {
  const marked = Object.fromEntries(Object.keys(values).map((name) => [name, `\u0001${name}\u0001`]));
  return t(key, marked).split("\u0001").map((part, at) => (at % 2 ? h("code", {}, values[part]) : part));
}

/** @param {any} value @returns {string} */
function written(value) {
  if (Array.isArray(value)) return value.map(written).join(" ");
  return value !== null && typeof value === "object" ? `{ ${fields(value)} }` : String(value);
}

/** @param {Record<string, any>} shape */
const fields = (shape) => Object.entries(shape).map(([name, value]) => `${name}: ${written(value)}`).join(", ");

/** @param {Call} call */
function outcome(call) {
  if (call.outcome === null) return h("span", { class: "tag warning" }, t("inspector.waiting"));
  const isGood = call.outcome === "ok" || call.outcome === 0;
  return h("span", { class: `tag ${isGood ? "good" : "bad"}` }, String(call.outcome));
}

/** @param {Call} call */
function line(call) {
  const kind = call.outcome === null ? "working" : call.outcome === "ok" || call.outcome === 0 ? "good" : "bad";
  const way = call.port === undefined ? call.transport : `${call.transport} :${call.port}`;
  const small = [clock(call.at), call.origin || t("inspector.nobody"), `${DOORS[call.door]}, ${way}`, call.ms !== null && `${call.ms} ms`, call.times > 1 && `× ${call.times}`];
  return h("li", { "data-origin": call.origin, "data-method": call.method },
    icon(kind, `icon ${kind === "working" ? "warning" : kind}-ink`),
    h("div", { class: "grow" },
      h("div", { class: "row" }, call.method === null ? t("inspector.unread") : h("b", { class: "code" }, call.method), outcome(call)),
      h("div", {}, h("small", {}, small.filter(Boolean).join(" · "))),
      Object.keys(call.shape).length > 0 && h("div", { class: "shape code" }, fields(call.shape))));
}

/** The last call before silence is the finding. @param {Call[]} shown the oldest first */
function silence(shown) {
  const last = shown.at(-1);
  if (last === undefined || last.door !== "jrsys" || last.ms === null || last.method === null) return null;
  if (Date.now() - Date.parse(last.at) < SILENCE) return null;
  return notice("plain", h("p", { id: "silence" }, coded("inspector.silence", { method: last.method, settings: "jrsys_*" })));
}

/** @param {Recorded} found */
function standing({ on, until }) {
  if (!on) return t("inspector.off");
  return until === null ? t("inspector.always") : t("inspector.on", { when: clock(until) });
}

/** @param {HTMLElement} place @param {Recorded} found */
function control(place, found) {
  const [only, ...others] = new Set(found.calls.map(({ origin }) => origin));
  const site = chosen === EVERYTHING && others.length === 0 ? only : chosen; // whose calls become a test
  const act = (/** @type {string} */ action) => async () => draw(place, await post("record", { action }));
  const query = chosen === EVERYTHING ? "" : `?${new URLSearchParams({ origin: chosen })}`;
  const exporting = async () => save(await download(`record/export${query}`), "ankong-record.ndjson");
  const copy = button("", t("inspector.copy_test"), async () => {
    await navigator.clipboard.writeText(await (await download(`record/test?${new URLSearchParams({ origin: site ?? "" })}`)).text());
    copy.textContent = t("inspector.copied");
  });
  return [
    h("div", { class: "row" }, icon(found.on ? "working" : "skipped", `icon ${found.on ? "warning" : "soft"}-ink`), h("b", { id: "standing" }, standing(found))),
    h("div", { class: "row" },
      found.on ? button("", t("inspector.stop"), act("stop")) : button("primary", t("inspector.start"), act("start")),
      found.calls.length + found.missed.length > 0 && [button("", t("inspector.export"), exporting), site !== undefined && site !== EVERYTHING && copy, button("", t("inspector.clear"), act("clear"))]),
    h("p", {}, h("small", {}, t("inspector.memory"))),
  ];
}

/** @param {HTMLElement} place @param {Recorded} found @param {string[]} origins */
function choice(place, found, origins) {
  const select = h("select", { "aria-label": t("history.site") },
    h("option", { value: EVERYTHING }, t("inspector.all")),
    origins.map((origin) => h("option", { value: origin, selected: origin === chosen }, origin || t("inspector.nobody"))));
  select.addEventListener("change", () => {
    chosen = select.value;
    draw(place, found);
  });
  return select;
}

/** @param {Recorded} found */
function list(found) {
  const shown = found.calls.filter((call) => chosen === EVERYTHING || call.origin === chosen);
  return [
    silence(shown),
    shown.length === 0 ? notice("plain", h("p", {}, t("inspector.none"))) : h("section", { class: "sheet" },
      h("ul", { class: "list" }, shown.reverse().map(line)),
      found.dropped > 0 && h("p", {}, h("small", {}, t("inspector.dropped", { lines: found.dropped })))),
    found.missed.length > 0 && h("section", { class: "sheet", id: "missed" }, h("h2", {}, t("inspector.missed")),
      h("ul", {}, found.missed.map(({ port, outcome: why, times }) => h("li", {}, t(`inspector.${why}`, { port, times }))))),
  ];
}

/** @param {HTMLElement} place @param {Recorded} found */
function draw(place, found) {
  const origins = [...new Set(found.calls.map((call) => call.origin))].sort();
  if (!origins.includes(chosen)) chosen = EVERYTHING;
  const { on, until, calls, missed } = found;
  const last = calls.at(-1);
  const isQuiet = last !== undefined && Date.now() - Date.parse(last.at) >= SILENCE;
  redraw(place, "#control", [on, until, calls.length + missed.length > 0, chosen, origins.length === 1], () => control(place, found));
  redraw(place, "#of-site", origins, () => (origins.length > 0 ? [choice(place, found, origins)] : []));
  redraw(place, "#calls", [found, chosen, isQuiet], () => list(found));
}

/**
 * Draw a part anew if what it shows has changed; who uses the keyboard stays where they were.
 *
 * @param {HTMLElement} place @param {string} name @param {any} shows @param {() => any[]} make
 */
function redraw(place, name, shows, make) {
  const part = place.querySelector(name);
  const now = JSON.stringify(shows);
  if (part === null || drawn.get(part) === now) return;
  drawn.set(part, now);
  const at = [...part.querySelectorAll("button")].findIndex((each) => each === document.activeElement);
  fill(part, ...make());
  [...part.querySelectorAll("button")][at]?.focus();
}

/** How a volunteer sees with the browser's own tool at which addresses a page asks. */
function netLog() {
  return h("section", { class: "sheet", id: "netlog" }, h("h2", {}, t("inspector.netlog")),
    h("p", {}, t("inspector.netlog_lead")),
    h("ol", { class: "steps" },
      h("li", {}, coded("inspector.netlog_1", { address: "chrome://net-export" })),
      h("li", {}, coded("inspector.netlog_2", { choice: "Strip private information", button: "Start Logging to Disk" })),
      h("li", {}, t("inspector.netlog_3")),
      h("li", {}, coded("inspector.netlog_4", { button: "Stop Logging" })),
      h("li", {}, coded("inspector.netlog_5", { command: "ankong inspect FILE" }))),
    h("p", {}, t("inspector.netlog_inside")),
    h("p", {}, h("small", {}, t("inspector.kits", { name: DOORS.jrsys }))));
}

/** @param {HTMLElement} place */
async function load(place) {
  try {
    draw(place, await get("record"));
  } catch (error) {
    redraw(place, "#calls", Date.now(), () => [trouble(error)]);
  }
}

/** @param {HTMLElement} place */
function keepLooking(place) {
  const timer = setInterval(async () => {
    if (!place.isConnected) clearInterval(timer);
    else if (!document.hidden) await load(place).catch(() => clearInterval(timer));
  }, LOOK);
}

export const inspector = {
  /** @param {HTMLElement} place */
  async show(place) {
    fill(place, heading(t("inspector.title"), t("inspector.lead")),
      h("section", { class: "sheet", id: "control" }),
      h("div", { class: "row", id: "of-site" }),
      h("div", { class: "view", id: "calls" }),
      netLog());
    await load(place);
    keepLooking(place);
  },

  /** @param {HTMLElement} place */
  async update(place) {
    await load(place);
  },
};
