/** Talking to the agent: a cookie that no script sees, and a key that no other port gets. */

const STORED = "ankong.panel.key";
const HEADER = "X-Ankong-Panel";
/** @type {RequestInit} */
const USUAL = { cache: "no-store", credentials: "same-origin", redirect: "error" };

/** The panel has to be opened anew. */
export class Closed extends Error {}

/** The agent said no. */
export class Refused extends Error {
  /** @param {{code: string, message: string}} error */
  constructor(error) {
    super(error.message);
    this.code = error.code;
  }
}

let key = sessionStorage.getItem(STORED) ?? "";

/** Whether this page has been let in, as far as it knows. */
export const isOpen = () => key !== "";

/** @param {string} path @param {string} method @param {unknown} body @param {string} secret */
function request(path, method, body, secret) {
  /** @type {Record<string, string>} */
  const headers = { [HEADER]: secret };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return fetch(`api/${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    ...USUAL,
  });
}

/** @param {Response} response */
async function checked(response) {
  if (response.ok) return response;
  if (response.status === 401) {
    forget();
    throw new Closed();
  }
  throw new Refused((await response.json()).error);
}

/** Let this page in with a token from the tray or the command line. @param {string} token */
export async function open(token) {
  const response = await checked(await request("open", "POST", { token }, "open"));
  key = (await response.json()).key;
  sessionStorage.setItem(STORED, key);
}

function forget() {
  key = "";
  sessionStorage.removeItem(STORED);
}

/** Let nobody in with what this page has. */
export async function close() {
  await request("close", "POST", {}, key);
  forget();
}

/** Ask for something. @param {string} path @returns {Promise<any>} */
export async function get(path) {
  return (await checked(await request(path, "GET", undefined, key))).json();
}

/** Ask for a file. @param {string} path @returns {Promise<Blob>} */
export async function download(path) {
  return (await checked(await request(path, "GET", undefined, key))).blob();
}

/** Have something done. @param {string} path @param {object} body @returns {Promise<any>} */
export async function post(path, body) {
  return (await checked(await request(path, "POST", body, key))).json();
}

/** Hand a file over. @param {string} path @param {Blob} file @returns {Promise<any>} */
export async function hand(path, file) {
  const headers = { [HEADER]: key, "Content-Type": "application/octet-stream" };
  return (await checked(await fetch(`api/${path}`, { ...USUAL, method: "POST", headers, body: file }))).json();
}

/** Have something put away, also while this page goes away. @param {string} path */
export async function remove(path) {
  await checked(await fetch(`api/${path}`, { ...USUAL, method: "DELETE", headers: { [HEADER]: key }, keepalive: true }));
}

/**
 * Listen to the agent for as long as it talks.
 *
 * @param {(state: any) => void} hear told each state
 */
export async function listen(hear) {
  const response = await checked(await request("events", "GET", undefined, key));
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") hear(JSON.parse(line));
  }
}
