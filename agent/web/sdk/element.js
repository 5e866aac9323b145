/**
 * Two elements for pages: `<ankong-status>`, whether the agent runs and what to do if not, and `<ankong-button>`, which has a person
 * log in with their card. Importing this module registers both. Neither ever takes a PIN.
 *
 *     <ankong-status></ankong-status>
 *     <ankong-button challenge-url="/login/challenge" submit-url="/login"></ankong-button>
 *
 * @module element
 */

import { Ankong, AnkongError } from "./ankong.js";
import { explain, languageFor, wordsFor } from "./explain.js";
import { BUTTON_STYLE, STATUS_STYLE } from "./style.js";

/** @typedef {import("./ankong.js").Snapshot} Snapshot */
/** @typedef {Pick<Ankong, keyof Ankong>} PublicAnkong an `Ankong`, or what stands for one in a test */
/** @typedef {{challenge: string|Uint8Array, challenge_id?: unknown}} Challenge */

/** Reasons that end when the agent is installed. @type {(string|null)[]} */
const WITH_DOWNLOAD = ["not_installed", "unreachable", "worker_blocked", "too_old"];

/** On a server that renders pages there are no elements: the classes do nothing there. @type {typeof HTMLElement} */
const Base = globalThis.HTMLElement ?? class {};

/** Make an element, whose class is the name of its part, too. @template {keyof HTMLElementTagNameMap} N @param {N} name @param {string} [part] @param {(Node|string)[]} children @returns {HTMLElementTagNameMap[N]} */
function make(name, part = "", ...children) {
  const made = document.createElement(name);
  if (part) {
    made.className = part;
    made.setAttribute("part", part);
  }
  made.append(...children);
  return made;
}

/** A list, if there are steps. @param {HTMLElement} place @param {string[]} steps */
function list(place, steps) {
  place.replaceChildren(...steps.map((text) => make("li", "", text)));
  place.hidden = !steps.length;
}

/** Say something, unless that is what it says already: a screen reader would say it again. @param {HTMLElement} place @param {string} [text] */
function say(place, text = "") {
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}

/** What a page set before the class was there, which would hide the class's own. @param {object} element @param {string} name @returns {any} */
function setBefore(element, name) {
  const value = Object.getOwnPropertyDescriptor(element, name)?.value ?? null;
  Reflect.deleteProperty(element, name);
  return value;
}

/** What both elements have: an agent, a language, a shadow tree. */
class AnkongElement extends Base {
  /** @type {PublicAnkong|null} */
  #agent = setBefore(this, "agent");

  /** The agent, or what stands for it in a test; the document's shared one where none was set. @returns {PublicAnkong} */
  get agent() {
    return (this.#agent ??= Ankong.shared());
  }

  set agent(agent) {
    this.#agent = agent;
    if (this.isConnected) this.restart();
  }

  /** Begin anew, as another agent was set. */
  restart() {}

  /** The language of this element, or of what is around it. */
  get language() {
    return languageFor(/** @type {HTMLElement|null} */ (this.closest("[lang]"))?.lang);
  }

  /** All that we say in it. */
  get words() {
    return wordsFor(this.language);
  }

  /** Make the shadow tree, once. @param {string} style @param {Node[]} children */
  build(style, ...children) {
    // A sheet is of one document: this may be a frame's, or another window's.
    const home = /** @type {typeof globalThis} */ (/** @type {unknown} */ (this.ownerDocument.defaultView));
    const sheet = new home.CSSStyleSheet();
    sheet.replaceSync(style);
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [sheet];
    root.append(...children);
  }
}

/** Whether the agent runs, and on demand why not and what to do. Attributes: `lang`, `download-url`; `state` and `reason` are set by itself. */
export class AnkongStatus extends AnkongElement {
  static observedAttributes = ["lang", "download-url"];
  /** @type {(() => void)|undefined} */
  #stop;
  #parts = this.#make();

