/** The PIN box, there when reader and card are there; it follows the card being put in and pulled out. */

import { explain } from "./api.js";
import { cardKey, decide, usable } from "./cardview.js";
import { help } from "./chip.js";
import { announce, fill, h, icon } from "./dom.js";
import { day, t } from "./i18n.js";
import { field, notice } from "./parts.js";
import { keepTold, toldAt } from "./told.js";
import { PinBox } from "/sdk/pinbox.js";

/** @typedef {import("./cardview.js").CardView} CardView */
/** @typedef {import("./told.js").Told} Told */
/** @typedef {import("/sdk/ankong.js").Snapshot} Snapshot */
/**
 * `sign` gets the PIN once and must not keep it; `changeId` is where another ID number is entered,
 * `component` where the component can be had.
 *
 * @typedef {{
 *   agent: import("/sdk/ankong.js").Ankong, last4: string|null, submit: string, changeId?: string, component: string,
 *   sign: (use: {pin: string, reader: string, signal: AbortSignal, onSigned: () => void}) => Promise<void>,
 * }} Options
 */

const PIN = /^[\x21-\x7e]{6,8}$/; // What the cards take; anything else would never be right.
const PICTURES = { notRunning: "warning", asking: "lock", refused: "lock", pin: "ok", reading: "card", empty: "card", noReader: "reader" };
const PANEL = "card-panel";
const GOOD = new Set(["pin", "reading", "asking"]);

/** What was heard of each card's PIN tries while it was there; a change of the language must not make anybody forget it. @type {Map<string, number>} */
const ATTEMPTS = new Map();

/** One panel for one visit of a screen. */
export class CardPanel {
  node = h("div", { class: "card-panel", id: "card-panel" });
  #state = h("div", { class: "card-state", role: "status", "aria-live": "polite" });
  #message = h("div", { class: "card-message" });
  #body = h("div", { class: "card-body" });
  /** @type {import("./cardview.js").Knowledge} */
  #known;
  /** @type {Snapshot} */
  #snapshot;
  #drawn = "";
  /** @type {AbortController|null} */
  #work = null;
  /** Fulfilled once the card has answered; null where it was asked nothing. @type {Promise<void>|null} */
  settled = null;

  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    this.#snapshot = options.agent.snapshot;
    this.#known = { asking: false, chosen: null, last4: options.last4, now: Date.now(), certificates: new Map(), attempts: ATTEMPTS };
    this.node.append(this.#message, this.#state, this.#body);
    this.#say(toldAt(PANEL));
  }

  /** @param {Snapshot} snapshot */
  update(snapshot) {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    this.#forgetPulledCards();
    if (snapshot.state === "running" && !snapshot.allowed && before.state !== "running") void this.#allow();
    this.#draw();
  }

