/** Building elements without a framework, and without ever parsing text as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** @param {Element} element @param {Record<string, any>} properties */
function apply(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * Make an element. Properties are attributes, `on…` properties are listeners; children that are
 * null or false are left out.
 *
 * @param {string} tag @param {Record<string, any>} [properties] @param {...any} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  apply(element, properties);
  element.append(...children.flat().filter((child) => child !== null && child !== false && child !== undefined));
  return element;
}

let isFetching = false;

/**
 * Make the icons parts of this page with the first that is drawn: what is drawn once the server is gone has its icon, too.
 * XMLHttpRequest gives a document without a parser that a page could feed.
 */
function fetchIcons() {
  if (isFetching) return;
  isFetching = true;
  const asked = new XMLHttpRequest();
  asked.open("GET", new URL("../img/icons.svg", import.meta.url));
  asked.responseType = "document";
  asked.onloadend = () => {
    const sprite = asked.responseXML?.documentElement;
    isFetching = sprite?.localName === "svg"; // if not, with the next one that is drawn
    if (!sprite || !isFetching) return;
    for (const symbol of sprite.querySelectorAll("symbol")) symbol.id = `icon-${symbol.id}`;
    sprite.setAttribute("aria-hidden", "true");
    sprite.setAttribute("hidden", "");
    document.body.append(document.importNode(sprite, true));
  };
  asked.send();
}

/** Draw one of the icons of img/icons.svg; it is decoration, the text beside it speaks. @param {string} name @param {string} [className] */
export function icon(name, className = "icon") {
  fetchIcons();
  const svg = document.createElementNS(SVG, "svg");
  apply(svg, { class: className, "aria-hidden": "true", focusable: "false" });
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

const FOCUSABLE = "a[href], button, input, select, textarea, summary";

/**
 * Put `children` in the place of everything in `element`. Whoever uses the keyboard stays where they were: what had the
 * focus gets it again if it is drawn anew, else the page's main part, and never the top of the page.
 *
 * @param {Element} element @param {...any} children
 */
export function fill(element, ...children) {
  const held = document.activeElement;
  const within = held !== element && element.contains(held);
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== false && child !== undefined));
  if (!within || held === null || held.isConnected) return;
  const same = [...element.querySelectorAll(FOCUSABLE)].find((each) => each.localName === held.localName
    && (held.id ? each.id === held.id : each.textContent === held.textContent));
  /** @type {HTMLElement|null} */ (same ?? element.closest("main"))?.focus();
}

/** Have a screen reader say `text` when it gets a moment. @param {string} text */
export function announce(text) {
  const announcer = /** @type {HTMLElement} */ (document.getElementById("announcer"));
  announcer.textContent = "";
  setTimeout(() => (announcer.textContent = text), 50);
}

/**
 * Wrap the handler of a button or form: while it works the button is off, so that a double click
 * does the thing once.
 *
 * @param {HTMLButtonElement} button @param {() => Promise<void>} work
 */
export function once(button, work) {
  return async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (button.getAttribute("aria-busy") === "true" || button.disabled) return;
    button.setAttribute("aria-busy", "true");
    button.disabled = true;
    try {
      await work();
    } finally {
      button.removeAttribute("aria-busy");
      button.disabled = false;
      // A button that is disabled loses the focus; who uses a keyboard would begin at the top again.
      if (document.activeElement === document.body) (button.isConnected ? button : document.getElementById("main"))?.focus();
    }
  };
}
