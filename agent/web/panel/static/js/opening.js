/** The panel's first steps, taken while its other scripts are on their way: it lets itself in, and asks how things stand. */

import { get, isOpen, open } from "./api.js";

/** The basket that this page was opened for, until it was taken. */
export const brought = { basket: "" };
const ENTRANCE = "/enter"; // where other origins may lead a window, and the panel's own address is not

/** Take a token out of the address at once: it stays in no history and under no one's eyes. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1));
  // Who is led here brings a key, or is told that the panel is closed: even in a tab where it is open.
  const token = given.get("token") ?? (location.pathname.endsWith(ENTRANCE) ? "none" : null);
  if (token !== null) brought.basket = given.get("basket") ?? "";
  const view = given.get("view"); // of the documents of a question
  if (token !== null) window.history.replaceState(null, "", `./#/${view === null ? given.get("page") ?? "state" : `look/${view}`}`);
  return token;
}

async function letIn() {
  const token = takeToken();
  if (token !== null) await open(token);
  return isOpen();
}

/** Whether the panel is open; fails when a key was brought that does not open it. */
export const opened = letIn();

/** The first state; undefined while the panel is closed. @type {Promise<import("./picture.js").State|undefined>} */
export const firstState = opened.then((isIn) => isIn ? get("state") : undefined);

firstState.catch(() => undefined); // it is said as soon as there is a script that says it
