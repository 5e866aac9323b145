/** Step 11: the PIN, and with it the upgrade itself. */

import * as api from "../api.js";
import { CardPanel } from "../cardpanel.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { heading, linkButton } from "../parts.js";
import { authenticate } from "../signing.js";

/** @typedef {import("./index.js").App} App */

const MARGIN = 30_000; // A challenge that is about to expire is not worth a PIN.

/** The challenge that came with the ID number, if it is still good; it is taken out, for use once. @param {App} app @returns {Promise<api.Challenge>} */
async function takeChallenge(app) {
  const kept = app.draft.get("challenge");
  app.draft.set("challenge", "");
  const challenge = kept ? JSON.parse(kept) : null;
  if (challenge && Date.now() < challenge.at + challenge.expires_in * 1000 - MARGIN) return challenge;
  return api.upgradeChallenge(app.draft.get("idNumber"));
}

/** @type {import("./index.js").Screen} */
export const pin = {
  needs: "member",
  flow: true,
  watchesAgent: true,
  step: () => 11,
  instead: (app) => (app.draft.get("idNumber") ? null : "upgrade/id"),
  render(app) {
    const panel = new CardPanel({
      agent: app.agent,
      last4: app.draft.get("idNumber").slice(-4),
      submit: t("pin.submit"),
      changeId: "#/upgrade/id",
      component: "#/upgrade/component",
      async sign(use) {
        try {
          const challenge = await takeChallenge(app);
          const token = await authenticate(app.agent, challenge, use, "identify");
          use.onSigned();
          const { member } = await api.upgrade(challenge.challenge_id, token);
          app.draft.clear();
          app.setMember(member);
          app.go("upgrade/done", { replace: true });
        } catch (error) {
          await app.failed(error);
          throw error;
        }
      },
    });
    panel.arrive();
    return {
      node: h("section", { class: "sheet" }, heading(t("pin.title"), t("pin.lead")), panel.node,
        linkButton("#/upgrade/id", t("back"), "back")),
      update: (snapshot) => panel.update(snapshot),
      leave: () => panel.leave(),
    };
  },
};
