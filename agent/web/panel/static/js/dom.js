/** Building elements without a framework, and without ever parsing text as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** @param {Element} element @param {Record<string, any>} properties @param {any[]} children */
function dress(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...present(children));
}

/** @param {any[]} children */
function present(children) {
  return children.flat(2).filter((child) => child !== undefined && child !== null && child !== false);
}

/**
 * Make an HTML element: attributes, `on…` listeners, and children, of which empty ones are left out.
 *
 * @param {string} tag @param {Record<string, any>} [properties] @param {...any} children @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  dress(element, properties, children);
  return element;
}

/** Make an SVG element, likewise. @param {string} tag @param {Record<string, any>} [properties] @param {...any} children @returns {any} */
export function s(tag, properties = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  dress(element, properties, children);
  return element;
}

let isBringing = false;

/**
 * Make the icons parts of this page with the first that is drawn: what is drawn once the server is gone has its icon, too.
 * XMLHttpRequest gives a document without a parser that a page could feed.
 */
function bringIcons() {
  if (isBringing) return;
  isBringing = true;
  const asked = new XMLHttpRequest();
  asked.open("GET", new URL("../img/icons.svg", import.meta.url));
  asked.responseType = "document";
  asked.onloadend = () => {
    const sprite = asked.responseXML?.documentElement;
    isBringing = sprite?.localName === "svg"; // if not, with the next one that is drawn
    if (!sprite || !isBringing) return;
    for (const symbol of sprite.querySelectorAll("symbol")) symbol.id = `icon-${symbol.id}`;
    sprite.setAttribute("aria-hidden", "true");
    sprite.setAttribute("hidden", "");
    document.body.append(document.importNode(sprite, true));
  };
  asked.send();
}

/** Draw an icon; the text beside it speaks. @param {string} name @param {string} [className] */
export function icon(name, className = "icon") {
  bringIcons();
  return s("svg", { class: className, "aria-hidden": "true" }, s("use", { href: `#icon-${name}` }));
}

const STOPS = "a[href], button, input, select, textarea, summary";

/**
 * Put `children` in the place of everything in `element`. Whoever uses the keyboard stays where they were: what had the
 * focus gets it again if it is drawn anew, else the page's main part, and never the top of the page.
 *
 * @param {Element} element @param {...any} children
 */
export function fill(element, ...children) {
  const held = document.activeElement;
  const within = held !== element && element.contains(held);
  const row = { ...held?.closest("li")?.dataset };
  element.replaceChildren(...present(children));
  if (!within || held === null) return;
  if (held.isConnected) { // it is one of the children, and lost the focus on its way
    /** @type {HTMLElement} */ (held).focus({ preventScroll: true });
    return;
  }
  const same = [...element.querySelectorAll(STOPS)].find((each) => each.localName === held.localName && each.id === held.id
    && each.textContent === held.textContent && Object.entries(each.closest("li")?.dataset ?? {}).every(([name, value]) => row[name] === value));
  /** @type {HTMLElement|null} */ (same ?? element.closest("main"))?.focus();
}

/** Find an element that the page always has. @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no #${id}`);
  return found;
}

/** Have a screen reader say something. @param {string} text */
export function announce(text) {
  const announcer = byId("announcer");
  announcer.textContent = "";
  setTimeout(() => (announcer.textContent = text), 50);
}

/**
 * Make a button that does its work once at a time.
 *
 * @param {string} className @param {string} label @param {() => Promise<void>|void} work
 */
export function button(className, label, work) {
  const made = h("button", { class: `button ${className}`, type: "button" }, label);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      await work();
    } finally {
      made.disabled = false;
      // A button that is disabled loses the focus; who uses a keyboard would begin at the top again.
      if (document.activeElement === document.body) (made.isConnected ? made : byId("main")).focus();
    }
  });
  return made;
}
