/**
 * Keys that press buttons: whatever has `data-key` is pressed by that key, which stands beside it.
 *
 * They can be switched off, and the choice is kept in this browser (WCAG 2.2 §2.1.4).
 */

const SWITCHED_OFF = "desk.keys.off";
const TYPED_INTO = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select";

/** @returns {boolean} whether keys do anything beside what a browser does */
export function keysAreOn() {
  return localStorage.getItem(SWITCHED_OFF) === null;
}

/**
 * Return the key of an event in small letters: of the layout, or of its place on the keyboard while
 * an input method turns it into something else.
 *
 * @param {KeyboardEvent} event
 */
export function keyOf(event) {
  const written = /^[\x21-\x7e]$/.test(event.key) ? event.key : "";
  const placed = /^Key([A-Z])$/.exec(event.code)?.[1] ?? /^(?:Digit|Numpad)([0-9])$/.exec(event.code)?.[1] ?? "";
  const isNamed = event.key.length > 1 && event.key !== "Process" && event.key !== "Unidentified";
  return (written || (isNamed ? event.key : placed)).toLowerCase();
}

/** @param {KeyboardEvent} event */
function isForTheBrowser(event) {
  const isTyped = event.target instanceof Element && event.target.closest(TYPED_INTO) !== null;
  return isTyped || event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key.length === 1;
}

/** Press, tick, open or go to what a key stands for. @param {HTMLElement} target */
function press(target) {
  if (target.matches(TYPED_INTO)) target.focus();
  else target.click();
}

/**
 * Listen to the page's keys.
 *
 * @param {(key: string, event: KeyboardEvent) => boolean} first is asked before and returns whether
 *   it has used the key
 */
export function listenToKeys(first = () => false) {
  document.addEventListener("keydown", (event) => {
    if (!keysAreOn() || isForTheBrowser(event)) return;
    const key = keyOf(event);
    const found = /** @type {HTMLElement | null} */ (key === "" ? null : document.querySelector(`[data-key="${CSS.escape(key)}"]:not(:disabled)`));
    if (first(key, event)) event.preventDefault();
    else if (found !== null) {
      event.preventDefault();
      press(found);
    }
  });
  showSwitch();
}

/** Let the keys be switched off and on. */
function showSwitch() {
  for (const part of document.querySelectorAll("[data-needs-script]")) part.removeAttribute("hidden");
  document.documentElement.classList.toggle("keys-off", !keysAreOn());
  const box = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-keys-switch]"));
  if (box === null) return;
  box.checked = keysAreOn();
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(SWITCHED_OFF);
    else localStorage.setItem(SWITCHED_OFF, "1");
    document.documentElement.classList.toggle("keys-off", !keysAreOn());
  });
}
