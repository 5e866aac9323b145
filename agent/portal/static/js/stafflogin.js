/** The staff's door: the card signs, and the agent's own window asks for its PIN. */

import { Ankong } from "/sdk/ankong.js";
import { explain, PortalError } from "./api.js";
import { usable } from "./cardview.js";
import { help } from "./chip.js";
import { fill, h } from "./dom.js";
import { speak } from "./texts.js";
import { rememberCard } from "./staffcard.js";

/** @typedef {"checking"|"not_running"|"refused"|"asking"|"no_card"|"ready"|"working"} View */

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);
const place = /** @type {HTMLElement} */ (byId("staff-login"));
const go = /** @type {HTMLButtonElement} */ (byId("login-go"));
const agent = new Ankong({ ports: (place.dataset.ports ?? "").split(",").map(Number), pingPort: Number(place.dataset.ping) });
let isBusy = false;
let isAsking = false;
let goesOn = false; // with the one card there is, once the page may use it
let chosen = "";

speak(document.documentElement.lang);

/** @param {string} path @param {object} body @returns {Promise<any>} */
async function post(path, body) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, { ...options, credentials: "same-origin", cache: "no-store" }).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (response?.ok && answer) return answer;
  throw new PortalError(answer?.error?.code ?? "network", answer?.error?.message);
}

/** @returns {View} */
function view() {
  const { state, allowed, service } = agent.snapshot;
  if (isBusy) return "working";
  if (state !== "running") return state;
  if (isAsking) return "asking";
  if (!allowed) return "refused";
  if (service === null) return "checking";
  return usable(agent.snapshot).length > 0 ? "ready" : "no_card";
}

function draw() {
  const now = view();
  for (const line of place.querySelectorAll("[data-view]")) {
    /** @type {HTMLElement} */ (line).hidden = line.getAttribute("data-view") !== now;
  }
  place.dataset.now = now;
  go.disabled = now !== "ready" && now !== "refused";
  go.setAttribute("aria-busy", String(isBusy));
  const stopped = now === "not_running" || agent.snapshot.needsClick;
  fill(byId("login-help"), ...(stopped ? help(agent.snapshot, () => void agent.check({ ask: true })) : []));
  const cards = now === "ready" ? usable(agent.snapshot) : [];
  drawReaders(cards);
  if (goesOn && cards.length === 1) void logIn();
}

/** @param {import("/sdk/ankong.js").Reader[]} readers */
function drawReaders(readers) {
  const box = byId("login-readers");
  box.hidden = readers.length < 2;
  if (!readers.some(({ name }) => name === chosen)) chosen = readers[0]?.name ?? "";
  const now = readers.map(({ name, card }) => `${name}\n${card?.serial ?? ""}`).join("\n");
  if (box.dataset.shown === now) return;
  box.dataset.shown = now;
  for (const label of box.querySelectorAll("label")) label.remove();
  box.append(...readers.map(({ name, card }) => h("label", {},
    h("input", { type: "radio", name: "reader", value: name, checked: name === chosen, onchange: () => (chosen = name) }),
    h("span", {}, name, card?.serial ? h("small", {}, ` ${card.serial}`) : null))));
}

/** @param {unknown} error */
const say = (error) => fill(byId("login-message"), error === null ? null
  : h("div", { class: "notice error" }, h("div", {}, h("p", {}, explain(error)))));

async function allow() {
  isAsking = true;
  draw();
  goesOn = await agent.connect().then(() => true, (error) => (say(error), false));
  isAsking = false;
}

/** The agent knows a card's serial number once it has read it. @param {string} name */
async function rememberCardIn(name) {
  const { readers } = await agent.readers().catch(() => ({ readers: [] }));
  const serial = readers.find((each) => each.name === name)?.card?.serial;
  if (serial) rememberCard(serial);
}

async function logIn() {
  const reader = usable(agent.snapshot).find(({ name }) => name === chosen);
  if (!reader) return;
  [isBusy, goesOn] = [true, false];
  draw();
  try {
    const { challenge_id, challenge } = await post("/staff/login/challenge", {});
    const { token } = await agent.authenticate({ challenge, purpose: "login", reader: reader.name });
    await post("/staff/login", { challenge_id, token });
    await rememberCardIn(reader.name);
    location.replace(place.dataset.after ?? "/staff");
  } catch (error) {
    say(error);
    isBusy = false;
    draw();
  }
}

go.addEventListener("click", async () => {
  say(null);
  if (agent.snapshot.allowed) return void logIn();
  await allow();
  draw();
});
agent.watch(draw);
