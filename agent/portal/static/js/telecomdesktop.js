/** The page with the code: it looks how far the phone has come, and opens the phone's page in a small window. */

const EVERY_MS = 2000;
const WINDOW = "popup,width=400,height=820";

const place = /** @type {HTMLElement} */ (document.getElementById("telecom"));

async function look() {
  const response = await fetch("/api/telecom", { credentials: "same-origin", cache: "no-store" });
  if (response.status === 401) return location.reload();
  if (!response.ok) return;
  /** @type {{state: string, outcome: string|null}} */
  const { state, outcome } = await response.json();
  if (state !== place.dataset["state"] || (outcome ?? "") !== place.dataset["outcome"]) location.reload();
}

/** Look, then wait, so that a slow server is never asked twice at once. */
async function goOn() {
  if (document.visibilityState === "visible") await look().catch(() => undefined); // the next time may do better
  setTimeout(goOn, EVERY_MS);
}

document.getElementById("open-phone")?.addEventListener("click", (event) => {
  const { href } = /** @type {HTMLAnchorElement} */ (event.currentTarget);
  if (window.open(href, "phone", WINDOW)) event.preventDefault(); // else it opens as a link does
});
document.addEventListener("visibilitychange", () => void look().catch(() => undefined));
setTimeout(goOn, EVERY_MS);
