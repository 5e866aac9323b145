/** The installers of step 4: the visitor's system first, each with what to do and how to check it. */

import * as api from "./api.js";
import { fill, h, icon } from "./dom.js";
import { list, t } from "./i18n.js";

/** @typedef {"windows"|"macos"|"linux"} System */
/** @typedef {{system: System, kind: string, name: string, url: string, size: number, sha256: string}} Download */

const SYSTEMS = /** @type {const} */ (["windows", "macos", "linux"]);
const NAMES = { windows: "Windows", macos: "Mac", linux: "Linux" };
/** The best one first; what is not here has no words of its own. */
const KINDS = ["exe", "msi", "pkg", "dmg", "deb", "rpm", "run"];

/** Which system this browser runs on, as far as it says. @returns {System} */
function ownSystem() {
  const agent = `${/** @type {any} */ (navigator).userAgentData?.platform ?? ""} ${navigator.userAgent}`;
  if (/Mac/.test(agent)) return "macos";
  return /Linux|X11/.test(agent) && !/Android/.test(agent) ? "linux" : "windows";
}

/** Text whose parts between backticks are typed into a computer. @param {string} text */
const typed = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));

/** @param {string} label @param {string} done @param {string} text */
function copyButton(label, done, text) {
  const button = h("button", { type: "button", class: "button small" }, label);
  button.onclick = async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = done;
    setTimeout(() => (button.textContent = label), 2_000);
  };
  return button;
}

/** @param {Download} file */
function check(file) {
  return h("div", { class: "digest" },
    h("p", {}, h("b", {}, t("component.sha256"))), h("code", { class: "digest-value" }, file.sha256),
    h("div", { class: "digest-how" },
      h("span", {}, ...typed(t(`component.check.${file.system}`, { file: file.name }))),
      copyButton(t("component.copy"), t("component.copied"), file.sha256)));
}

/** @param {Download} file @param {boolean} own */
function item(file, own) {
  const kind = KINDS.includes(file.kind) ? file.kind : "other";
  const steps = list(`component.kinds.${kind}.steps`).map((step) => step.replaceAll("{file}", file.name));
  return h("li", { class: `download${own ? " own" : ""}`, "data-kind": file.kind },
    h("div", { class: "download-top" },
      h("div", {}, h("h4", {}, t(`component.kinds.${kind}.for`, { system: NAMES[file.system] })),
        h("p", { class: "download-name" }, file.name, " · ", t("component.size", { size: (file.size / 1e6).toFixed(1) }))),
      h("a", { class: `button${own ? " primary" : ""}`, href: file.url, download: file.name, "aria-label": t("component.downloadFile", { file: file.name }) },
        icon("download"), t("component.get"))),
    h("details", { open: own }, h("summary", {}, t("component.howTo")),
      h("ol", {}, steps.map((step) => h("li", {}, ...typed(step)))), check(file)));
}

/** @param {Download[]} files @param {boolean} own */
const items = (files, own) => h("ul", { class: "downloads" }, files.map((file) => item(file, own)));

/** @param {Download[]} files of one system */
const sorted = (files) => [...files].sort((one, other) => order(one) - order(other));
const order = (/** @type {Download} */ file) => (KINDS.indexOf(file.kind) + 1 || 99);

const MAKE = "make installers";
const FROM_SOURCE = "make setup && .venv/bin/ankong tray";

/** What whoever runs this site from a checkout can do about missing installers. */
const howToMake = () => [
  h("p", { class: "hint" }, t("component.noneMake"), " ", h("code", {}, MAKE)),
  h("p", { class: "hint" }, t("component.noneHow"), " ", h("code", {}, FROM_SOURCE)),
];

/** @param {System} own @param {Download[]} files */
function drawn(own, files) {
  const mine = sorted(files.filter((file) => file.system === own));
  const others = SYSTEMS.filter((system) => system !== own);
  return [
    h("h3", {}, NAMES[own], h("span", { class: "tag" }, t("component.yours"))),
    mine.length > 0 ? items(mine, true)
      : [h("p", { class: "hint" }, t("component.none", { system: NAMES[own] })), ...howToMake()],
    others.some((system) => files.some((file) => file.system === system)) && h("h3", {}, t("component.other")),
    items(others.flatMap((system) => sorted(files.filter((file) => file.system === system))), false),
  ];
}

/** Show them, when the site has told them. @param {Element} place */
export async function drawDownloads(place) {
  try {
    /** @type {Download[]} */
    const files = (await api.downloads()).downloads;
    if (files.length > 0) fill(place, ...drawn(ownSystem(), files));
    else fill(place, h("p", { class: "downloads" }, t("component.noneAtAll")),
      ...howToMake());
  } catch {
    fill(place, h("p", { class: "hint" }, t("component.unknown")));
  }
}
