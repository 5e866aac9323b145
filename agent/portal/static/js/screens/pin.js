/** Step 11: the PIN, and with it the upgrade itself. */

import * as api from "../api.js";
import { CardPanel } from "../cardpanel.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { heading, linkButton, ofDemoCard } from "../parts.js";
import { authenticate } from "../signing.js";

/** @typedef {import("./index.js").App} App */

const MARGIN = 30_000; // A challenge that is about to expire is not worth a PIN.

/** @typedef {{
 *   lead: string, submit: string, identity: string, component: string,
 *   challenge: (idNumber: string) => Promise<api.Challenge>,
 *   send: (challengeId: string, token: string) => Promise<{member: api.Member}>, done: (member: api.Member) => void,
 * }} Way what the card proves the ID number for; `identity` and `component` are screens before this one */

/** The challenge that came with the ID number, if it is still good; it is taken out, for use once. @param {App} app @param {Way} way @returns {Promise<api.Challenge>} */
async function takeChallenge(app, way) {
  const kept = app.draft.get("challenge");
  app.draft.set("challenge", "");
  const challenge = kept ? JSON.parse(kept) : null;
  if (challenge && Date.now() < challenge.at + challenge.expires_in * 1000 - MARGIN) return challenge;
  return way.challenge(app.draft.get("idNumber"));
}

/** Have the card prove that it belongs to the ID number that was entered. @param {App} app @param {Way} way @returns {import("./index.js").View} */
export function proveIdNumber(app, way) {
  const panel = new CardPanel({
    agent: app.agent,
    last4: app.draft.get("idNumber").slice(-4),
    submit: way.submit,
    changeId: `#/${way.identity}`,
    component: `#/${way.component}`,
    async sign(use) {
      try {
        const challenge = await takeChallenge(app, way);
        const token = await authenticate(app.agent, challenge, use, "identify");
        use.onSigned();
        const { member } = await way.send(challenge.challenge_id, token);
        app.draft.clear();
        app.setMember(member);
        way.done(member);
      } catch (error) {
        if (error instanceof api.PortalError && error.code === "id_number_taken") {
          app.draft.set("taken", JSON.stringify(error.messages));
          return app.go("upgrade/taken", { replace: true });
        }
        await app.failed(error);
        throw error;
      }
    },
  });
  panel.arrive();
  return {
    node: h("section", { class: "sheet" }, heading(t("pin.title"), way.lead), ofDemoCard(app.demoCard, "pin"), panel.node,
      linkButton(`#/${way.identity}`, t("back"), "back")),
    update: (snapshot) => panel.update(snapshot),
    leave: () => panel.leave(),
    settled: () => panel.settled,
  };
}

/** @type {import("./index.js").Screen} */
export const pin = {
  needs: "member",
  flow: true,
  watchesAgent: true,
  step: () => 11,
  instead: (app) => (app.draft.get("idNumber") ? null : "upgrade/id"),
  render: (app) => proveIdNumber(app, {
    lead: t("pin.lead"), submit: t("pin.submit"), identity: "upgrade/id", component: "upgrade/component",
    challenge: api.upgradeChallenge, send: api.upgrade, done: () => app.go("upgrade/done", { replace: true }),
  }),
};
