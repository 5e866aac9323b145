/** A box for a PIN that no browser takes for a password. */

const DOT = "\u2022"; // no card takes it in a PIN
const ATTRIBUTES = {
  type: "text", // not "password": browsers offer to save that, with what stands nearby as the user's name
  autocomplete: "off", // no form history
  autocorrect: "off",
  autocapitalize: "off",
  spellcheck: "false", // some spelling checkers send what is typed to a server
  writingsuggestions: "false",
  translate: "no",
  "data-pin": "",
  "data-1p-ignore": "true",
  "data-bwignore": "true",
  "data-form-type": "other",
  "data-lpignore": "true",
};

/**
 * Makes an input the box for a PIN: the input itself holds only dots, and so do the browser's history, the clipboard,
 * what is restored after a crash, and what a screen reader reads of it.
 *
 * A field of the type "password" is offered for saving whatever its `autocomplete` says.
 */
export class PinBox {
  #input;
  #typed = "";

  /** @param {HTMLInputElement} input */
  constructor(input) {
    this.#input = input;
    for (const [name, value] of Object.entries(ATTRIBUTES)) input.setAttribute(name, value);
    input.removeAttribute("name");
    // For the moment before a character becomes a dot, which lasts while an input method composes.
    input.style.setProperty("-webkit-text-security", "disc");
    if (!CSS.supports("-webkit-text-security", "disc")) {
      input.addEventListener("compositionstart", () => input.style.setProperty("color", "transparent"));
      input.addEventListener("compositionend", () => input.style.removeProperty("color"));
    }
    input.style.setProperty("ime-mode", "disabled");
    input.addEventListener("input", (event) => {
      if (!(event instanceof InputEvent && event.isComposing)) this.#read();
    });
    input.addEventListener("compositionend", () => this.#read());
    for (const name of ["copy", "cut", "dragstart", "drop"]) {
      input.addEventListener(name, (event) => event.preventDefault());
    }
    this.#read();
  }

  /** Take the PIN out of the box, which is empty then. */
  take() {
    this.#read();
    const pin = this.#typed;
    this.clear();
    return pin;
  }

  /** Whether there is nothing but digits in it, as in most PINs; what there is stays here. */
  get isOfDigits() {
    return /^[0-9]*$/.test(this.#typed);
  }

  /** Empty the box. */
  clear() {
    this.#typed = "";
    this.#input.value = "";
  }

  /** Learn what has changed: dots are characters that stayed, anything else is new. */
  #read() {
    const shown = this.#input.value;
    const before = this.#typed;
    const caret = this.#input.selectionStart ?? shown.length;
    let start = 0;
    let end = shown.length;
    while (start < end && shown[start] === DOT) start += 1;
    while (end > start && shown[end - 1] === DOT) end -= 1;
    if (start < end) {
      this.#typed = before.slice(0, start) + shown.slice(start, end) + before.slice(before.length - shown.length + end);
    } else if (shown.length < before.length) {
      this.#typed = before.slice(0, caret) + before.slice(caret + before.length - shown.length);
    }
    const dots = DOT.repeat(this.#typed.length);
    if (dots === shown) return;
    this.#input.value = dots;
    this.#input.setSelectionRange(caret, caret);
  }
}
