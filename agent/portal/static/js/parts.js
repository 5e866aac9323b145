/** The small parts that every screen is made of. */

import { h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { keepTold, toldAt } from "./told.js";

/** @typedef {import("./told.js").Say} Say */

/** The heading of a screen; it takes the focus when the screen opens. @param {string} text @param {string} [lead] */
export const heading = (text, lead) =>
  h("header", { class: "heading" }, h("h1", { tabindex: -1 }, text), lead ? h("p", { class: "lead" }, lead) : null);

/** A message in a box: `kind` is ok, info, warning or error. @param {"ok"|"info"|"warning"|"error"} kind @param {...any} children */
export const notice = (kind, ...children) =>
  h("div", { class: `notice ${kind}`, role: kind === "error" ? "alert" : "status" }, icon(kind), h("div", {}, ...children));

/** What a demonstration's virtual card has, which a real site knows of nobody. @param {{id_number: string, pin: string}|null} card @param {"id_number"|"pin"} what */
export const ofDemoCard = (card, what) =>
  card && notice("info", h("p", {}, t(`demoCard.${what}`), " ", h("code", { class: "demo-code", id: `demo-${what}` }, card[what])));

/** A link that looks like a button. @param {string} href @param {string} text @param {string} [className] */
export const linkButton = (href, text, className = "button") => h("a", { class: className, href }, text);

/** Name of a grade, with the crown where it belongs. @param {"ordinary"|"gold"} grade */
export const gradeBadge = (grade) =>
  h("span", { class: `badge ${grade}` }, grade === "gold" ? crown("crown small") : null, t(`grade.${grade}`));

/** The gold crown. @param {string} className */
export const crown = (className) => h("img", { class: className, src: "img/crown.svg", alt: "", width: 96, height: 80 });

/**
 * A labelled input with a hint and a place for what is wrong with it, which is still said when it is drawn again.
 *
 * @param {{id: string, label: string, hint?: string, after?: Element|null} & Record<string, any>} options
 *   everything else becomes an attribute of the input
 */
export function field({ id, label, hint, after = null, ...attributes }) {
  const error = h("p", { class: "field-error", id: `${id}-error`, role: "alert" });
  const described = hint ? `${id}-hint ${id}-error` : `${id}-error`;
  const input = h("input", { id, "aria-describedby": described, ...attributes });
  const node = h("div", { class: "field" },
    h("label", { for: id }, label),
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null,
    h("div", { class: "field-row" }, input, after),
    error);
  /** @param {Say|null} say null when all is well */
  const complain = (say) => {
    error.textContent = say?.() ?? "";
    if (say) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    keepTold(id, say && { kind: "error", say });
  };
  input.addEventListener("input", () => complain(null));
  complain(toldAt(id)?.say ?? null);
  return { node, input, complain };
}

/** How a member logs in. @param {{kind: string, label: string}} login */
export const loginItem = ({ kind, label }) =>
  h("li", { class: "login-item", "data-kind": kind },
    icon({ mobile: "phone", email: "mail", card: "card" }[kind] ?? "person", "icon boxed"),
    h("span", {}, h("strong", {}, t(`member.login.${kind}`)), h("span", { class: "hint" }, label)));
