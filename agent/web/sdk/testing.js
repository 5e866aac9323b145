// @ts-nocheck  Node.js alone loads this, and its types are no part of the page kit's checks.
/** Start an agent with a virtual card for tests in Node.js, and tell it what to answer; see agent/testkit/README.md. */

import { spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const START_SECONDS = 60;
const END_SECONDS = 15;
const SIZED = /^<(text|octets|list|object) ([0-9]+)>$/;
const LARGEST = 1 << 20; // characters or octets of one dummy
const LEFT_OUT = new Set(["id", "method", "certificate", "reader", "<name>", "<more>"]);

/** The agent refused what a test wanted of it. */
export class ControlCallError extends Error {
  constructor(status, message, path) {
    super(`${status} ${message}${path ? ` at ${path}` : ""}`);
    this.name = "ControlCallError";
    this.status = status;
    this.path = path;
  }
}

/** A running agent that answers as the test says. */
export class AgentHandle {
  #url;
  #token;

  /** @param ready the agent's line of JSON */
  constructor(ready) {
    this.port = ready.port;
    this.hipkiPort = ready.hipki_port;
    this.spki = ready.control.spki;
    this.#url = ready.control.url;
    this.#token = ready.control.token;
  }

  /** Address of the native API. */
  get url() {
    return `https://localhost:${this.port}`;
  }

  /** The page kit's options `ports` and `pingPort`. */
  get ports() {
    return { ports: [this.port], pingPort: this.hipkiPort };
  }

  /** Send a request below `/v1/` to the test control, and return the JSON of the answer. */
  async call(method, path, body) {
    const headers = { Authorization: `Bearer ${this.#token}` };
    const { status, text } = await answered(plainRequest(`${this.#url}/v1/${path}`, { method, headers, agent: false }), body);
    const found = text ? JSON.parse(text) : null;
    if (status >= 400) throw new ControlCallError(status, found?.error?.message ?? "", found?.error?.path ?? "");
    return found;
  }

  async readers() {
    return (await this.call("GET", "readers")).readers;
  }

  async #reader() {
    return (await this.readers())[0];
  }

  /** What the card in the first reader says of itself, and what was done with it. */
  async card() {
    return this.call("GET", `cards/${encodeURIComponent((await this.#reader()).serial ?? "")}`);
  }

  /** Put a card into the first reader, in place of the one there: `{file}`, `{scenario}`, `{serial}` or `{order}`. */
  async insert(wanted = {}) {
    const { name, serial } = await this.#reader();
    if (serial !== null) await this.pull();
    return this.call("POST", `readers/${encodeURIComponent(name)}/insert`, wanted);
  }

  async pull() {
    return this.call("POST", `readers/${encodeURIComponent((await this.#reader()).name)}/pull`);
  }

  async hold(held = true) {
    return this.call("POST", `readers/${encodeURIComponent((await this.#reader()).name)}/hold`, { held });
  }

  /** Change the card: `{tries_left, faults}`. */
  async change(wanted) {
    return this.call("PATCH", `cards/${encodeURIComponent((await this.#reader()).serial ?? "")}`, wanted);
  }

  /** Add a rule behind those that there are; `more` is `{site, after_ms, times}`. */
  async answer(kind, answer, more = {}) {
    const { answers } = await this.call("GET", "answers");
    await this.call("PUT", "answers", [...answers, { kind, answer, ...more }]);
  }

  /** Let a site use the card, whatever other rules say. */
  async allow(site) {
    const { answers } = await this.call("GET", "answers");
    await this.call("PUT", "answers", [{ kind: "allow_site", answer: "always", site }, ...answers]);
  }

  async questions() {
    return (await this.call("GET", "questions")).questions;
  }

  async unanswered() {
    return (await this.questions()).filter(({ answer }) => answer === "unanswered");
  }

  /** What pages asked for; shapes, without any content. */
  async requests(origin) {
    return (await this.call("GET", `requests${origin === undefined ? "" : `?origin=${encodeURIComponent(origin)}`}`)).requests;
  }

  async reset() {
    await this.call("POST", "reset");
  }

  /** Send a recorded request again, with dummies in place of its content; resolves to "ok" or the error's code. */
  async replay(origin, method, shape) {
    const { serial } = await this.#reader();
    const body = filled(shape, serial === null ? "" : (await this.card()).pin);
    const headers = { Origin: origin, "Content-Type": "application/json" };
    // The key is compared, which says more than any authority could.
    const sent = tlsRequest(`${this.url}/v1/${method}`, { method: "POST", headers, agent: false, rejectUnauthorized: false });
    sent.on("socket", (socket) => socket.on("secureConnect", () => {
      const key = new X509Certificate(socket.getPeerCertificate().raw).publicKey.export({ type: "spki", format: "der" });
      if (createHash("sha256").update(key).digest("base64") !== this.spki) sent.destroy(new Error("another program's key"));
    }));
    return JSON.parse((await answered(sent, body)).text).error?.code ?? "ok";
  }
}

