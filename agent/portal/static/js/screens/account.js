/** What a gold member does with the card: a new or replaced one becomes the login, and closing the account is confirmed. */

import * as api from "../api.js";
import { CardPanel } from "../cardpanel.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { heading, linkButton, notice, ofDemoCard } from "../parts.js";
import { authenticate } from "../signing.js";
import { installComponent } from "./component.js";
import { askIdNumber } from "./identity.js";
import { proveIdNumber } from "./pin.js";

/** @typedef {import("./index.js").App} App */
/** @typedef {import("./index.js").Screen} Screen */

/** @param {App} app */
const hasCard = (app) => app.member?.logins.some(({ kind }) => kind === "card") ?? false;

/** Only gold members have a card here. @param {App} app */
const unlessGold = (app) => (app.member?.grade === "gold" ? null : "upgrade");

/** @param {App} app */
const words = (app) => (hasCard(app) ? "replaceCard" : "addCard");

/** @type {Screen} */
export const ownCard = {
  needs: "member",
  watchesAgent: true,
  instead: unlessGold,
  render: (app) => askIdNumber(app, {
    lead: t(`member.${words(app)}.lead`), challenge: api.cardChallenge, next: "account/card/pin", back: "member",
  }),
};

/** @type {Screen} */
export const ownCardPin = {
  needs: "member",
  watchesAgent: true,
  instead: (app) => unlessGold(app) ?? (app.draft.get("idNumber") ? null : "account/card"),
  render: (app) => proveIdNumber(app, {
    lead: t("pin.lead"), submit: t("member.cardSubmit"), identity: "account/card", component: "account/component",
    challenge: api.cardChallenge, send: api.setCard,
    done: () => app.go("member", { replace: true, message: () => t("member.cardDone") }),
  }),
};

/** @type {Screen} */
export const ownComponent = {
  needs: "member",
  watchesAgent: true,
  instead: unlessGold,
  render: (app) => installComponent(app, { next: "account/card", back: "member" }),
};

/** @type {Screen} */
export const closeByCard = {
  needs: "member",
  watchesAgent: true,
  instead: (app) => (app.member?.closing || !hasCard(app) ? "member" : null),
  render(app) {
    const panel = new CardPanel({
      agent: app.agent,
      last4: null,
      component: "#/account/component",
      submit: t("member.closeByCard.submit"),
      async sign(use) {
        const challenge = await api.closeChallenge();
        const token = await authenticate(app.agent, challenge, use, "identify");
        use.onSigned();
        const { member } = await api.closeAccount(challenge.challenge_id, token);
        app.setMember(member);
        app.go("member", { replace: true });
      },
    });
    panel.arrive();
    return {
      node: h("section", { class: "sheet" }, heading(t("member.closeByCard.title"), t("member.closeByCard.lead")), ofDemoCard(app.demoCard, "pin"),
        notice("warning", h("p", {}, t("member.closeByCard.warning"))), panel.node,
        linkButton("/account/close", t("back"), "back")),
      update: (snapshot) => panel.update(snapshot),
      leave: () => panel.leave(),
      settled: () => panel.settled,
    };
  },
};
