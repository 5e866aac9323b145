"use strict";
{
  // Waits until this browser trusts the agent's certificate, and only then goes on to the panel.
  const STORED = "ankong.first";
  const AGAIN = 1000; // milliseconds between two looks
  const PATIENCE = 4000; // milliseconds for one answer
  const sections = document.querySelectorAll("main > section");
  const untrusted = document.querySelector("main").classList.contains("left") ? "left" : "restart";

  const show = (name) => {
    for (const each of sections) each.hidden = each.id !== name;
  };

  const browserName = () => {
    const brands = ["Microsoft Edge", "Google Chrome", "Brave", "Opera", "Vivaldi"];
    const named = navigator.userAgentData?.brands.find(({ brand }) => brands.includes(brand));
    if (named) return named.brand;
    const { userAgent } = navigator;
    for (const [mark, name] of [["Edg/", "Microsoft Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chromium"], ["Safari/", "Safari"]]) {
      if (userAgent.includes(mark)) return name;
    }
    return "";
  };
  const name = browserName();
  if (name) for (const each of document.querySelectorAll(".browser")) each.textContent = name;

  const stored = {
    get() {
      try {
        return JSON.parse(sessionStorage.getItem(STORED) ?? "null");
      } catch {
        return null;
      }
    },
    set(opening) {
      try {
        if (opening === null) sessionStorage.removeItem(STORED);
        else sessionStorage.setItem(STORED, JSON.stringify(opening));
      } catch {
        // Storage is forbidden: only a tab that is restored later knows less.
      }
    },
  };

  const ask = (path, options) => fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(PATIENCE), ...options });

  // The ticket leaves the address at once, and is handed in at once: after that it is worth nothing to others.
  const takeTicket = async () => {
    const given = new URLSearchParams(location.hash.slice(1));
    const [claim, half, page, basket] = ["claim", "half", "page", "basket"].map((key) => given.get(key) ?? "");
    if (location.hash) history.replaceState(null, "", location.pathname);
    if (!claim) return stored.get();
    const body = JSON.stringify({ claim });
    const response = await ask("/first/claim", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (!response.ok) return null;
    const { answer } = await response.json();
    const opening = { token: `${claim}.${half}.${answer}`, page, ...(basket && { basket }) };
    stored.set(opening);
    return opening;
  };

  let ticket = takeTicket().catch(() => null);
  addEventListener("hashchange", () => {
    if (location.hash) ticket = takeTicket().catch(() => null);
  });

  const isTrusted = async (port) => {
    try {
      return (await ask(`https://localhost:${port}/panel/trusted`, { mode: "cors" })).ok;
    } catch {
      return false; // a refused connection and a refused certificate look the same to a page
    }
  };

  const goOn = async (port) => {
    const opening = await ticket;
    if (opening === null) {
      show("ready");
      return false;
    }
    stored.set(null);
    location.replace(`https://localhost:${port}/panel/enter#${new URLSearchParams(opening)}`);
    return true;
  };

  const look = async () => {
    let ping;
    try {
      const response = await ask("/v1/ping");
      ping = await response.json();
      if (!response.ok || ping.product !== "ankong") throw new Error("not ours");
    } catch {
      show("silent");
      return false;
    }
    if (await isTrusted(ping.tls)) return goOn(ping.tls);
    document.getElementById("late").hidden = ping.hint !== "restart_browser";
    document.getElementById("unknown").hidden = ping.hint === "restart_browser";
    show(untrusted);
    return false;
  };

  let timer = 0;
  const watch = async () => {
    clearTimeout(timer);
    if (!(await look())) timer = setTimeout(watch, AGAIN);
  };
  watch();
}
