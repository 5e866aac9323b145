/** The queue: rows are gone through and opened by keys. */

import { listenToKeys } from "./keys.js";

const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-row]")]);

/** @param {string} key */
function goThroughRows(key) {
  if (key !== "j" && key !== "k") return false;
  const now = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = key === "j" ? now + 1 : Math.max(0, now - 1);
  rows[Math.min(next, rows.length - 1)]?.focus();
  return true;
}

listenToKeys(goThroughRows);
