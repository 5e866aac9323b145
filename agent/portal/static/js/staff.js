/** On every page of the staff: a pulled card logs out at once, idleness with a warning, and printing. */

import { Ankong } from "/sdk/ankong.js";
import { forgetCard, missing, rememberedCard } from "./staffcard.js";

const WARNING = 60_000; // before the session ends
const ABSENT = 3_000; // for which a card is missing before that counts, where it was not seen on this page

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const watch = byId("watch");

/** @param {string} why */
function logOut(why) {
  const form = /** @type {HTMLFormElement} */ (byId("logout-form"));
  /** @type {HTMLInputElement} */ (form.elements.namedItem("why")).value = why;
  forgetCard();
  form.submit();
}

byId("logout-form").addEventListener("submit", forgetCard);

/** Log out as soon as the card of the login is gone, where the agent can tell. */
function watchCard() {
  const serial = rememberedCard();
  if (serial === null) return;
  const agent = new Ankong({ ports: (watch.dataset.ports ?? "").split(",").map(Number), pingPort: Number(watch.dataset.ping) });
  let wasSeen = false;
  let since = 0;
  const look = () => {
    const is = missing(agent.snapshot, serial);
    if (is === null) return void (since = 0);
    if (!is) return void ([wasSeen, since] = [true, 0]);
    since ||= Date.now();
    if (wasSeen || Date.now() - since >= ABSENT) logOut("card");
    else setTimeout(look, ABSENT);
  };
  agent.watch(look);
}

/** Warn a minute before the session ends, and show then that it has ended. */
function watchIdleness() {
  const warning = byId("idle-warning");
  const idle = Number(watch.dataset.idle) * 1000;
  let timers = [0];
  const begin = () => {
    timers.forEach(clearTimeout);
    warning.hidden = true;
    timers = [setTimeout(warn, idle - WARNING), setTimeout(end, idle + 1_000)];
  };
  const warn = () => {
    warning.hidden = false;
    byId("idle-stay").focus();
  };
  const end = () => location.assign(`/staff/login?ended=1&next=${encodeURIComponent(location.pathname)}`);
  const stay = async () => {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("/staff/stay", { method: "POST", headers, body: "{}", credentials: "same-origin" }).catch(() => null);
    if (answer?.redirected) return end();
    if (answer?.ok) begin();
  };
  byId("idle-stay").addEventListener("click", () => void stay());
  document.addEventListener("staff-active", begin); // A page has asked the server for something.
  begin();
}

for (const button of document.querySelectorAll("[data-print]")) {
  /** @type {HTMLElement} */ (button).hidden = false;
  button.addEventListener("click", () => print());
}
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.hasAttribute("data-sent")) event.preventDefault(); // A double click.
    form.setAttribute("data-sent", "");
  });
}
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => form.removeAttribute("data-sent")));

/** Browsers know access keys by different modifiers, and some keep Alt and a digit for themselves. */
addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !/^[0-9]$/.test(event.key)) return;
  const found = document.querySelector(`[accesskey="${event.key}"]`);
  if (!(found instanceof HTMLElement)) return;
  event.preventDefault();
  found.click();
});

watchCard();
watchIdleness();
