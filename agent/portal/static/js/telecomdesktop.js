/** The page with the code: it looks how far the phone has come, and opens the phone's page in a small window. */

import { keepLooking } from "./polling.js";

const PHONE_WINDOW = "popup,width=400,height=820";

const progress = /** @type {HTMLElement} */ (document.getElementById("telecom"));

async function lookAtPhone() {
  const response = await fetch("/api/telecom", { credentials: "same-origin", cache: "no-store" });
  if (response.status === 401) return location.reload();
  if (!response.ok) return;
  /** @type {{state: string, outcome: string|null}} */
  const { state, outcome } = await response.json();
  if (state !== progress.dataset["state"] || (outcome ?? "") !== progress.dataset["outcome"]) location.reload();
}

document.getElementById("open-phone")?.addEventListener("click", (event) => {
  const { href } = /** @type {HTMLAnchorElement} */ (event.currentTarget);
  if (window.open(href, "phone", PHONE_WINDOW)) event.preventDefault(); // else it opens as a link does
});
document.addEventListener("visibilitychange", () => void lookAtPhone().catch(() => undefined));
keepLooking(lookAtPhone);
