/** What the page says, in a language that it remembers, and how it writes days. */

import { locale, speak } from "./texts.js";

export { currentLanguage, has as hasText, inOurs, list, t, tags } from "./texts.js";

const KEY = "portal.language";
const YEAR = 365 * 24 * 60 * 60; // seconds

// The pages that the server makes know the choice by a cookie, and it may have been made there.
speak(/(?:^|; )language=([\w-]+)/.exec(document.cookie)?.[1] ?? localStorage.getItem(KEY));

/** Speak `tag` from now on, also after a reload and on the server's pages; a member is told things in it, too. @param {string} tag */
export function setLanguage(tag) {
  speak(tag);
  localStorage.setItem(KEY, tag);
  document.cookie = `language=${tag}; path=/; max-age=${YEAR}; samesite=strict`;
  void fetch("/language", { method: "POST", body: new URLSearchParams({ language: tag }), redirect: "manual" })
    .catch(() => undefined); // this browser speaks it all the same
}

/** A day as people here write it. @param {string} rfc3339 */
export function day(rfc3339) {
  return new Date(rfc3339).toLocaleDateString(locale(), {
    year: "numeric", month: "long", day: "numeric", timeZone: "Asia/Taipei",
  });
}
