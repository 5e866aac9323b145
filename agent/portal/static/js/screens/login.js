/** Step 1: register, or log in, with a code to the mobile phone or by e-mail. */

import * as api from "../api.js";
import { h, icon, once } from "../dom.js";
import { t } from "../i18n.js";
import { field, heading, notice } from "../parts.js";

/** @typedef {import("./index.js").App} App */

const MOBILE = /^(?:\+?886|0)9\d{8}$/;
const EMAIL = /^[^\s@]{1,64}@[^\s@]+\.[^\s@]+$/;

/** @param {string} text */
function normalise(text) {
  const contact = text.normalize("NFKC").trim();
  return EMAIL.test(contact) ? contact : contact.replace(/[\s().-]/g, "");
}

/** @param {App} app @param {string} contact */
async function requestCode(app, contact) {
  const { demo_code: demoCode } = await api.requestOtp(contact);
  app.draft.set("contact", contact);
  app.draft.set("demoCode", demoCode ?? ""); // Only a demo tells it here.
}

const cardWay = () =>
  h("section", { class: "other-ways" },
    h("h2", {}, t("login.or")),
    h("a", { class: "way-link", href: "#/login/card", id: "card-login" },
      icon("card", "icon boxed"), h("span", {}, h("strong", {}, t("login.card")), h("span", { class: "hint" }, t("login.cardNote"))),
      icon("chevron")),
    h("p", { class: "hint" }, t("login.forgotten"), " ", h("a", { href: "/ways/counter" }, t("method.ways.counter.choose"))),
    h("p", { class: "hint", id: "app-entrance" }, t("login.app")));

/** @type {import("./index.js").Screen} */
export const login = {
  needs: "guest",
  step: () => 1,
  render(app) {
    const contact = field({ id: "contact", label: t("login.contact"), hint: t("login.contactHint"), type: "text",
      autocomplete: "username", autocapitalize: "off", spellcheck: "false", maxlength: 254, value: app.draft.get("contact") });
    const send = h("button", { class: "button primary", id: "send-code" }, t("login.send"));
    const submit = async () => {
      const value = normalise(contact.input.value);
      if (!MOBILE.test(value) && !EMAIL.test(value)) {
        contact.complain(() => t("login.contactInvalid"));
        return contact.input.focus();
      }
      try {
        await requestCode(app, value);
        app.go("login/code");
      } catch (error) {
        contact.complain(() => api.explain(error));
      }
    };
    return { node: h("section", { class: "sheet" }, heading(t("login.title"), t("login.lead")),
      h("form", { novalidate: true, onsubmit: once(send, submit) }, contact.node, h("div", { class: "actions" }, send)), cardWay()) };
  },
};

/** @param {App} app @param {string} contact @param {ReturnType<typeof field>} entry */
async function confirm(app, contact, entry) {
  const value = entry.input.value.normalize("NFKC").replace(/\s/g, "");
  if (!/^\d{6}$/.test(value)) {
    entry.complain(() => t("login.codeInvalid"));
    return entry.input.focus();
  }
  try {
    const { member, created } = await api.confirmOtp(contact, value);
    const after = app.draft.get("after");
    app.draft.clear();
    app.setMember(member);
    app.go(after || "member", { replace: true, message: () => t(created ? "login.created" : "login.welcome") });
  } catch (error) {
    entry.complain(() => api.explain(error));
    entry.input.select();
  }
}

/** @type {import("./index.js").Screen} */
export const code = {
  needs: "guest",
  step: () => 1,
  instead: (app) => (app.draft.get("contact") ? null : "login"),
  render(app) {
    const contact = app.draft.get("contact");
    const entry = field({ id: "code", label: t("login.code"), type: "text", inputmode: "numeric",
      autocomplete: "one-time-code", maxlength: 12, class: "wide-letters" });
    const submit = h("button", { class: "button primary", id: "confirm-code" }, t("login.confirm"));
    const again = h("button", { type: "button", class: "button quiet" }, t("login.again"));
    const demo = h("code", { class: "demo-code", id: "demo-code" }, app.draft.get("demoCode"));
    again.onclick = once(again, async () => {
      try {
        await requestCode(app, contact);
        demo.textContent = app.draft.get("demoCode");
        entry.complain(null);
      } catch (error) {
        entry.complain(() => api.explain(error));
      }
    });
    return { node: h("section", { class: "sheet" }, heading(t("login.codeTitle"), t("login.sentTo", { contact })),
      app.draft.get("demoCode") ? notice("info", h("p", {}, t("login.demoCode"), " ", demo)) : null,
      h("form", { novalidate: true, onsubmit: once(submit, () => confirm(app, contact, entry)) },
        entry.node, h("div", { class: "actions" }, submit, again, h("a", { href: "#/login" }, t("login.otherContact"))))) };
  },
};
