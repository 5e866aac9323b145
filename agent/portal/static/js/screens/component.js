/** Steps 4 to 9: download and install the component, see it run, go on. */

import * as api from "../api.js";
import { help, reasonKey } from "../chip.js";
import { fill, h, icon } from "../dom.js";
import { list, t } from "../i18n.js";
import { heading, linkButton } from "../parts.js";

/** @typedef {{system: "windows"|"macos"|"linux", name: string, url: string, size: number, sha256: string}} Download */

const SYSTEMS = /** @type {const} */ (["windows", "macos", "linux"]);
const NAMES = { windows: "Windows", macos: "Mac", linux: "Linux" };

/** Which system this browser runs on, as far as it says. */
function ownSystem() {
  const agent = `${/** @type {any} */ (navigator).userAgentData?.platform ?? ""} ${navigator.userAgent}`;
  if (/Mac/.test(agent)) return "macos";
  return /Linux|X11/.test(agent) && !/Android/.test(agent) ? "linux" : "windows";
}

/** @param {string} digest */
function copyButton(digest) {
  const button = h("button", { type: "button", class: "button small" }, t("component.copy"));
  button.onclick = async () => {
    await navigator.clipboard.writeText(digest);
    button.textContent = t("component.copied");
  };
  return button;
}

/** @param {typeof SYSTEMS[number]} system @param {Download[]} files @param {boolean} own */
function systemItem(system, files, own) {
  const name = NAMES[system];
  const title = h("h4", {}, name, own ? h("span", { class: "tag" }, t("component.yours")) : null);
  const found = files.filter((file) => file.system === system);
  if (found.length === 0) return h("li", {}, title, h("p", { class: "hint" }, t("component.none", { system: name })));
  return h("li", {}, title, found.map((file) => [
    h("a", { class: `button${own ? " primary" : ""}`, href: file.url, download: file.name },
      icon("download"), t("component.download", { system: name }),
      h("small", {}, t("component.size", { size: (file.size / 1e6).toFixed(1) }))),
    h("p", { class: "digest" }, h("span", {}, t("component.sha256")), h("code", {}, file.sha256), copyButton(file.sha256)),
  ]).flat());
}

/** @param {Element} place */
async function drawDownloads(place) {
  const own = ownSystem();
  try {
    const files = (await api.downloads()).downloads;
    const ordered = [...SYSTEMS].sort((a, b) => Number(b === own) - Number(a === own));
    const bare = !files.some((/** @type {Download} */ file) => file.system === own);
    fill(place,
      files.length === 0 ? h("p", { class: "downloads" }, t("component.noneAtAll"))
        : h("ul", { class: "downloads" }, ordered.map((system) => systemItem(system, files, system === own))),
      bare ? h("p", { class: "hint" }, t("component.noneHow"), " ", h("code", {}, "python -m agent serve")) : null);
  } catch {
    fill(place, h("p", { class: "hint" }, t("component.unknown")));
  }
}

/** What the installer does, and where to get it. @param {Element} downloads @param {boolean} member */
const instructions = (downloads, member) =>
  h("details", { class: "install", open: true },
    h("summary", {}, h("h2", {}, t("component.installTitle"))),
    h("h3", {}, t("component.downloadTitle")), downloads,
    member ? h("p", {}, h("a", { href: "#/upgrade/mac" }, t("component.macLink"))) : null,
    h("h3", {}, t("component.wizardTitle")),
    h("ol", { class: "wizard" }, list("component.wizard").map((item) => h("li", {}, item))));

/** Does it run, in the middle of the page, where the chip says it in the corner. @param {import("/sdk/ankong.js").Snapshot} snapshot @param {() => void} check */
function stateNotice(snapshot, check) {
  const running = snapshot.state === "running";
  const short = snapshot.reason ? t(`reasons.${reasonKey(snapshot)}.short`) : "";
  const title = running ? t("component.already") : `${t("chip.line", { state: t(`chip.${snapshot.state}`) })} ${short}`;
  return h("div", { class: `notice ${running ? "ok" : "warning"}` }, icon(running ? "ok" : "info"),
    h("div", {}, h("p", {}, h("strong", {}, title)), running ? null : help(snapshot, check)));
}

/** @param {import("./index.js").App} app @param {{next: string, back: string}} way @returns {import("./index.js").View} */
function render(app, way) {
  const downloads = h("div", { "aria-live": "polite" });
  void drawDownloads(downloads);
  const state = h("div", { class: "component-state" });
  const install = instructions(downloads, app.member !== null);
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
  render: (app) => render(app, { next: "upgrade/id", back: "upgrade" }),
};

/** The same for a gold member who wants to log in on a new computer. @type {import("./index.js").Screen} */
export const guestComponent = {
  needs: "guest",
  watchesAgent: true,
  render: (app) => render(app, { next: "login/card", back: "login/card" }),
};
