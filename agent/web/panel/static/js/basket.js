/** What a file manager handed over: taken by numbers, saved beside the originals by the agent, which alone knows where these are. */

import { post } from "./api.js";
import { inTurn } from "./documents.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { brought } from "./opening.js";
import { notice } from "./parts.js";

/** @typedef {"document_changed"|"not_writable"} Unsaved */
/** What became of a document; `lacks` says why its signature proves less than was wanted, `grown` by how many bytes it is longer, where that is many. @typedef {{id: string, saved: string|null, unsaved?: Unsaved, level: string, lacks?: string, grown?: number, mark?: {missing: string|null, small: boolean}}} Signed */
/** A document of a basket. @typedef {{name: string, problem: string, hand: () => Promise<any>}} Chosen */

/** Open the basket that this page was opened for; nothing where there is none, or it was opened before. @returns {Promise<{chosen: Chosen[], more: number}>} */
export async function openBasket() {
  const basket = brought.basket;
  brought.basket = "";
  if (basket === "") return { chosen: [], more: 0 };
  const { files, more } = await post("documents/basket", { id: basket });
  const chosen = files.map((/** @type {{number: number, name: string, problem: string}} */ { number, name, problem }) => (
    { name, problem, hand: () => inTurn(() => post("documents/basket/take", { basket, number })) }));
  return { chosen, more };
}

/** Why a file is not taken. @param {string} problem */
export const unfit = (problem) => notice("bad", h("p", {}, t(`basket.${problem}`)));

/** Say where a signed document is, or why it is not beside its original. @param {Signed|undefined} signed */
export function whereSaved(signed) {
  if (signed?.unsaved) return notice("warning", h("p", {}, t(`basket.unsaved_${signed.unsaved}`)));
  return signed?.saved ? h("div", {}, t("sign.saved", { name: signed.saved })) : null;
}
