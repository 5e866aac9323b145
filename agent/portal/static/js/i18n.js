/** Two languages: Traditional Chinese first, English second. Follows the browser, remembers a choice. */

import { zhHant } from "./text/zh-hant.js";
import { en } from "./text/en.js";

/** @typedef {"zh-Hant"|"en"} Language */

const TABLES = { "zh-Hant": zhHant, en };
const KEY = "portal.language";

/** @returns {Language} */
function preferred() {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "zh-Hant" || chosen === "en") return chosen;
  const first = navigator.languages.find((language) => /^(zh|en)\b/.test(language));
  return first === undefined || first.startsWith("zh") ? "zh-Hant" : "en";
}

let language = preferred();

/** The language that is spoken now. */
export const currentLanguage = () => language;

/** Speak `next` from now on, also after a reload. @param {Language} next */
export function setLanguage(next) {
  language = next;
  localStorage.setItem(KEY, next);
}

/** @param {string} key @returns {unknown} */
function find(key) {
  return key.split(".").reduce((/** @type {any} */ table, part) => table?.[part], TABLES[language]);
}

/** Whether there is a text of that key. @param {string} key */
export const hasText = (key) => typeof find(key) === "string";

/** The text of that key, with `{name}` replaced from `values`. @param {string} key @param {Record<string, string|number>} [values] */
export function t(key, values = {}) {
  const text = find(key);
  if (typeof text !== "string") throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** The list of texts of that key. @param {string} key @returns {string[]} */
export function list(key) {
  const texts = find(key);
  if (!Array.isArray(texts)) throw new Error(`no list for ${key}`);
  return texts;
}

/** A day as people here write it. @param {string} rfc3339 */
export function day(rfc3339) {
  return new Date(rfc3339).toLocaleDateString(language === "en" ? "en-GB" : "zh-TW", {
    year: "numeric", month: "long", day: "numeric", timeZone: "Asia/Taipei",
  });
}
