/**
 * What a person can do about a code, in four languages: for pages that have no words of their own.
 *
 * @module explain
 */
export type Language = "zh-Hant" | "en" | "vi" | "id";
/** The language of ours for a BCP 47 tag; English for one that we do not have. @param {string} [tag] of the page or the browser where missing @returns {Language} */
export declare function languageFor(tag?: string): Language;
/** Everything that we say in a language. @param {string} [tag] BCP 47 */
export declare function wordsFor(tag?: string): import("./words.js").Words;
/**
 * Say what to do about an `AnkongError`'s `code`, or about the `reason` why the agent is not running. A code of a newer agent is
 * explained as unknown.
 *
 * @param {string} code @param {string} [lang] BCP 47; the page's where missing
 * @returns {{text: string, retriable: boolean, steps: string[]}} `steps` to take one after the other, for a reason
 */
export declare function explain(code: string, lang?: string): {
    text: string;
    retriable: boolean;
    steps: string[];
};
