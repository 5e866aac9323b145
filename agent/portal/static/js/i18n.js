/** What the page says, in a language that it remembers, and how it writes days. */

import { locale, speak } from "./texts.js";

export { currentLanguage, has as hasText, inOurs, list, t, tags } from "./texts.js";

const KEY = "portal.language";

speak(localStorage.getItem(KEY));

/** Speak `tag` from now on, also after a reload. @param {string} tag */
export function setLanguage(tag) {
  speak(tag);
  localStorage.setItem(KEY, tag);
}

/** A day as people here write it. @param {string} rfc3339 */
export function day(rfc3339) {
  return new Date(rfc3339).toLocaleDateString(locale(), {
    year: "numeric", month: "long", day: "numeric", timeZone: "Asia/Taipei",
  });
}
