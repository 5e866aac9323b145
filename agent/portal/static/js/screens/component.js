/** Steps 4 to 9: download and install the component, see it run, go on. */

import { help, reasonKey } from "../chip.js";
import { fill, h, icon } from "../dom.js";
import { drawDownloads } from "../downloads.js";
import { list, t } from "../i18n.js";
import { heading, linkButton } from "../parts.js";

/** What the installer does, and where to get it. @param {Element} downloads */
const instructions = (downloads) =>
  h("details", { class: "install", open: true },
    h("summary", {}, h("h2", {}, t("component.installTitle"))),
    downloads,
    h("p", {}, h("a", { href: `/mac?from=${location.hash.replace(/^#\/?/, "")}`, id: "mac" }, t("component.macLink"))),
    h("h3", {}, t("component.wizardTitle")),
    h("ol", { class: "wizard" }, list("component.wizard").map((item) => h("li", {}, item))));

/** Does it run, in the middle of the page, where the chip says it in the corner. @param {import("/sdk/ankong.js").Snapshot} snapshot @param {() => void} check */
function stateNotice(snapshot, check) {
  const running = snapshot.state === "running";
  const short = snapshot.reason ? t(`reasons.${reasonKey(snapshot)}.short`) : "";
  const standing = t("chip.line", { state: t(`chip.${snapshot.state}`) });
  const title = running ? t("component.already") : [standing, short].filter(Boolean).join(" · ");
  return h("div", { class: `notice ${running ? "ok" : "warning"}` }, icon(running ? "ok" : "info"),
    h("div", {}, h("p", {}, h("strong", {}, title)), running ? null : help(snapshot, check)));
}

/** The screen, wherever it leads. @param {import("./index.js").App} app @param {{next: string, back: string}} way @returns {import("./index.js").View} */
export function installComponent(app, way) {
  const downloads = h("div", { class: "download-lists", "aria-live": "polite" });
  void drawDownloads(downloads);
  const state = h("div", { class: "component-state", "aria-live": "off" }); // the chip says it
  const install = instructions(downloads);
  const next = h("button", { type: "button", class: "button primary", id: "next", disabled: true,
    "aria-describedby": "next-hint", onclick: () => app.go(way.next) }, t("next"));
  const hint = h("p", { class: "hint", id: "next-hint" }, t("component.nextHint"));
  const update = (/** @type {import("/sdk/ankong.js").Snapshot} */ snapshot) => {
    const running = snapshot.state === "running";
    if (running === next.disabled) install.open = !running;
    next.disabled = !running;
    hint.hidden = running;
    fill(state, stateNotice(snapshot, () => void app.agent.check({ ask: true })));
  };
  update(app.agent.snapshot);
  return { update, node: h("section", { class: "sheet" }, heading(t("component.title"), t("component.lead")),
    state, install, hint, h("div", { class: "actions" }, next, linkButton(`#/${way.back}`, t("back"), "button"))) };
}

/** @type {import("./index.js").Screen} */
export const component = {
  needs: "member",
  flow: true,
  watchesAgent: true,
  step: ({ agent }) => (agent.snapshot.state === "running" ? 9 : 4),
  render: (app) => installComponent(app, { next: "upgrade/id", back: "upgrade" }),
};

/** The same for a gold member who wants to log in on a new computer. @type {import("./index.js").Screen} */
export const guestComponent = {
  needs: "guest",
  watchesAgent: true,
  render: (app) => installComponent(app, { next: "login/card", back: "login/card" }),
};
