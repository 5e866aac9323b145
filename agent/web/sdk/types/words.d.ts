export type Words = {
    codes: Record<string, string>;
    reasons: Record<string, string[]>;
    chip: Record<string, string>;
    kit: Record<string, string>;
};
/**
 * What one language says: what a person can do about a code; of a reason its short form, why, and the steps to take; the chip; the
 * button.
 *
 * @typedef {{codes: Record<string, string>, reasons: Record<string, string[]>, chip: Record<string, string>, kit: Record<string, string>}} Words
 */
/** The codes after which the user may try again. */
export declare const RETRIABLE: string[];
/** @type {Record<string, Words>} */
export declare const WORDS: Record<string, Words>;
