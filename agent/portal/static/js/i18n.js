/** What the page says, in a language that it remembers, and how it writes days. */

import { locale, speak } from "./texts.js";

export { currentLanguage, has as hasText, inOurs, list, t, tags } from "./texts.js";

speak(/(?:^|; )language=([\w-]+)/.exec(document.cookie)?.[1] ?? null);

/** Speak `tag` from now on, on every page of the site; a member is told things in it, too. @param {string} tag */
export function setLanguage(tag) {
  speak(tag);
  document.cookie = `language=${tag}; path=/; max-age=31536000; samesite=strict`;
  void fetch("/language", { method: "POST", body: new URLSearchParams({ language: tag }), redirect: "manual" })
    .catch(() => undefined); // this browser speaks it all the same
}

/** A day as people here write it. @param {string} rfc3339 */
export function day(rfc3339) {
  return new Date(rfc3339).toLocaleDateString(locale(), {
    year: "numeric", month: "long", day: "numeric", timeZone: "Asia/Taipei",
  });
}
