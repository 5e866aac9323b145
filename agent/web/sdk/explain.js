/**
 * What a person can do about a code, in four languages: for pages that have no words of their own.
 *
 * @module explain
 */

import { RETRIABLE, WORDS } from "./words.js";

/** @typedef {"zh-Hant"|"en"|"vi"|"id"} Language */

/** Reasons that no person at this computer can end. */
const FINAL_REASONS = new Set(["blocked_by_page", "frame_not_allowed"]);

/** The language of ours for a BCP 47 tag; English for one that we do not have. @param {string} [tag] of the page or the browser where missing @returns {Language} */
export function languageFor(tag) {
  const wanted = (tag || globalThis.document?.documentElement?.lang || globalThis.navigator?.language || "").toLowerCase();
  const [language] = wanted.split(/[-_]/); // some systems write an underscore
  if (language === "zh") return "zh-Hant";
  if (language === "vi") return "vi";
  return language === "id" || language === "in" ? "id" : "en";
}

/** Everything that we say in a language. @param {string} [tag] BCP 47 */
export function wordsFor(tag) {
  return /** @type {import("./words.js").Words} */ (WORDS[languageFor(tag)]);
}

/**
 * Say what to do about an `AnkongError`'s `code`, or about the `reason` why the agent is not running. A code of a newer agent is
 * explained as unknown.
 *
 * @param {string} code @param {string} [lang] BCP 47; the page's where missing
 * @returns {{text: string, retriable: boolean, steps: string[]}} `steps` to take one after the other, for a reason
 */
export function explain(code, lang) {
  const { codes, reasons, kit } = wordsFor(lang);
  if (Object.hasOwn(reasons, code)) {
    const [, text = "", ...steps] = reasons[code] ?? [];
    return { text, retriable: !FINAL_REASONS.has(code), steps };
  }
  const text = (Object.hasOwn(codes, code) ? codes[code] : kit.unknown) ?? "";
  return { text, retriable: RETRIABLE.includes(code), steps: [] };
}
