/** The demonstration's mailbox looks again by itself, as long as somebody sees it. */

import { keepLooking } from "./polling.js";

/** @param {Document} page */
const messagesOf = (page) => /** @type {HTMLElement} */ (page.getElementById("messages"));

async function lookAgain() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const [shown, now] = [messagesOf(document), messagesOf(page)];
  if (!now || shown.innerHTML === now.innerHTML) return;
  const isNew = Number(now.dataset["newest"]) > Number(shown.dataset["newest"]);
  shown.replaceWith(now);
  if (!isNew) return;
  now.querySelector(".message")?.classList.add("new");
  const said = /** @type {HTMLElement} */ (document.getElementById("arrived"));
  said.textContent = said.textContent ? "" : said.dataset["text"] ?? "";
  if (!said.textContent) setTimeout(() => { said.textContent = said.dataset["text"] ?? ""; }, 100);
}

keepLooking(lookAgain);
