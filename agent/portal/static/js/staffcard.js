/** Which card a member of staff has logged in with, for all of their pages in this browser. */

/** @typedef {import("/sdk/ankong.js").Snapshot} Snapshot */

const KEY = "staff.card";

/** @param {string} serial */
export const rememberCard = (serial) => localStorage.setItem(KEY, serial);
export const rememberedCard = () => localStorage.getItem(KEY);
export const forgetCard = () => localStorage.removeItem(KEY);

/** Whether a card is in none of the readers; null while nobody can tell. @param {Snapshot} snapshot @param {string} serial */
export function missing({ state, allowed, service, readers }, serial) {
  if (state !== "running" || !allowed || service !== "available") return null;
  if (readers.some(({ card }) => card?.serial === serial)) return false;
  return readers.some(({ card }) => card && card.serial === null) ? null : true; // One that was not read yet may be it.
}
