/** The box on a page that says where a signature is shown: moved and sized by pointer and by keys. */

import { announce, h } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {[number, number, number, number]} Box x, y, width and height in points, from the page's upper left corner */
/** @typedef {{page: number, box: Box}} Mark */
/** @typedef {{width: number, height: number}} Size of a page, in points */

const USUAL = { width: 220, height: 70, margin: 36 };
const LEAST = { width: 60, height: 20 };
const STEP = 6; // points
const MILLIMETRES = 25.4 / 72;

/** @param {number} value @param {number} least @param {number} most */
const between = (value, least, most) => Math.max(least, Math.min(value, most));
const whole = (/** @type {number} */ points) => Math.round(points * MILLIMETRES);

/** Where a mark stands unless somebody moves it: at the lower right. @param {Size} size @returns {Box} */
export function usualBox({ width, height }) {
  const [w, high] = [Math.min(USUAL.width, width), Math.min(USUAL.height, height)];
  const [right, below] = [Math.min(USUAL.margin, (width - w) / 2), Math.min(USUAL.margin, (height - high) / 2)];
  return fitted([width - right - w, height - below - high, w, high], { width, height });
}

/** Within the page, and not too small to be read. @param {Box} box @param {Size} size @returns {Box} */
export function fitted([x, y, width, height], size) {
  const [w, high] = [between(width, Math.min(LEAST.width, size.width), size.width), between(height, Math.min(LEAST.height, size.height), size.height)];
  const rounded = [between(x, 0, size.width - w), between(y, 0, size.height - high), w, high].map((each) => Math.round(each * 10) / 10);
  return /** @type {Box} */ (rounded);
}

/** @param {Mark} mark */
const told = ({ page, box: [x, y, width, height] }) =>
  t("sign.mark_where", { page, left: whole(x), top: whole(y), width: whole(width), height: whole(height) });

/**
 * Make the box; whoever calls puts it on its page.
 *
 * @param {{mark: Mark, size: Size, moved: (box: Box) => void, turned: (by: number) => void}} made `turned` is asked for another page
 */
export function markBox({ mark, size, moved, turned }) {
  const grip = h("span", { class: "mark-grip" });
  const element = h("div", { class: "mark-box", id: "mark-box", tabindex: 0, role: "group", "aria-describedby": "mark-help" },
    h("span", { class: "mark-name", "aria-hidden": "true" }, t("sign.mark_name")), grip);
  let box = mark.box;

  const place = () => {
    const [x, y, width, height] = box;
    const parts = { left: x / size.width, top: y / size.height, width: width / size.width, height: height / size.height };
    for (const [name, part] of Object.entries(parts)) element.style.setProperty(name, `${part * 100}%`);
    element.setAttribute("aria-label", told({ page: mark.page, box }));
  };
  /** @param {Box} next @param {boolean} isSaid */
  const put = (next, isSaid) => {
    box = fitted(next, size);
    place();
    moved(box);
    if (isSaid) announce(told({ page: mark.page, box }));
  };

  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    const page = { PageUp: -1, PageDown: 1 }[event.key];
    if (!by && !page) return;
    event.preventDefault();
    event.stopPropagation();
    if (page) return turned(page);
    const [dx, dy] = /** @type {number[]} */ (by);
    put(moving(box, dx ?? 0, dy ?? 0, event.shiftKey), true);
  });
  element.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    element.focus({ preventScroll: true });
    const [begun, isSizing, scale] = [box, event.target === grip, size.width / element.parentElement.clientWidth];
    const move = (/** @type {PointerEvent} */ { clientX, clientY }) =>
      put(moving(begun, (clientX - event.clientX) * scale, (clientY - event.clientY) * scale, isSizing), false);
    element.setPointerCapture(event.pointerId);
    element.addEventListener("pointermove", move);
    const end = () => element.removeEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, end, { once: true });
  });
  element.addEventListener("click", (/** @type {MouseEvent} */ event) => event.stopPropagation());
  place();
  return element;
}

/** @param {Box} box @param {number} dx @param {number} dy @param {boolean} isSizing @returns {Box} */
function moving([x, y, width, height], dx, dy, isSizing) {
  return isSizing ? [x, y, width + dx, height + dy] : [x + dx, y + dy, width, height];
}
