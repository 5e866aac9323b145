/** What the visitor was told on a screen: it stays while the screen is drawn again, in another language, too. */

/** Words in the language of the moment that they are said in. @typedef {() => string} Say */
/** @typedef {{kind: "ok"|"info"|"warning"|"error", say: Say}} Told */

/** By the place that it stands in. @type {Map<string, Told>} */
const TOLD = new Map();

/** @param {string} place @returns {Told|null} */
export const toldAt = (place) => TOLD.get(place) ?? null;

/** @param {string} place @param {Told|null} what null where nothing is said any more */
export function keepTold(place, what) {
  if (what) TOLD.set(place, what);
  else TOLD.delete(place);
}

/** The visitor goes elsewhere, or something new has happened. */
export const forgetTold = () => TOLD.clear();
