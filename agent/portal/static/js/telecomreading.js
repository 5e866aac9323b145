/** The phone's page while the operator's answer is read: it goes on by itself once that is done. */

import { keepLooking } from "./polling.js";

async function look() {
  const response = await fetch(location.href, { credentials: "same-origin", cache: "no-store", headers: { Accept: "text/html" } });
  if (response.status >= 500) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (page.getElementById("phone")?.dataset["step"] !== "reading") location.reload();
}

keepLooking(look);
