/** Two languages; the agent's own choice counts, then the browser's. */

import { en } from "./text/en.js";
import { zhHant } from "./text/zh-hant.js";

const TABLES = { "zh-Hant": zhHant, en };
/** @typedef {keyof typeof TABLES} Language */

/** @returns {Language} */
function ofBrowser() {
  const first = navigator.languages.find((tag) => /^(zh|en)\b/.test(tag));
  return first === undefined || first.startsWith("zh") ? "zh-Hant" : "en";
}

/** @type {Language} */
let language = ofBrowser();

/** The language that is spoken now. */
export const currentLanguage = () => language;

/** Speak what was chosen: a tag of ours, or "system". @param {string} choice @returns {boolean} whether that changed anything */
export function speak(choice) {
  const before = language;
  language = choice === "zh-Hant" || choice === "en" ? choice : ofBrowser();
  document.documentElement.lang = language;
  return before !== language;
}

/** @param {string} key @returns {unknown} */
function find(key) {
  return key.split(".").reduce((/** @type {any} */ table, part) => table?.[part], TABLES[language]);
}

/** Whether there is such a text. @param {string} key */
export const has = (key) => typeof find(key) === "string";

/** The text of that key, with `{name}` filled in. @param {string} key @param {Record<string, unknown>} [values] @returns {string} */
export function t(key, values = {}) {
  const text = find(key);
  if (typeof text !== "string") throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** A day and a time as people here write it. @param {string} rfc3339 */
export function moment(rfc3339) {
  return new Date(rfc3339).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });
}

/** A day. @param {string} rfc3339 */
export function day(rfc3339) {
  return new Date(rfc3339).toLocaleDateString(locale(), { dateStyle: "long" });
}

const locale = () => (language === "en" ? "en-GB" : "zh-TW");
