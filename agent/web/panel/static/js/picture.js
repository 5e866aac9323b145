/** The picture of where things stand: five parts, and where the chain between them breaks. */

import { h, icon, s } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {{name: string, state: "empty"|"card"|"mute"|"unsupported", generation: string|null, serial: string|null, attempts_left: number|null, keypad: boolean}} Reader */
/** @typedef {{asking: "on"|"no_address"|"no_key"|"forbidden"|"declined", age: "unknown"|"newest"|"newer"|"too_old", newest: string, floor: string, page: string, reason: Record<string, string>, answered: string|null}} Update */
/** @typedef {{service: boolean, working: boolean, readers: Reader[], ports: {port: number, hipki_port: number|null, hipki_holder: Record<string, string>, jrsys_ports: number[], jrsys_tls_ports: number[], jrsys_holders: Record<string, string>[], left: boolean}, uses: number, language: string, version: string, since: string, provider: string, consent: string, policy: {source: string|null, problem: string|null}, history_problem: string|null, recorder: {on: boolean, until: string|null}, update: Update, restart: string[], questions?: {place: string, fixed: boolean}|null, autostart?: boolean|null}} State */

const stroke = { fill: "none", stroke: "currentColor", "stroke-width": 2.4, "stroke-linejoin": "round", "stroke-linecap": "round" };

const DRAWINGS = {
  page: () => [s("rect", { x: 5, y: 8, width: 38, height: 32, rx: 4, ...stroke }), s("path", { d: "M5 16h38M10 12h.1m4.9 0h.1m4.9 0h.1M14 24h20M14 31h12", ...stroke })],
  agent: () => [s("path", { d: "M24 3 43 10v13c0 12-8 19-19 23C13 42 5 35 5 23V10z", ...stroke }), s("rect", { x: 15, y: 16, width: 18, height: 15, rx: 3, ...stroke }), s("path", { d: "M24 16v15M15 23.500h18", ...stroke })],
  service: () => [s("circle", { cx: 24, cy: 24, r: 7, ...stroke }), s("path", { d: "M24 5v7m0 24v7M5 24h7m24 0h7M10.6 10.600l5 5m16.8 16.8 5 5m0-26.8-5 5M15.6 32.400l-5 5", ...stroke })],
  reader: () => [s("rect", { x: 5, y: 22, width: 38, height: 20, rx: 5, ...stroke }), s("path", { d: "M13 30h22M33 36h.1", ...stroke })],
  card: () => [s("rect", { x: 4, y: 10, width: 40, height: 28, rx: 5, ...stroke }), s("rect", { x: 10, y: 18, width: 11, height: 9, rx: 2, ...stroke }), s("path", { d: "M27 20h11M27 26h7M10 33h28", ...stroke })],
};

/** @param {State} state @returns {{kind: "good"|"warning"|"bad"|"waiting", text: string}} */
function ofReaders(state) {
  if (!state.service) return { kind: "waiting", text: t("picture.unknown") };
  if (state.readers.length === 0) return { kind: "bad", text: t("picture.noReader") };
  if (state.readers.length === 1) return { kind: "good", text: state.readers[0]?.name ?? "" };
  return { kind: "good", text: t("picture.readers", { count: state.readers.length }) };
}

/** @param {State} state @returns {{kind: "good"|"warning"|"bad"|"waiting", text: string}} */
function ofCards(state) {
  const states = state.readers.map((reader) => reader.state);
  const left = state.readers.map((reader) => reader.attempts_left).filter((tries) => tries !== null);
  if (states.length === 0) return { kind: "waiting", text: t("picture.unknown") };
  if (left.includes(0)) return { kind: "bad", text: t("picture.locked") };
  if (left.includes(1)) return { kind: "warning", text: t("picture.lastTry") };
  if (states.includes("card")) return { kind: "good", text: t(state.working ? "picture.working" : "picture.ready") };
  if (states.includes("mute")) return { kind: "bad", text: t("reader.mute") };
  if (states.includes("unsupported")) return { kind: "bad", text: t("reader.unsupported") };
  return { kind: "warning", text: t("picture.noCard") };
}

/** Draw it. @param {State} state */
export function picture(state) {
  const plain = state.ports.hipki_port === null && !state.ports.left;
  const parts = [
    { name: "page", kind: plain ? "warning" : "good", text: t(plain ? "picture.someSites" : "picture.sites") },
    { name: "agent", kind: "good", text: t("picture.version", { version: state.version }) },
    { name: "service", kind: state.service ? "good" : "bad", text: t(state.service ? "picture.service" : "picture.noService") },
    { name: "reader", ...ofReaders(state) },
    { name: "card", ...ofCards(state), working: state.working },
  ];
  return h("div", { class: "chain", role: "list", id: "picture" }, parts.map(part));
}

/** @param {{name: string, kind: string, text: string, working?: boolean}} drawn */
function part(drawn) {
  const name = /** @type {keyof typeof DRAWINGS} */ (drawn.name);
  return h(
    "div", { class: `chain-part ${drawn.kind} ${drawn.working ? "working" : ""}`, role: "listitem", "data-part": name },
    h("div", { class: "chain-picture" },
      s("svg", { class: "drawing", viewBox: "0 0 48 48", "aria-hidden": "true" }, DRAWINGS[name]()),
      drawn.kind === "waiting" ? null : icon(drawn.kind)),
    h("div", {}, h("b", {}, t(`picture.names.${name}`)), h("br"), h("small", {}, drawn.text)),
  );
}

/** Draw a reader with what is in it. @param {Reader} reader */
export function readerPicture(reader) {
  const there = reader.state !== "empty";
  const odd = reader.state !== "card" || reader.attempts_left === 0;
  const lamp = there ? (odd ? "lamp bad" : "lamp good") : "lamp";
  return s(
    "svg", { class: "drawing", viewBox: "0 0 118 128", role: "img", "aria-label": t(`reader.${reader.state}`) },
    there
      ? [
        s("rect", { class: odd ? "card-odd" : "card", x: 27, y: 8, width: 64, height: 72, rx: 7 }),
        s("path", { class: "lines", d: "M38 20h24M38 29h36", "stroke-width": 3, "stroke-linecap": "round" }),
        s("rect", { class: "chip", x: 48, y: 42, width: 22, height: 17, rx: 3 }),
      ]
      : s("rect", { class: "ghost", x: 27, y: 4, width: 64, height: 66, rx: 7, "stroke-width": 2 }),
    s("rect", { class: "body", x: 5, y: 66, width: 108, height: 56, rx: 12, "stroke-width": 2 }),
    s("rect", { class: "slot", x: 20, y: 73, width: 78, height: 5, rx: 2.5 }),
    s("circle", { class: lamp, cx: 96, cy: 106, r: 5 }),
  );
}
