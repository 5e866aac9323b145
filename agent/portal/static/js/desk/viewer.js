/** Pictures that can be moved, turned and enlarged, with a mouse, fingers or keys. */

const STEP = 1.25;
const LARGEST = 8;
const NUDGE = 60; // pixels by one press of an arrow
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [NUDGE, 0], ArrowRight: [-NUDGE, 0], ArrowUp: [0, NUDGE], ArrowDown: [0, -NUDGE] };

/**
 * How a picture lies on its stage: `scale` times as large as it fits, turned by `turns` quarters to
 * the right, its middle moved by `x` and `y` pixels.
 *
 * @typedef {{ scale: number, turns: number, x: number, y: number }} View
 */

/** One picture on its stage. */
export class Viewer {
  /** @param {HTMLElement} stage @param {HTMLImageElement} picture @param {(view: View) => void} changed */
  constructor(stage, picture, changed) {
    this.stage = stage;
    this.picture = picture;
    this.changed = changed;
    /** @type {View} */
    this.view = { scale: 1, turns: 0, x: 0, y: 0 };
    /** @type {Map<number, { x: number, y: number }>} */
    this.pointers = new Map();
    this.listen();
    this.draw();
  }

  /** Fit the picture again; how it is turned stays. */
  fit() {
    this.view = { ...this.view, scale: 1, x: 0, y: 0 };
    this.draw();
  }

  /** @param {number} quarters to the right */
  turn(quarters) {
    this.view = { scale: 1, turns: this.view.turns + quarters, x: 0, y: 0 };
    this.draw();
  }

  /**
   * Enlarge, so that what is at a point of the stage stays there.
   *
   * @param {number} times @param {{ x: number, y: number }} [at] from the stage's middle, in pixels
   */
  zoom(times, at = { x: 0, y: 0 }) {
    const scale = Math.min(LARGEST, Math.max(1, this.view.scale * times));
    const ratio = scale / this.view.scale;
    this.view = { ...this.view, scale, x: at.x - (at.x - this.view.x) * ratio, y: at.y - (at.y - this.view.y) * ratio };
    this.draw();
  }

  /** @param {number} x @param {number} y in pixels */
  move(x, y) {
    this.view = { ...this.view, x: this.view.x + x, y: this.view.y + y };
    this.draw();
  }

  enlarge() {
    this.zoom(STEP);
  }

  reduce() {
    this.zoom(1 / STEP);
  }

  draw() {
    const { width, height } = this.stage.getBoundingClientRect();
    const { naturalWidth, naturalHeight } = this.picture;
    if (width === 0 || naturalWidth === 0) return;
    const isAcross = this.view.turns % 2 !== 0;
    const [w, h] = isAcross ? [naturalHeight, naturalWidth] : [naturalWidth, naturalHeight];
    const shown = Math.min(width / w, height / h) * this.view.scale;
    // Some of it always stays on the stage.
    const reach = { x: Math.max(0, (w * shown - width) / 2), y: Math.max(0, (h * shown - height) / 2) };
    this.view.x = Math.min(reach.x, Math.max(-reach.x, this.view.x));
    this.view.y = Math.min(reach.y, Math.max(-reach.y, this.view.y));
    const { x, y, turns } = this.view;
    this.picture.style.transform = `translate(-50%, -50%) translate(${x}px, ${y}px) rotate(${turns * 90}deg) scale(${shown})`;
    this.changed(this.view);
  }

  listen() {
    const { stage, picture } = this;
    picture.addEventListener("load", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(stage);
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), this.fromMiddle(event));
    }, { passive: false });
    stage.addEventListener("dblclick", (event) => {
      if (this.view.scale > 1) this.fit();
      else this.zoom(STEP ** 4, this.fromMiddle(event));
    });
    stage.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (arrow === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.move(...arrow);
    });
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      stage.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.fromMiddle(event));
    });
    stage.addEventListener("pointermove", (event) => this.dragged(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      stage.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
  }

  /** Follow one pointer, or the distance of two. @param {PointerEvent} event */
  dragged(event) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = this.fromMiddle(event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (other === undefined) this.move(now.x - before.x, now.y - before.y);
    else this.zoom(distance(now, other) / Math.max(1, distance(before, other)), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }

  /** @param {MouseEvent} event @returns {{ x: number, y: number }} from the stage's middle */
  fromMiddle(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.x - box.width / 2, y: event.clientY - box.y - box.height / 2 };
  }
}

/** @param {{ x: number, y: number }} a @param {{ x: number, y: number }} b */
function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