/** What may have had this shape; the names of a card and a reader are left out. */
export function filled(shape, typed) {
  if (Array.isArray(shape)) return shape.length > 1 ? Array(Number(SIZED.exec(shape[0])?.[2] ?? 0)).fill(filled(shape[1], typed)) : [];
  if (shape !== null && typeof shape === "object") {
    const kept = Object.entries(shape).filter(([name]) => !LEFT_OUT.has(name));
    return Object.fromEntries(kept.map(([name, value]) => [name, filled(value, typed)]));
  }
  const plain = { "<pin>": typed, "<number>": 1, "<boolean>": true, "<other>": null };
  if (typeof shape !== "string") return shape;
  if (shape in plain) return plain[shape];
  const [, kind, told] = SIZED.exec(shape) ?? [];
  const size = Math.min(Number(told), LARGEST);
  switch (kind) {
    case "text": return "x".repeat(size);
    case "octets": return Buffer.alloc(size).toString("base64");
    case "list": return [];
    case "object": return {};
    default: return shape;
  }
}

function answered(sent, body) {
  return new Promise((resolve, reject) => {
    sent.on("error", reject);
    sent.on("response", (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, text: Buffer.concat(pieces).toString("utf8") }));
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/**
 * Start `process.env.ANKONG ?? "ankong"` with an empty virtual reader, in a new folder.
 *
 * @param {{arguments?: string[]}} [options] more arguments of `ankong serve`
 * @returns {Promise<{agent: AgentHandle, stop: () => Promise<void>}>} `stop` ends it, by its process's number
 */
export async function startAnkong({ arguments: more = [] } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "ankong-"));
  const [program, ...words] = (process.env.ANKONG ?? "ankong").split(" ");
  words.push("serve", "--state-dir", join(folder, "agent"), "--port", "0", "--hipki-port", "0");
  words.push("--provider", "virtual", "--test-control", ...more);
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  child.stderr.on("data", (piece) => said.push(piece));
  const ended = new Promise((resolve) => child.once("close", resolve));
  const stop = async () => {
    const late = setTimeout(() => child.kill("SIGKILL"), END_SECONDS * 1000);
    child.kill();
    await ended;
    clearTimeout(late);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return { agent: new AgentHandle(JSON.parse(await firstLine(child))), stop };
  } catch (error) {
    if (child.pid !== undefined) await stop();
    throw new Error(`the agent did not start: ${Buffer.concat(said).toString("utf8").slice(-4000) || error.message}`);
  }
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("it says nothing")), START_SECONDS * 1000);
    const lines = createInterface({ input: child.stdout });
    const settle = (how) => (what) => {
      clearTimeout(late);
      how(what);
    };
    lines.once("line", settle(resolve));
    lines.once("close", settle(() => reject(new Error("it ended"))));
    child.once("error", settle(reject));
  });
}