  /** Ask once on arrival: the member has just pressed the button that leads here. */
  arrive() {
    if (this.#snapshot.state === "running" && !this.#snapshot.allowed) void this.#allow();
    this.#draw();
  }

  /** The member goes elsewhere: whatever is under way is given up. */
  leave() {
    this.#work?.abort();
    this.#body.replaceChildren();
  }

  #forgetPulledCards() {
    const there = new Set(usable(this.#snapshot).map(cardKey));
    for (const table of [this.#known.certificates, this.#known.attempts]) {
      for (const key of table.keys()) if (!there.has(key)) table.delete(key);
    }
  }

  async #allow() {
    if (this.#known.asking) return;
    this.#known.asking = true;
    this.#say(null);
    this.#draw();
    try {
      await this.options.agent.connect();
    } catch (error) {
      this.#say({ kind: "error", say: () => explain(error) });
    } finally {
      this.#known.asking = false;
      this.#draw();
    }
  }

  /** @param {import("/sdk/ankong.js").Reader} reader */
  async #readCertificate(reader) {
    const key = cardKey(reader);
    /** @type {import("/sdk/ankong.js").Certificate|null|"failed"} */
    let found = "failed";
    try {
      const certificates = await this.options.agent.certificates({ reader: reader.name });
      found = certificates.find(({ id }) => id === "SIGN") ?? null;
    } catch {
      // The panel says that the card could not be read, and offers to try again.
    }
    this.#known.certificates.set(key, found);
    this.#forgetPulledCards();
    this.#draw();
  }

  /** @param {Told|null} what */
  #say(what) {
    keepTold(PANEL, what);
    fill(this.#message, what ? notice(what.kind, h("p", {}, what.say())) : null);
  }

  /** Draw again if something changed; a PIN being typed is not disturbed by anything else. */
  #draw() {
    if (this.#work) return;
    this.#known.now = Date.now();
    const view = decide(this.#snapshot, this.#known);
    const cards = usable(this.#snapshot).map(cardKey);
    const why = view.name === "notRunning" ? [this.#snapshot.reason, this.#snapshot.asking] : null;
    const now = JSON.stringify([view, cards, why]);
    if (now === this.#drawn) return;
    const hadPin = this.#drawn !== "" && JSON.parse(this.#drawn)[0].name === "pin";
    this.#drawn = now;
    if (hadPin) keepTold("pin", null); // what was wrong with a PIN that is gone
    this.node.dataset.view = view.name;
    if (view.name === "reading" && view.reader) void this.#readCertificate(view.reader);
    if (hadPin && view.name === "empty") this.#say({ kind: "info", say: () => t("pin.removed") });
    else if (hadPin || view.name === "pin") this.#keepOnlyErrors(view.name);
    this.#drawState(view);
    this.#drawBody(view);
  }

  /** What was said about a card that is back or another one is said no more. @param {string} name */
  #keepOnlyErrors(name) {
    if (name === "pin" && this.#message.querySelector(".notice.info")) this.#say(null);
  }

  /** @param {CardView} view */
  #drawState({ name, certificate }) {
    if (name === "pin") return fill(this.#state);
    const values = {
      date: certificate ? day(name === "notYet" ? certificate.notBefore : certificate.notAfter) : "",
      last4: certificate?.idLast4 ?? "",
    };
    const picture = PICTURES[/** @type {keyof typeof PICTURES} */ (name)] ?? "error";
    fill(this.#state, h("div", { class: `card-view ${GOOD.has(name) ? "calm" : "attention"}` },
      icon(picture, "icon large"),
      h("div", {}, h("h2", {}, t(`pin.views.${name}.title`)), h("p", {}, t(`pin.views.${name}.text`, values)))));
  }

  /** @param {CardView} view */
  #drawBody(view) {
    const choice = view.reader ? this.#chooser(view) : null;
    const retry = (/** @type {string} */ text, /** @type {() => void} */ work) =>
      h("button", { type: "button", class: "button", id: "card-retry", onclick: work }, text);
    const actions = {
      refused: () => retry(t("pin.allow"), () => void this.#allow()),
      unreadable: () => retry(t("retry"), () => this.#readAgain(view)),
      mismatch: () => (this.options.changeId ? h("a", { class: "button", href: this.options.changeId }, t("pin.changeId")) : null),
      notRunning: () => this.#componentHelp(),
      pin: () => this.#pinForm(view),
    };
    const action = actions[/** @type {keyof typeof actions} */ (view.name)]?.() ?? null;
    fill(this.#body, choice, action);
    const input = this.#body.querySelector("#pin");
    if (input && (document.activeElement === document.body || document.activeElement?.closest("main"))) input.focus();
  }

  #componentHelp() {
    const check = () => void this.options.agent.check({ ask: true });
    return h("div", { class: "help" }, help(this.#snapshot, check), h("a", { href: this.options.component }, t("cardLogin.get")));
  }

  /** @param {CardView} view */
  #readAgain({ reader }) {
    if (!reader) return;
    this.#known.certificates.delete(cardKey(reader));
    this.#draw();
  }

  /** @param {CardView} view */
  #chooser({ reader }) {
    const cards = usable(this.#snapshot);
    if (cards.length < 2) return null;
    return h("fieldset", { class: "chooser" }, h("legend", {}, t("pin.choose")), cards.map(({ name, card }) =>
      h("label", {}, h("input", { type: "radio", name: "reader", value: name, checked: name === reader?.name,
        onchange: () => { this.#known.chosen = name; this.#say(null); this.#draw(); } }),
      h("span", {}, name, card?.serial ? h("small", {}, ` ${card.serial}`) : null))));
  }

  /** @param {CardView} view */
  #pinForm({ reader, certificate, attemptsLeft }) {
    const last = attemptsLeft === 1;
    const pin = field({ id: "pin", label: t("pin.label"), hint: t("pin.hint"), inputmode: "text", maxlength: 16,
      class: "wide-letters" });
    const box = new PinBox(pin.input);
    const submit = h("button", { class: "button primary", id: "submit-pin" }, this.options.submit);
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      const value = box.take();
      if (!PIN.test(value)) return pin.complain(() => t("pin.length"));
      this.settled ??= this.#submit(value, /** @type {import("/sdk/ankong.js").Reader} */ (reader));
    };
    return h("form", { novalidate: true, onsubmit, class: "pin-form", autocomplete: "off" },
      this.#holder(certificate),
      last ? notice("warning", h("p", {}, t("pin.lastTry"))) : null,
      pin.node,
      attemptsLeft !== null && !last ? h("p", { class: "hint", id: "tries" }, t("pin.left", { count: attemptsLeft })) : null,
      h("p", { class: "hint stays" }, icon("lock"), t("pin.stays")),
      h("div", { class: "actions" }, submit));
  }

  /** @param {import("/sdk/ankong.js").Certificate|null} certificate */
  #holder(certificate) {
    if (!certificate) return null;
    const { subjectCn, idLast4, notAfter } = certificate;
    return h("div", { class: "holder" }, icon("card", "icon boxed"), h("div", {},
      h("strong", {}, t("pin.holder", { name: subjectCn ?? "" })),
      h("span", { class: "hint" }, [idLast4 ? t("pin.id4", { last4: idLast4 }) : null,
        t("pin.until", { date: day(notAfter) })].filter(Boolean).join(" · "))));
  }

  /** Sign once; the PIN lives in this call only. @param {string} pin @param {import("/sdk/ankong.js").Reader} reader */
  async #submit(pin, reader) {
    if (this.#work) return;
    this.#work = new AbortController();
    this.#say(null);
    this.node.dataset.view = "working";
    const cancel = h("button", { type: "button", class: "button", onclick: () => this.#work?.abort() }, t("common.cancel"));
    const words = h("p", {}, t("pin.signing"));
    fill(this.#state, h("div", { class: "card-view calm" }, h("span", { class: "spinner", "aria-hidden": "true" }), words));
    fill(this.#body, h("div", { class: "actions" }, cancel));
    const onSigned = () => { words.textContent = t("pin.checking"); cancel.remove(); };
    try {
      await this.options.sign({ pin, reader: reader.name, signal: this.#work.signal, onSigned });
    } catch (error) {
      this.#failed(error, reader);
    } finally {
      this.#work = null;
      this.settled = null;
      this.#drawn = "";
      this.#forgetPulledCards();
      if (this.node.isConnected) this.#draw();
    }
  }

  /** @param {any} error @param {import("/sdk/ankong.js").Reader} reader */
  #failed(error, reader) {
    const left = error.code === "pin_locked" ? 0 : error.attemptsLeft;
    if (typeof left === "number") this.#known.attempts.set(cardKey(reader), left);
    const counted = error.code === "pin_incorrect" && typeof left === "number";
    const say = () => (counted ? t("codes.pin_incorrect_left", { count: left }) : explain(error));
    this.#say({ kind: "error", say });
    this.node.dataset.error = error.code ?? "internal";
    announce(say());
  }
}
