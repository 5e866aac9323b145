"use strict";
// How our own pages speak to the agent: one request, lines of JSON back, the reply last.
const meta = (name) => document.querySelector(`meta[name="${name}"]`).content;
const chinese = (navigator.language || "zh").toLowerCase().startsWith("zh");
document.documentElement.lang = chinese ? "zh-Hant" : "en";
const say = (pair) => pair[chinese ? 0 : 1];
const find = (id) => document.getElementById(id);
for (const element of document.querySelectorAll("[data-en]")) {
  if (!chinese) element.textContent = element.dataset.en;
}

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
function guard(buttons) {
  clearTimeout(guarding);
  for (const button of buttons) button.disabled = true;
  guarding = setTimeout(() => {
    if (document.visibilityState === "visible") for (const button of buttons) button.disabled = false;
  }, THINKING);
}
function guardAlways(buttons) {
  const again = () => guard(buttons);
  again();
  addEventListener("focus", again);
  document.addEventListener("visibilitychange", again);
}

// Whom a citizen is asked about: the name first, and what is odd about it.
function showSite(question) {
  // In ASCII: letters that look like others must not be the first thing that is read.
  find("host").textContent = question.host || question.origin;
  find("origin").textContent = question.program
    ? say(["不是網頁，是這台電腦上的程式", "Not a web page: a program on this computer"])
    : question.origin;
  const odd = [];
  if (question.unicode) {
    const shown = `\u2068${question.unicode}\u2069`; // isolated: it may run from right to left
    odd.push(say([`這個網址含有特殊文字（「${shown}」），請確認它不是冒充的。`, `This address has special characters and would be shown as “${shown}”. Make sure that it does not imitate another site.`]));
  }
  if (question.insecure) {
    odd.push(say(["這個網站的連線沒有加密。", "The connection to this site is not encrypted."]));
  }
  find("odd").hidden = odd.length === 0;
  find("odd").textContent = odd.join(" ");
}
