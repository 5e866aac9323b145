/** Step 2: the profile, from where the way to gold membership starts. */

import * as api from "../api.js";
import { h, once } from "../dom.js";
import { t } from "../i18n.js";
import { crown, field, gradeBadge, heading, linkButton } from "../parts.js";

const LONGEST = 64; // characters; `maxlength` counts rare ideographs twice, and cuts names off unasked

/** @param {import("../api.js").Member} who */
const gradeSection = (who) =>
  h("section", { class: `grade-box ${who.grade}` },
    h("div", {}, h("h2", {}, t("profile.gradeTitle")), gradeBadge(who.grade),
      h("p", {}, who.gold_way ? t(`member.how.${who.gold_way}`) : t("profile.ordinaryNote"))),
    who.grade === "gold" ? crown("crown")
      : h("a", { class: "button gold", href: "#/upgrade", id: "to-upgrade" }, crown("crown small"), t("profile.upgrade")));

/** @type {import("./index.js").Screen} */
export const profile = {
  needs: "member",
  step: ({ member }) => (member?.grade === "gold" ? null : 2),
  render(app) {
    const who = /** @type {import("../api.js").Member} */ (app.member);
    const name = field({ id: "name", label: t("profile.name"), hint: t("profile.nameHint"), type: "text",
      autocomplete: "name", value: who.name ?? "" });
    const save = h("button", { class: "button", id: "save-profile" }, t("profile.save"));
    const submit = async () => {
      // Never normalised: that would exchange compatibility ideographs, which names are written with.
      const value = name.input.value.trim();
      if (value === "" || [...value].length > LONGEST) return name.complain(() => t("profile.nameInvalid"));
      try {
        app.setMember((await api.saveProfile(value)).member);
        app.go("profile", { message: () => t("profile.saved") });
      } catch (error) {
        const ofTheName = error instanceof api.PortalError && error.code === "bad_request";
        name.complain(() => (ofTheName ? t("profile.nameInvalid") : api.explain(error)));
        await app.failed(error);
      }
    };
    return { node: h("section", { class: "sheet" }, heading(t("profile.title")), gradeSection(who),
      h("form", { novalidate: true, onsubmit: once(save, submit) }, name.node, h("div", { class: "actions" }, save)),
      linkButton("#/member", t("member.title"), "back")) };
  },
};
