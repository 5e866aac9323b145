/** One more way to log in: with the card that made the member gold. */

import * as api from "../api.js";
import { CardPanel } from "../cardpanel.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { heading, linkButton, ofDemoCard } from "../parts.js";
import { authenticate } from "../signing.js";

/** @type {import("./index.js").Screen} */
export const cardLogin = {
  needs: "guest",
  watchesAgent: true,
  render(app) {
    const panel = new CardPanel({
      agent: app.agent,
      last4: null,
      component: "#/login/component",
      submit: t("pin.submitLogin"),
      async sign(use) {
        const challenge = await api.loginChallenge();
        const token = await authenticate(app.agent, challenge, use, "login");
        use.onSigned();
        const { member } = await api.loginWithCard(challenge.challenge_id, token);
        const after = app.draft.get("after");
        app.draft.clear();
        app.setMember(member);
        app.go(after || "member", { replace: true, message: () => t("login.welcome") });
      },
    });
    panel.arrive();
    return {
      node: h("section", { class: "sheet" }, heading(t("cardLogin.title"), t("cardLogin.lead")), ofDemoCard(app.demoCard, "pin"), panel.node,
        linkButton("#/login", t("cardLogin.back"), "back")),
      update: (snapshot) => panel.update(snapshot),
      leave: () => panel.leave(),
      settled: () => panel.settled,
    };
  },
};
