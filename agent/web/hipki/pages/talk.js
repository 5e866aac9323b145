"use strict";
// How our own pages speak to the agent: one request, lines of JSON back, the reply last.
const meta = (name) => document.querySelector(`meta[name="${name}"]`).content;
const find = (id) => document.getElementById(id);

const texts = JSON.parse(meta("texts"));
const locale = meta("locale");
// The text of a key, its placeholders filled in; one with a count in the form for that.
function say(key, values = {}) {
  let text = key.split(".").reduce((table, part) => table?.[part], texts);
  if (text?.plural) text = text.plural[formOf(text.rule, values.count)];
  if (typeof text !== "string") throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}
const formOf = (rule, count) => Number(rule[Math.min(count < 200 ? count : 100 + count % 100, rule.length - 1)]);

// What pages of the old protocol are told of an error that only we have met.
const refusals = JSON.parse(meta("refusals"));

async function send(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: meta("token"), ...body }),
    cache: "no-store",
  });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

async function converse(body, onState) {
  const response = await send("/popup/request", body);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("no reply");
    text += decoder.decode(value, { stream: true });
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) {
      const state = JSON.parse(line);
      if (typeof state.reply === "string") return state.reply;
      onState(state);
    }
  }
}

// A yes counts only after it could be read: not from a double click meant for something else.
const THINKING = 700;
let guarding = 0;
let held = null; // the button that had the focus when it was put to sleep
function guard(buttons) {
  clearTimeout(guarding);
  if (buttons.includes(document.activeElement)) held = document.activeElement;
  for (const button of buttons) button.disabled = true;
  guarding = setTimeout(() => {
    if (document.visibilityState !== "visible") return;
    for (const button of buttons) button.disabled = false;
    if (document.activeElement === document.body && held?.isConnected) held.focus(); // one that is off loses the focus
    held = null;
  }, THINKING);
}
function guardAlways(buttons) {
  const again = () => guard(buttons);
  again();
  addEventListener("focus", again);
  document.addEventListener("visibilitychange", again);
}

// Escape is the way out that every question has; like any key it counts only once the question could be read.
function cancelByKey(button) {
  if (button?.checkVisibility()) button.click(); // a disabled one does nothing
}

// Whom a citizen is asked about: the name first, and what is odd about it.
function showSite(question) {
  // The domain stands out: what is before it, its owner calls as they like.
  const domain = document.createElement("span");
  domain.className = "domain";
  domain.textContent = question.domain;
  find("host").replaceChildren(question.beforeDomain, domain);
  find("owner").textContent = question.beforeDomain && say("common.domain", { domain: question.domain });
  find("origin").textContent = question.program
    ? say("common.program")
    : question.origin;
  const odd = [];
  if (question.unicode) {
    const shown = `\u2068${question.unicode}\u2069`; // isolated: it may run from right to left
    odd.push(say("common.punycode", { readable: shown }));
  }
  if (question.insecure) {
    odd.push(say("common.not_encrypted"));
  }
  find("odd").hidden = odd.length === 0;
  find("odd").textContent = odd.join(" ");
}
