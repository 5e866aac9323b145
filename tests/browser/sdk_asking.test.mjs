// How the SDK looks where the browser may ask its question, and what it says where it cannot know.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Ankong, AnkongError } from "../../agent/web/sdk/ankong.js";
import { explain, languageFor } from "../../agent/web/sdk/explain.js";
import * as published from "../../agent/web/sdk/index.js";
import { WORDS } from "../../agent/web/sdk/words.js";
import { world } from "./sdk_world.mjs";

test("an asked look is by socket first, at all ports, and needs no fetch to find the agent", async () => {
  const { agent, state } = world({ permission: "prompt" });
  state.permission = "prompt";
  await agent.check();
  assert.deepEqual([state.sockets.length, state.fetches.length], [0, 0]);
  const asked = agent.check({ ask: true });
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(state.sockets.map(({ url }) => url).sort(), ["wss://localhost:1/v1/socket", "wss://localhost:2/v1/socket"]);
  state.permission = "granted"; // the person's answer
  assert.equal((await asked).state, "running");
  assert.deepEqual(state.fetches, []);
});

test("a browser that says it would ask and never does is looked at silently from then on", async () => {
  const { agent, state } = world({ permission: "prompt" });
  await agent.check({ ask: true });
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(state.stored.has("ankong.unguarded"));
});

test("nobody is asked twice: a socket that waited long is not followed by a fetch", async (context) => {
  const { agent, state, environment } = world({ permission: "prompt", running: false });
  context.mock.timers.enable({ apis: ["Date"] });
  const Socket = environment.WebSocket;
  environment.WebSocket = class extends Socket {
    constructor(...options) {
      super(...options);
      setTimeout(() => context.mock.timers.tick(5_000));
    }
  };
  const late = new agent.constructor({ ports: [1, 2], pingPort: 3, environment });
  assert.equal((await late.check({ ask: true })).reason, "permission_prompt");
  assert.deepEqual(state.fetches, []);
});

test("a denied question is not asked again by a fetch", async () => {
  const { agent, state } = world({ permission: "prompt", running: false });
  const asked = agent.check({ ask: true });
  await new Promise((resolve) => setTimeout(resolve));
  state.permission = "denied";
  assert.deepEqual([(await asked).reason, state.fetches.length], ["permission_denied", 0]);
});

test("a socket that fails is followed by a fetch, which says more", async () => {
  const { agent, state } = world({ permission: "prompt", running: false, ping: { product: "ankong", version: "0.1.0" } });
  assert.equal((await agent.check({ ask: true })).reason, "certificate_not_trusted");
  assert.ok(state.fetches.length > 0);
});

test("under a worker, unasked and unheard, nobody is called missing", async () => {
  const { agent } = world({ permission: "prompt", controlled: true, running: false });
  const { reason, needsClick } = await agent.check({ ask: true });
  assert.deepEqual([reason, needsClick], ["worker_blocked", true]);
  const free = world({ permission: "prompt", running: false });
  assert.equal((await free.agent.check({ ask: true })).reason, "not_installed");
});

test("where storage is forbidden and there is no WebCrypto, signing still works", async () => {
  const { agent, environment } = world({ answers: { sign: () => ({ result: { signature: "AA==" } }) } });
  const bare = new agent.constructor({ ports: [1, 2], pingPort: 3, environment: { ...environment, storage: null, crypto: undefined } });
  assert.equal((await bare.sign({ data: "x" })).signature, "AA==");
  await assert.rejects(bare.prove(), ({ code }) => code === "installation_unproven");
});

test("a storage that breaks when it is read costs a guess, and nothing else", async () => {
  const { agent, environment } = world({ answers: { sign: () => ({ result: { signature: "AA==" } }) } });
  const broken = () => { throw new DOMException("the file is corrupted", "NS_ERROR_FILE_CORRUPTED"); };
  const bare = new agent.constructor({ ports: [1, 2], pingPort: 3, environment: { ...environment, storage: { getItem: broken, setItem: broken } } });
  assert.equal((await bare.sign({ data: "x" })).signature, "AA==");
});