  #make() {
    const line = make("strong");
    const detail = make("small");
    const chip = make("button", "chip", make("span", "dot"), make("span", "text", line, detail), make("span", "arrow"));
    const why = make("p");
    const steps = make("ol");
    const check = make("button", "action");
    const download = make("a", "action");
    const actions = make("div", "actions", check, download);
    const help = make("div", "help", why, steps, actions);
    const said = make("span", "said");
    const all = make("div", "", chip, help, said);
    all.role = "group";
    said.role = "status";
    help.id = "help";
    chip.setAttribute("aria-controls", "help");
    chip.addEventListener("click", () => this.#open(help.hidden === true));
    check.addEventListener("click", () => void this.agent.check({ ask: true }));
    all.addEventListener("keydown", ({ key }) => key === "Escape" && !help.hidden && this.#open(false));
    return { all, chip, line, detail, help, why, steps, actions, check, download, said };
  }

  connectedCallback() {
    if (!this.shadowRoot) {
      this.build(STATUS_STYLE, this.#parts.all);
      this.#open(false);
    }
    this.restart();
  }

  disconnectedCallback() {
    this.#stop?.();
    this.#stop = undefined;
  }

  attributeChangedCallback() {
    if (this.#stop) this.#show(this.agent.snapshot);
  }

  /** @override */
  restart() {
    this.#stop?.();
    this.#stop = this.agent.watch((snapshot) => this.#show(snapshot));
  }

  /** @param {boolean} open */
  #open(open) {
    const { chip, help } = this.#parts;
    if (help.contains(this.shadowRoot?.activeElement ?? null)) chip.focus();
    help.hidden = !open;
    chip.ariaExpanded = String(open);
  }

  /** @param {Snapshot} snapshot */
  #show(snapshot) {
    const parts = this.#parts;
    const { state, reason } = snapshot;
    const { chip, reasons } = this.words;
    parts.all.lang = this.language;
    this.setAttribute("state", state);
    if (reason) this.setAttribute("reason", reason);
    else this.removeAttribute("reason");
    const line = chip.line?.replace("{state}", chip[state] ?? state);
    const detail = reason ? (reasons[reason]?.[0] ?? reason) : state === "running" && snapshot.virtual ? chip.virtual : "";
    parts.all.className = state;
    parts.all.ariaLabel = chip.label ?? null;
    say(parts.line, line);
    say(parts.detail, detail);
    say(parts.said, `${line} ${detail}`.trim());
    this.#help(snapshot);
  }

  /** @param {Snapshot} snapshot */
  #help({ state, reason, version, asking, needsClick }) {
    const { why, steps, actions, check, download, chip: button } = this.#parts;
    const { chip, kit } = this.words;
    const told = explain(reason ?? "", this.language);
    const alone = state === "running" ? `${chip.runningText} ${chip.version?.replace("{version}", version ?? "")}` : chip.checkingText;
    // What had the focus and goes away hands it to the chip.
    const had = /** @type {HTMLElement|null|undefined} */ (this.shadowRoot?.activeElement);
    download.href = this.getAttribute("download-url") ?? "";
    const isDown = reason && !asking;
    actions.hidden = !isDown;
    say(why, asking ? chip.asking : isDown ? told.text : alone);
    list(steps, isDown ? told.steps : []);
    say(check, needsClick ? chip.connect : chip.checkNow);
    say(download, WITH_DOWNLOAD.includes(reason) && /^https?:/.test(download.protocol) ? kit.download : "");
    if (had?.offsetParent === null) button.focus();
  }
}

/**
 * Log a person in with their card: asks the site for a challenge, has the agent sign it, and hands the token to the site.
 *
 * Attributes: `challenge-url` and `submit-url`, both of this origin; `purpose`, "login" or "identify"; `disabled`, `lang`. Events:
 * `ankong-done`, whose detail is the site's answer, or the token where there is no `submit-url`; `ankong-error`, whose detail is
 * an `AnkongError`. Both bubble; `preventDefault()` keeps the element from saying it in its own words.
 */
export class AnkongButton extends AnkongElement {
  static observedAttributes = ["lang", "disabled", "purpose"];
  /** Where the challenge comes from instead of `challenge-url`. @type {(() => Promise<Challenge>|Challenge)|null} */
  request = setBefore(this, "request");
  /** Milliseconds in which the site has to answer. */
  siteTimeout = setBefore(this, "siteTimeout") ?? 30_000;
  /** @type {AbortController|null} */
  #running = null;
  #parts = this.#make();

  #make() {
    const label = make("slot");
    const button = make("button", "action button", make("span", "mark"), label);
    const message = make("div", "message");
    message.role = "status";
    button.addEventListener("click", () => void this.#start());
    return { button, label, message };
  }

