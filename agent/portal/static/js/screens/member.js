/** The member's own page: who they are here, and how they log in. */

import { h, icon } from "../dom.js";
import { day, t } from "../i18n.js";
import { crown, gradeBadge, heading, loginItem } from "../parts.js";

/** @type {import("./index.js").Screen} */
export const member = {
  needs: "member",
  step: ({ member: who }) => (who?.grade === "gold" ? null : 2),
  render(app) {
    const who = /** @type {import("../api.js").Member} */ (app.member);
    const gold = who.grade === "gold";
    return { node: h("section", { class: "sheet" }, heading(t("member.title")),
      h("div", { class: `portrait ${who.grade}`, id: "portrait" },
        h("span", { class: "portrait-picture" }, gold ? crown("crown") : icon("person")),
        h("div", {}, h("p", { class: "portrait-name" }, who.name ?? t("unnamed")), gradeBadge(who.grade),
          h("p", { class: "hint" }, t("member.id", { id: who.id })),
          gold && who.gold_since ? h("p", { class: "hint" }, t("member.goldSince", { date: day(who.gold_since) })) : null)),
      h("a", { class: "way-link", href: "#/profile", id: "to-profile" }, icon("form", "icon boxed"),
        h("span", {}, h("strong", {}, t("profile.title")), h("span", { class: "hint" }, t(gold ? "member.profileNoteGold" : "member.profileNote"))), icon("chevron")),
      h("h2", {}, t("member.logins")),
      h("ul", { class: "logins" }, who.logins.map(loginItem))) };
  },
};
