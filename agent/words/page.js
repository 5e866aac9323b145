/** What a page says, in the language of the person before it. The server puts `LANGUAGES` and `TEXTS` before this. */

const primary = (/** @type {string} */ tag) => tag.toLowerCase().split("-")[0];

/** The browser's first language that is one of ours and was reviewed; else the first of ours. */
function ofBrowser() {
  for (const tag of navigator.languages) {
    const found = LANGUAGES.find((each) => each.reviewed && primary(each.tag) === primary(tag));
    if (found) return found;
  }
  return LANGUAGES[0];
}

let language = ofBrowser();

/** The tags of the languages that there are. */
export const tags = LANGUAGES.map((each) => each.tag);

/** The tag of the language that is spoken now. */
export const currentLanguage = () => language.tag;

/** The tag by which days and times are written. */
export const locale = () => language.locale;

/** Speak another language: a tag of ours, or the browser's for anything else. @param {string|null} tag */
export function speak(tag) {
  language = LANGUAGES.find((each) => each.tag === tag) ?? ofBrowser();
  document.documentElement.lang = language.tag;
}

/** @param {string} key @returns {any} */
const find = (key) => key.split(".").reduce((/** @type {any} */ table, part) => table?.[part], TEXTS[language.tag]);

const isCounted = (/** @type {any} */ text) => Array.isArray(text?.plural);

/** Whether there is a text of that key. @param {string} key */
export const has = (key) => typeof find(key) === "string" || isCounted(find(key));

/** The plural form for a count. @param {{plural: string[], rule: string}} text @param {number} count */
function form({ plural, rule }, count) {
  const at = count < 200 ? count : 100 + (count % 100);
  return plural[Number(rule[Math.min(at, rule.length - 1)])];
}

/** The text of that key, with `{name}` filled in; `count` chooses its plural form. @param {string} key @param {Record<string, unknown>} [values] @returns {string} */
export function t(key, values = {}) {
  const found = find(key);
  const text = isCounted(found) ? form(found, Number(values.count)) : found;
  if (typeof text !== "string") throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** The list of texts of that key. @param {string} key @returns {string[]} */
export function list(key) {
  const texts = find(key);
  if (!Array.isArray(texts)) throw new Error(`no list for ${key}`);
  return texts;
}

/** Of a text in several languages the one to show. @param {Record<string, string>|undefined} texts */
export const inOurs = (texts) => texts?.[language.tag] ?? texts?.en;