  connectedCallback() {
    if (!this.shadowRoot) this.build(BUTTON_STYLE, this.#parts.button, this.#parts.message);
    this.attributeChangedCallback();
  }

  disconnectedCallback() {
    // An element that only moves is back at once.
    queueMicrotask(() => !this.isConnected && this.#running?.abort(new AnkongError("aborted")));
  }

  attributeChangedCallback() {
    if (!this.shadowRoot) return;
    const { kit } = this.words;
    const { button, label, message } = this.#parts;
    label.lang = message.lang = this.language;
    button.disabled = this.disabled;
    say(label, this.purpose === "identify" ? kit.identify : kit.login);
  }

  get disabled() {
    return this.hasAttribute("disabled");
  }

  set disabled(disabled) {
    this.toggleAttribute("disabled", disabled);
  }

  /** What the person is asked to do, in the words of the agent's window. */
  get purpose() {
    return /** @type {"login"|"identify"} */ (this.getAttribute("purpose") ?? "login");
  }

  async #start() {
    if (this.#running) return;
    const running = (this.#running = new AbortController());
    this.#busy(running);
    let error = null;
    let detail = null;
    try {
      detail = await this.#run(running);
    } catch (thrown) {
      detail = error = thrown instanceof AnkongError ? thrown : this.#failed("request", String(thrown), thrown);
    }
    this.#busy((this.#running = null));
    if (!this.isConnected) return;
    const event = new CustomEvent(error ? "ankong-error" : "ankong-done", { detail, bubbles: true, composed: true, cancelable: true });
    if (!this.dispatchEvent(event)) this.#say();
    else if (error) this.#tell(error);
    else this.#say(this.words.kit.done);
  }

  /** @param {AbortController} running @returns {Promise<object>} what the event tells */
  async #run(running) {
    const { signal } = running;
    // What the person began is what happens, whatever the page changes meanwhile.
    const { agent, purpose } = this;
    const submitUrl = this.#address("submit-url");
    const { challenge, challenge_id } = await this.#challenge(running);
    signal.throwIfAborted();
    await agent.connect({ signal });
    this.#say(this.words.kit.answering);
    const answer = await agent.authenticate({ challenge, purpose, signal });
    if (submitUrl === null) return { challenge_id, ...answer };
    this.#say(this.words.kit.site);
    return this.#post("submit-url", submitUrl, { challenge_id, token: answer.token }, running);
  }

  /** @param {AbortController} running @returns {Promise<Challenge>} */
  async #challenge(running) {
    if (this.request) return this.request();
    const url = this.#address("challenge-url");
    if (url === null) throw new AnkongError("bad_request", { message: "no challenge-url" });
    const told = await this.#post("challenge-url", url, {}, running);
    if (typeof told.challenge !== "string") throw this.#failed("challenge-url", "no challenge", told);
    return told;
  }

  /** An address of this page's own origin; others would learn of logins that are not theirs. @param {string} name */
  #address(name) {
    const text = this.getAttribute(name);
    if (text === null) return null;
    const link = Object.assign(make("a"), { href: text });
    if (link.origin === location.origin) return link.href;
    throw new AnkongError("bad_request", { message: `${name}: another origin` });
  }

  /** @param {string} name @param {string} url @param {object} body @param {AbortController} running @returns {Promise<any>} the site's JSON */
  async #post(name, url, body, running) {
    const { signal } = running;
    const timer = setTimeout(() => running.abort(this.#failed(name, "too late")), this.siteTimeout);
    try {
      const headers = { "Content-Type": "application/json" };
      // Cookies go along, as by itself they do to one's own origin.
      const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), redirect: "error", signal });
      const told = await response.json().catch(() => signal.throwIfAborted());
      if (response.ok && typeof told === "object" && told) return told;
      throw this.#failed(name, response.ok ? "no JSON" : `HTTP ${response.status}`, told);
    } catch (error) {
      throw error instanceof AnkongError ? error : this.#failed(name, "no answer", error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The site did not answer as it should; `cause` is what it said. @param {string} where @param {string} why @param {unknown} [cause] */
  #failed(where, why, cause) {
    return Object.assign(new AnkongError("site_failed", { message: `${where}: ${why}`, retriable: true }), { cause });
  }

  /** @param {AnkongError} error */
  #tell({ code, reason }) {
    if (code === "aborted") return this.#say();
    const { text, steps } = explain((code === "not_running" && reason) || code, this.language);
    this.#say(text, steps, true);
  }

  /** @param {string} [text] @param {string[]} [steps] @param {boolean} [failed] */
  #say(text = "", steps = [], failed = false) {
    const { message } = this.#parts;
    message.classList.toggle("failed", failed);
    const todo = make("ol");
    list(todo, steps);
    message.replaceChildren(...(text ? [make("p", "", text), todo] : []));
  }

  /** The button keeps the focus: a disabled one would lose it. @param {object|null} busy with what */
  #busy(busy) {
    this.#parts.button.ariaBusy = this.#parts.button.ariaDisabled = String(!!busy);
    if (busy) this.#say();
  }
}

if (globalThis.customElements && !customElements.get("ankong-status")) {
  customElements.define("ankong-status", AnkongStatus);
  customElements.define("ankong-button", AnkongButton);
}
