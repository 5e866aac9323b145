/** A document as it looks, page below page: drawn from the very octets that the agent has, each page when it comes into sight. */

import { download } from "./api.js";
import { announce, h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { fitted, markBox, usualBox } from "./markbox.js";
import { notice, trouble } from "./parts.js";
import { Undrawable, openPdf } from "./pdf.js";

/** @typedef {import("./markbox.js").Mark} Mark */
/** @typedef {import("./markbox.js").Size} Size */
/**
 * What is to be seen: all of it, or not all; `large` and `unable` mean nothing, and `other` that it is not what the agent told of.
 *
 * @typedef {"loading"|"shown"|"partial"|"large"|"unable"|"other"|"closed"} Seen
 */
/**
 * @typedef {object} Wanted
 * @property {string} name of the file
 * @property {string} path where the agent has it
 * @property {number} size in bytes
 * @property {string} [sha256] of it, in hex, where that was told
 * @property {string} [password]
 * @property {(seen: Seen) => void} [told]
 * @property {(error: unknown) => any} [refused] says why the agent does not hand it over
 * @property {(mark: Mark) => void} [marked] told each place that the person chooses
 */

/** Bytes; what is larger is not held by a page. */
const LARGEST = 64 * 1024 * 1024;
const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
const LETTER = { width: 595, height: 842 }; // A4 until it is known better
const KEPT = 12; // drawn pages, beside those in sight

/** @param {ArrayBuffer} octets */
async function digestOf(octets) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", octets));
  return [...digest].map((each) => each.toString(16).padStart(2, "0")).join("");
}

/** @param {Wanted} wanted */
export function preview(wanted) {
  const made = new Preview(wanted);
  void made.open();
  return made;
}

/** @typedef {{element: any, size: Size, isDrawn: boolean, isInSight: boolean, stop: (() => void)|undefined}} Sheet */