test("an agent that quits between connect and authenticate is reported as lost or gone, never as a login", async () => {
  const { agent, state } = world({ answers: { connect: () => ({ result: { allowed: true } }) } });
  await agent.connect();
  const login = agent.authenticate({ challenge: new Uint8Array(32) });
  setTimeout(() => state.sockets.at(-1).close({ code: 1006 }), 5);
  await assert.rejects(login, ({ code, retriable }) => code === "connection_lost" && retriable);
  state.running = false;
  await assert.rejects(agent.authenticate({ challenge: new Uint8Array(32) }), ({ code, reason }) => code === "not_running" && reason === "not_started");
});

test("a challenge that is none is refused before anything is sent", async () => {
  const { agent, state } = world();
  const text = "A".repeat(43);
  const bad = [new Uint8Array(31), new Uint8Array(65), `${text}=`, `${text.slice(1)}+`, `${text.slice(1)}/`, "A".repeat(42), "A".repeat(87), "", null, undefined, {}, 43, new ArrayBuffer(32)];
  for (const challenge of bad) {
    await assert.rejects(agent.authenticate({ challenge }), (error) => error instanceof AnkongError && error.code === "bad_request" && !error.retriable);
  }
  assert.deepEqual([state.sockets, state.fetches], [[], []]);
});

test("there is one shared agent, and its options come first", () => {
  globalThis.ANKONG_PORTS = { ports: [4], pingPort: 5 };
  globalThis.location = { hostname: "portal.example" };
  const agent = Ankong.shared({ pinInstallation: true });
  assert.deepEqual([agent.ports, agent.pinInstallation], [[28443, 28444, 28445], true], "only on this computer");
  assert.equal(Ankong.shared(), agent);
  assert.throws(() => Ankong.shared({ pinInstallation: false }), TypeError);
});

test("a test on this computer may name the ports of its agent", async () => {
  globalThis.ANKONG_PORTS = { ports: [4], pingPort: 5 };
  globalThis.location = { hostname: "localhost" };
  const fresh = await import("../../agent/web/sdk/ankong.js?fresh");
  const agent = fresh.Ankong.shared();
  assert.deepEqual([agent.ports, agent.pingPort], [[4], 5]);
});

test("every code and reason is explained in every language, and what is unknown too", () => {
  const reasons = ["not_installed", "not_started", "unreachable", "permission_prompt", "permission_denied", "blocked_by_page",
    "frame_not_allowed", "worker_blocked", "certificate_not_trusted", "port_taken", "too_old"];
  for (const language of Object.keys(WORDS)) {
    const said = new Set();
    for (const reason of reasons) {
      const { text, steps } = explain(reason, language);
      assert.ok(text && steps.length > 0 && steps.every(Boolean), `${language} ${reason}`);
      said.add(text);
    }
    assert.equal(said.size, reasons.length, language);
    assert.notEqual(explain("pin_locked", language).text, explain("no_such_code", language).text);
    for (const code of ["no_such_code", "constructor", "__proto__", ""]) {
      assert.deepEqual(explain(code, language), { text: WORDS[language].kit.unknown, retriable: false, steps: [] });
    }
  }
  assert.deepEqual([explain("busy", "en").retriable, explain("pin_locked", "en").retriable], [true, false]);
  assert.deepEqual([explain("not_started", "en").retriable, explain("frame_not_allowed", "en").retriable], [true, false]);
});

test("a language is found for every tag", () => {
  for (const [tag, language] of [["zh-TW", "zh-Hant"], ["ZH", "zh-Hant"], ["vi-VN", "vi"], ["in", "id"], ["id-ID", "id"], ["en-GB", "en"], ["ja", "en"], ["zhx", "en"], ["video", "en"]]) {
    assert.equal(languageFor(tag), language, tag);
  }
});

test("the package's name gives everything of the module, and the words", async () => {
  const names = Object.keys(await import("../../agent/web/sdk/ankong.js"));
  assert.deepEqual(Object.keys(published).sort(), [...names, "explain"].sort());
});
