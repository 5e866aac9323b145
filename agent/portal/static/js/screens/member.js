/** The member's own page: who they are here, how they became gold, what is under way, how they log in. */

import * as api from "../api.js";
import { h, icon } from "../dom.js";
import { day, inOurs, t } from "../i18n.js";
import { crown, gradeBadge, heading, loginItem } from "../parts.js";

/** @typedef {import("../api.js").Member} Member */
/** @typedef {import("../api.js").Application} Application */

const PICTURES = { card: "card", telecom: "phone", counter: "counter", online: "form" };

/** A way to somewhere else. @param {string} id @param {string} href @param {string} picture @param {string} text @param {string} note */
const leadTo = (id, href, picture, text, note) =>
  h("a", { class: "way-link", href, id }, icon(picture, "icon boxed"),
    h("span", {}, h("strong", {}, text), h("span", { class: "hint" }, note)), icon("chevron"));

/** @param {Member} who */
function portrait(who) {
  const gold = who.grade === "gold";
  return h("div", { class: `portrait ${who.grade}`, id: "portrait" },
    h("span", { class: "portrait-picture" }, gold ? crown("crown") : icon("person")),
    h("div", {}, h("p", { class: "portrait-name" }, who.name ?? t("unnamed")), gradeBadge(who.grade),
      h("p", { class: "hint" }, t("member.id", { id: who.id })),
      gold && who.gold_since ? h("p", { class: "hint" }, t("member.goldSince", { date: day(who.gold_since) })) : null));
}

/** How the member became gold. @param {Member} who */
const howGold = ({ gold_way: way }) =>
  way === null ? null : h("section", { class: "own-part", id: "how-gold" }, h("h2", {}, t("member.how.title")),
    h("div", { class: "login-item" }, icon(PICTURES[way], "icon boxed"),
      h("span", {}, h("strong", {}, t(`method.ways.${way}.name`)), h("span", { class: "hint" }, t(`member.how.${way}`)))));

/** @param {Application["steps"][number]} step */
function stepItem({ state, name, at }) {
  const spoken = state === "done" ? t("stepDone") : state === "now" ? t("stepNow") : "";
  return h("li", { class: `track-step ${state}`, "aria-current": state === "now" ? "step" : null },
    h("span", { class: "track-mark", "aria-hidden": "true" }, state === "done" ? icon("ok") : null),
    h("span", {}, inOurs(name), spoken ? h("span", { class: "unseen" }, ` (${spoken})`) : null,
      at ? h("span", { class: "hint" }, day(at)) : null));
}

/** @param {Application} application */
const applicationItem = ({ way, number, since, href, steps, closes_account: closes }) =>
  h("li", { class: "application", "data-way": way },
    h("div", { class: "application-top" }, h("strong", {}, closes ? t("member.close.link") : t(`method.ways.${way}.name`)),
      h("span", { class: "hint" }, number ? t("member.applications.numbered", { number, date: day(since) })
        : t("member.applications.since", { date: day(since) })),
      h("a", { href }, t("member.applications.look"))),
    h("ol", { class: "track" }, steps.map(stepItem)));

/** @param {Application[]} applications */
const openApplications = (applications) =>
  applications.length === 0 ? [] : [h("h2", {}, t("member.applications.title")),
    h("ul", { class: "applications" }, applications.map(applicationItem))];

/** What a member may do about the own card. @param {Member} who */
function cardLink(who) {
  if (who.grade !== "gold") return null;
  const what = who.logins.some(({ kind }) => kind === "card") ? "replaceCard" : "addCard";
  return leadTo("to-card", "#/account/card", "card", t(`member.${what}.link`), t(`member.${what}.note`));
}

/** @type {import("./index.js").Screen} */
export const member = {
  needs: "member",
  step: ({ member: who }) => (who?.grade === "gold" ? null : 2),
  render(app) {
    const who = /** @type {Member} */ (app.member);
    const gold = who.grade === "gold";
    const underWay = h("section", { class: "own-part", id: "applications", hidden: true });
    void api.applications().then(({ applications }) => {
      underWay.replaceChildren(...openApplications(applications));
      underWay.hidden = applications.length === 0;
    }).catch(() => undefined); // The rest of the page is good without them.
    return { node: h("section", { class: "sheet" }, heading(t("member.title")), portrait(who),
      leadTo("to-profile", "#/profile", "person", t("profile.title"), t(gold ? "member.profileNoteGold" : "member.profileNote")),
      underWay, howGold(who),
      h("section", { class: "own-part" }, h("h2", {}, t("member.logins")),
        h("ul", { class: "logins" }, who.logins.map(loginItem)),
        leadTo("to-contacts", "/account/contacts", "phone", t("member.contacts.link"), t("member.contacts.note")), cardLink(who)),
      h("section", { class: "own-part" }, h("h2", {}, t("member.data.title")),
        leadTo("to-data", "/account/data", "form", t("member.data.link"), t("member.data.note")),
        who.closing ? null : leadTo("to-close", "/account/close", "warning", t("member.close.link"), t("member.close.note")))) };
  },
};