class Preview {
  /** @param {Wanted} wanted */
  constructor(wanted) {
    this.wanted = wanted;
    /** @type {Seen} */
    this.seen = "loading";
    this.zoom = 1;
    this.current = 1;
    this.widest = 0; // CSS pixels of a page
    /** @type {Sheet[]} */
    this.sheets = [];
    /** @type {Mark|undefined} */
    this.mark = undefined;
    this.isFixed = false;
    /** @type {Set<number>} */
    this.odd = new Set();
    /** Numbers of drawn pages, the oldest first. @type {number[]} */
    this.drawn = [];
    /** @type {import("./pdf.js").Drawable|undefined} */
    this.document = undefined;
    this.pages = h("div", { class: "pages", tabindex: 0, role: "region", "aria-label": t("preview.of", { name: wanted.name }) });
    this.watch = new IntersectionObserver((entries) => entries.forEach((each) => this.pass(each)), { root: this.pages, rootMargin: "400px" });
    this.resize = new ResizeObserver(() => this.lay());
    this.pages.addEventListener("scroll", () => this.find(), { passive: true });
    this.pages.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.key(event));
    this.said = h("div", { class: "preview-said" }, h("p", { class: "lead" }, t("preview.loading")));
    this.bar = h("div", { class: "preview-bar", hidden: true });
    this.element = h("section", { class: "sheet preview", id: "preview", "data-seen": "loading" },
      this.bar, this.said, this.pages);
    this.pages.hidden = true;
  }

  /** @param {Seen} seen @param {...any} said */
  tell(seen, ...said) {
    if (this.seen === "closed") return;
    this.seen = seen;
    this.element.dataset.seen = seen;
    this.said.replaceChildren(...said);
    this.wanted.told?.(seen);
  }

  async open() {
    const { path, size, sha256, password } = this.wanted;
    if (size > LARGEST) {
      this.tell("large", notice("warning", h("p", {}, t("preview.large"))));
      return;
    }
    try {
      const octets = await (await download(path)).arrayBuffer();
      if (sha256 !== undefined && await digestOf(octets) !== sha256) {
        this.tell("other", notice("bad", h("p", {}, t("preview.unlike"))));
        return;
      }
      await this.begin(octets, password);
    } catch (error) {
      const isOurs = error instanceof Error && ["Closed", "Refused"].includes(error.constructor.name);
      const why = error instanceof Undrawable ? error.why : "unable";
      this.tell("unable", isOurs ? (this.wanted.refused ?? trouble)(error) : notice("warning", h("p", {}, t(`preview.${why}`))));
    }
  }

  /** @param {ArrayBuffer} octets @param {string|undefined} password */
  async begin(octets, password) {
    const document = await openPdf(octets, password);
    if (this.seen === "closed") {
      document.close();
      return;
    }
    this.document = document;
    const first = await document.page(1);
    this.sheets = Array.from({ length: document.pages }, (_, at) => this.sheet(at + 1, first));
    this.pages.replaceChildren(...this.sheets.map((each) => each.element));
    this.controls();
    this.pages.hidden = this.bar.hidden = false;
    this.said.replaceChildren();
    this.lay();
    this.resize.observe(this.pages);
    this.setMark(this.mark, this.isFixed);
    this.tell("shown");
  }

  /** @param {number} number @param {Size} size @returns {Sheet} */
  sheet(number, { width, height }) {
    const element = h("div", { class: "paper-page", "data-page": number });
    element.addEventListener("click", (/** @type {MouseEvent} */ event) => this.click(number, event));
    return { element, size: { width: width || LETTER.width, height: height || LETTER.height }, isDrawn: false, isInSight: false, stop: undefined };
  }

  controls() {
    const tool = (/** @type {string} */ name, /** @type {string} */ drawn, /** @type {() => void} */ work) => {
      const made = h("button", { class: "button quiet tool", type: "button", "aria-label": t(`preview.${name}`), title: t(`preview.${name}`) }, icon(drawn));
      made.addEventListener("click", work);
      return made;
    };
    this.at = h("output", { class: "at", id: "preview-at" });
    this.scale = h("output", { class: "at", id: "preview-zoom" });
    this.bar.append(
      h("div", { class: "tools" }, tool("before", "up", () => this.go(this.current - 1)), this.at, tool("next", "down", () => this.go(this.current + 1))),
      h("div", { class: "tools" }, tool("smaller", "minus", () => this.step(-1)), this.scale, tool("larger", "plus", () => this.step(1))));
  }

  /** Give each page its room; what is in sight is drawn anew where it has another size by now. */
  lay() {
    const [first] = this.sheets;
    if (first === undefined || this.pages.clientWidth === 0) return;
    const room = this.pages.clientWidth - 2 * parseFloat(getComputedStyle(this.pages).paddingLeft);
    const widest = Math.min(room, 900) * this.zoom;
    if (widest === this.widest) return;
    const share = this.pages.scrollTop / (this.pages.scrollHeight || 1);
    this.widest = widest;
    for (const each of this.sheets) this.fit(each);
    this.pages.scrollTop = share * this.pages.scrollHeight;
    this.scale.textContent = new Intl.NumberFormat(undefined, { style: "percent" }).format(this.zoom);
    for (const number of [...this.drawn]) this.forget(number);
    for (const each of this.sheets) each.stop?.();
    this.watch.disconnect();
    for (const each of this.sheets) this.watch.observe(each.element);
    this.find();
  }

  /** @param {Sheet} sheet */
  fit({ element, size }) {
    element.style.width = `${this.widest}px`;
    element.style.height = `${this.widest * size.height / size.width}px`;
  }

  /** @param {IntersectionObserverEntry} entry */
  pass({ target, isIntersecting }) {
    const number = Number(/** @type {HTMLElement} */ (target).dataset.page);
    const sheet = this.sheets[number - 1];
    if (sheet === undefined) return;
    sheet.isInSight = isIntersecting;
    if (isIntersecting && !sheet.isDrawn) void this.draw(number, sheet);
    else if (!isIntersecting) sheet.stop?.();
  }

  /** @param {number} number @param {Sheet} sheet */
  async draw(number, sheet) {
    let isStopped = false;
    sheet.isDrawn = true;
    sheet.stop = () => { isStopped = true; };
    const canvas = h("canvas", { role: "img", "aria-label": t("preview.page", { page: number, pages: this.sheets.length }) });
    try {
      const page = await this.document?.page(number);
      if (page === undefined || isStopped) throw new Stopped();
      if (page.width !== sheet.size.width || page.height !== sheet.size.height) {
        sheet.size = { width: page.width, height: page.height };
        this.fit(sheet);
        if (this.mark?.page === number) this.setMark(this.mark, this.isFixed);
      }
      const task = page.draw(canvas, (this.widest || page.width) / page.width * Math.min(devicePixelRatio, 3));
      sheet.stop = () => {
        isStopped = true;
        task.stop();
      };
      const isWhole = await task.done;
      sheet.stop = undefined;
      sheet.element.querySelector("canvas")?.remove();
      sheet.element.prepend(canvas);
      this.keep(number);
      if (!isWhole) this.miss(number);
    } catch (error) {
      sheet.stop = undefined;
      if (this.seen === "closed") return;
      if (!isStopped) {
        this.miss(number);
        return;
      }
      sheet.isDrawn = false;
      if (sheet.isInSight) void this.draw(number, sheet); // it came back meanwhile, or has another size by now
    }
  }

  /** Something of a page cannot be drawn here. @param {number} number */
  miss(number) {
    if (this.odd.has(number)) return;
    this.odd.add(number);
    const pages = [...this.odd].sort((one, other) => one - other).slice(0, 20).join(", ");
    this.tell("partial", notice("warning", h("p", {}, t("preview.partial", { pages }))));
  }

  /** Let go of the picture that was drawn first, where there are many. @param {number} number */
  keep(number) {
    this.drawn = [...this.drawn.filter((each) => each !== number), number];
    for (const old of this.drawn.slice(0, -KEPT)) if (!this.isNear(old)) this.forget(old);
  }

  /** @param {number} number */
  forget(number) {
    const sheet = this.sheets[number - 1];
    this.drawn = this.drawn.filter((each) => each !== number);
    if (sheet === undefined) return;
    sheet.isDrawn = false;
    const canvas = sheet.element.querySelector("canvas");
    if (this.isNear(number) || !canvas) return; // it stays to be seen until it is drawn anew
    canvas.width = canvas.height = 0;
    canvas.remove();
  }

  /** @param {number} number */
  isNear(number) {
    return Math.abs(number - this.current) <= 3;
  }

  /** Which page is in the middle. */
  find() {
    const middle = this.pages.scrollTop + this.pages.clientHeight / 2;
    let [low, high] = [0, this.sheets.length - 1];
    while (low < high) {
      const at = (low + high + 1) >> 1;
      if ((this.sheets[at]?.element.offsetTop ?? 0) <= middle) low = at;
      else high = at - 1;
    }
    this.current = low + 1;
    if (this.at) this.at.textContent = `${this.current} / ${this.sheets.length}`;
  }

  /** @param {number} number */
  go(number) {
    const at = Math.max(1, Math.min(number, this.sheets.length));
    const sheet = this.sheets[at - 1];
    if (sheet !== undefined) this.pages.scrollTop = sheet.element.offsetTop - 8;
    this.find();
    announce(t("preview.page", { page: at, pages: this.sheets.length }));
  }

  /** Have a place in sight where a mark is now part of the document. @param {Mark|undefined} mark */
  goTo(mark) {
    const { page, box } = mark ?? this.usualMark() ?? {};
    const sheet = this.sheets[(page ?? 0) - 1];
    if (!sheet || !box) return;
    const middle = (box[1] + box[3] / 2) / sheet.size.height * sheet.element.offsetHeight;
    this.pages.scrollTop = sheet.element.offsetTop + middle - this.pages.clientHeight / 2;
    this.find();
  }

  /** @param {number} by */
  step(by) {
    const at = ZOOMS.indexOf(this.zoom) + by;
    this.zoom = by === 0 ? 1 : ZOOMS[Math.max(0, Math.min(at, ZOOMS.length - 1))] ?? 1;
    this.lay();
    announce(this.scale.textContent);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { "+": 1, "=": 1, "-": -1, 0: 0 }[event.key];
    const to = { Home: 0, End: this.pages.scrollHeight }[event.key];
    if (by === undefined && to === undefined) return;
    event.preventDefault();
    if (by !== undefined) this.step(by);
    if (to !== undefined) this.pages.scrollTop = to; // of 2 000 pages, without passing by each
    this.find();
  }

  // The mark.

  /** Where a mark stands unless somebody moves it. @param {number} [page] @returns {Mark|undefined} */
  usualMark(page) {
    const at = page ?? this.sheets.length;
    const sheet = this.sheets[at - 1];
    return sheet && { page: at, box: usualBox(sheet.size) };
  }

  /** Show where the mark is going to be. @param {Mark|undefined} mark @param {boolean} isFixed whether it only shows */
  setMark(mark, isFixed = false) {
    const held = this.element.querySelector(".mark-box");
    const hadFocus = held !== null && held === document.activeElement;
    held?.remove();
    this.mark = mark;
    this.isFixed = isFixed;
    const sheet = mark && this.sheets[mark.page - 1];
    this.pages.classList.toggle("placing", sheet !== undefined && !isFixed);
    if (!mark || !sheet) return;
    const box = markBox({
      mark, size: sheet.size,
      moved: (next) => this.place({ page: mark.page, box: next }),
      turned: (by) => this.turn(mark.page + by),
    });
    if (isFixed) box.inert = true;
    sheet.element.append(box);
    if (hadFocus) box.focus({ preventScroll: true });
  }

  /** @param {Mark} mark */
  place(mark) {
    this.mark = mark;
    this.wanted.marked?.(mark);
  }

  /** Put the mark on another page. @param {number} page */
  turn(page) {
    const usual = this.usualMark(page);
    if (!usual || !this.mark) return;
    const sheet = /** @type {Sheet} */ (this.sheets[page - 1]);
    const [x, y, width, height] = this.mark.box;
    const isIn = x + width <= sheet.size.width && y + height <= sheet.size.height;
    this.place({ page, box: isIn ? this.mark.box : usual.box });
    this.setMark(this.mark);
    this.show();
    announce(t("preview.page", { page, pages: this.sheets.length }));
  }

  /** Make the mark larger or smaller. @param {number} factor */
  resizeMark(factor) {
    const sheet = this.sheets[(this.mark?.page ?? 0) - 1];
    if (!this.mark || this.isFixed || sheet === undefined) return;
    const [x, y, width, height] = this.mark.box;
    this.place({ page: this.mark.page, box: fitted([x, y, width * factor, height * factor], sheet.size) });
    this.setMark(this.mark);
    this.show();
  }

  /** Have the keys move the mark. */
  enterMark() {
    this.show();
    /** @type {HTMLElement|null} */ (this.element.querySelector(".mark-box"))?.focus({ preventScroll: true });
    this.element.querySelector(".mark-box")?.scrollIntoView({ block: "nearest" });
  }

  /** Have the mark in sight. */
  show() {
    const box = this.element.querySelector(".mark-box");
    const sheet = box?.parentElement;
    if (!(box instanceof HTMLElement) || !sheet) return;
    this.pages.scrollTop = sheet.offsetTop + box.offsetTop + box.offsetHeight / 2 - this.pages.clientHeight / 2;
    this.find();
  }

  /** A click on a page brings the mark there. @param {number} page @param {MouseEvent} event */
  click(page, event) {
    const sheet = this.sheets[page - 1];
    if (!this.mark || this.isFixed || sheet === undefined) return;
    const bounds = sheet.element.getBoundingClientRect();
    const scale = sheet.size.width / bounds.width;
    const [, , width, height] = this.mark.box;
    const wished = { page, box: /** @type {any} */ ([(event.clientX - bounds.left) * scale - width / 2, (event.clientY - bounds.top) * scale - height / 2, width, height]) };
    this.place({ page, box: fitted(wished.box, sheet.size) });
    this.setMark(this.mark);
    /** @type {HTMLElement|null} */ (this.element.querySelector(".mark-box"))?.focus({ preventScroll: true });
  }

  close() {
    this.seen = "closed";
    this.watch.disconnect();
    this.resize.disconnect();
    for (const each of this.sheets) each.stop?.();
    this.document?.close();
    this.element.remove();
  }
}

class Stopped extends Error {}
