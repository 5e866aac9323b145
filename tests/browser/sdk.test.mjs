// The SDK's logic without a browser: what it concludes, what it sends, and when it keeps still.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Ankong, AnkongError, backOff, compareVersions, diagnose, fromBase64, fromWire, isLoopbackHost, toBase64, toWire }
  from "../../agent/web/sdk/ankong.js";
import { ANKONG, READER, until, world } from "./sdk_world.mjs";

const unreachable = { kind: "unreachable" };
const foreign = { kind: "foreign" };
const timeout = { kind: "timeout" };
const beacon = { kind: "ankong", port: 61161, body: ANKONG };

test("a reason follows from what the ports showed", () => {
  const down = [unreachable, unreachable];
  const cases = [
    ["granted", down, unreachable, false, "not_installed"],
    ["granted", down, unreachable, true, "not_started"],
    ["granted", down, beacon, true, "certificate_not_trusted"],
    ["granted", down, foreign, true, "port_taken"],
    ["granted", [foreign, unreachable], unreachable, false, "port_taken"],
    ["granted", down, timeout, false, "port_taken"],
    ["prompt", down, timeout, false, "permission_prompt"],
    ["unsupported", [timeout, timeout], timeout, true, "permission_prompt"],
    ["denied", down, beacon, true, "permission_denied"],
  ];
  for (const [permission, https, ping, seen, reason] of cases) {
    assert.equal(diagnose({ permission, https, ping, seen }), reason, `${permission} ${ping.kind} ${seen}`);
  }
});

test("silence that proves nothing is not called missing", () => {
  const evidence = { permission: "granted", https: [unreachable], ping: unreachable, silenceProves: false };
  assert.equal(diagnose({ ...evidence, seen: false }), "unreachable");
  assert.equal(diagnose({ ...evidence, seen: true }), "not_started");
  assert.equal(diagnose({ ...evidence, ping: beacon, seen: false }), "certificate_not_trusted");
});

test("versions compare by number, not by letter", () => {
  assert.ok(compareVersions("0.10.0", "0.9.9") > 0);
  assert.ok(compareVersions("1.0", "1.0.1") < 0);
  assert.equal(compareVersions("1.2", "1.2.0"), 0);
});

test("looks become rarer, never rarer than one in 6.25 s, and never in step with others", () => {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    assert.ok(backOff(attempt, 1) <= 6_250 && backOff(attempt, 0) >= 750);
  }
  assert.notEqual(backOff(3, 0.1), backOff(3, 0.9));
});

test("only this computer's own names are exempt from the permission", () => {
  for (const host of ["localhost", "a.localhost", "127.0.0.1", "[::1]"]) assert.ok(isLoopbackHost(host), host);
  for (const host of ["localhost.evil.example", "127.0.0.1.example", "portal.example", "notlocalhost"]) {
    assert.ok(!isLoopbackHost(host), host);
  }
});

test("octets survive base64, and names survive the wire", () => {
  const octets = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
  assert.deepEqual(fromBase64(toBase64(octets)), octets);
  assert.equal(toBase64("測"), "5ris");
  assert.deepEqual(fromWire({ id_last4: "6789", a: [{ attempts_left: null }] }), { idLast4: "6789", a: [{ attemptsLeft: null }] });
  assert.deepEqual(toWire({ documentName: "x", pin: undefined }), { document_name: "x" });
});

test("a running agent is found, connected once, and its readers are known", async () => {
  const { agent, state } = world();
  const { snapshot, stop } = await until(agent, ({ readers }) => readers.length > 0);
  assert.equal(snapshot.state, "running");
  assert.deepEqual(snapshot.readers[0], { name: "R", state: "card", card: { generation: "gen2", serial: "S" }, attemptsLeft: 3 });
  assert.deepEqual(state.sockets.map(({ url, protocol }) => [url, protocol]), [["wss://localhost:2/v1/socket", "ankong.v1"]]);
  stop();
});

test("events change the readers and reach listeners", async () => {
  const { agent, state } = world();
  const { stop } = await until(agent, ({ readers }) => readers.length > 0);
  let heard = null;
  agent.addEventListener("card_removed", (event) => (heard = event.detail));
  state.sockets[0].push({ event: "card_removed", data: { reader: { ...READER, state: "empty", card: null, attempts_left: null } } });
  assert.equal(agent.snapshot.readers[0].state, "empty");
  assert.equal(heard.reader.attemptsLeft, null);
  state.sockets[0].push({ event: "card_inserted", data: { reader: { ...READER, attempts_left: null } } });
  agent.addEventListener("card_changed", (event) => (heard = event.detail));
  state.sockets[0].push({ event: "card_changed", data: { reader: { ...READER, attempts_left: 2 } } });
  assert.equal(agent.snapshot.readers[0].attemptsLeft, 2);
  assert.equal(heard.reader.attemptsLeft, 2);
  state.sockets[0].push({ event: "reader_removed", data: { reader: READER } });
  assert.deepEqual(agent.snapshot.readers, []);
  state.sockets[0].onmessage({ data: "{not json" });
  state.sockets[0].push({ event: "no_such_event", data: null });
  stop();
});

test("an agent that stops is noticed without asking, and again when it is back", async () => {
  const { agent, state } = world();
  const { stop } = await until(agent, ({ state: now }) => now === "running");
  state.running = false;
  state.sockets[0].close();
  const down = await until(agent, ({ state: now }) => now === "not_running");
  assert.equal(down.snapshot.reason, "not_started");
  state.running = true;
  const up = await until(agent, ({ state: now }) => now === "running");
  for (const end of [stop, down.stop, up.stop]) end();
});

test("where the browser would ask, nothing is sent before a click", async () => {
  const { agent, state } = world({ permission: "prompt" });
  const { snapshot, stop } = await until(agent, ({ state: now }) => now !== "checking");
  assert.equal(snapshot.reason, "permission_prompt");
  assert.ok(snapshot.needsClick);
  assert.deepEqual(state.fetches, []);
  await agent.check({ ask: true });
  assert.equal(agent.snapshot.state, "running");
  stop();
});

test("what an asked look found stands, and says that only a click looks again", async () => {
  const { agent, state } = world({ permission: "prompt", running: false });
  const { stop } = await until(agent, ({ needsClick }) => needsClick);
  await agent.check({ ask: true });
  assert.equal(agent.snapshot.reason, "not_installed");
  const before = state.fetches.length;
  await agent.check();
  assert.equal(agent.snapshot.reason, "not_installed");
  assert.ok(agent.snapshot.needsClick);
  assert.equal(state.fetches.length, before);
  stop();
});

test("a page of this computer itself looks without a click", async () => {
  const { agent } = world({ hostname: "localhost", permission: "prompt" });
  const { snapshot, stop } = await until(agent, ({ state: now }) => now === "running");
  assert.ok(!snapshot.needsClick);
  stop();
});

test("under a service worker the agent is found by WebSocket, whatever the worker answers", async () => {
  const { agent, state } = world({ permission: "prompt", controlled: true });
  await agent.check();
  assert.deepEqual([agent.snapshot.reason, state.sockets.length], ["permission_prompt", 0]);
  await agent.check({ ask: true });
  assert.equal(agent.snapshot.state, "running");
  assert.equal(agent.snapshot.readers[0].name, "R");
  assert.equal(state.sockets.filter(({ readyState }) => readyState === 1).length, 1);
  // That the way by WebSocket was open says nothing of the one by fetch.
  assert.equal(state.stored.has("ankong.unguarded"), false);
});

test("under a service worker nobody is called missing, and another one's answer is not the agent's", async () => {
  const { agent } = world({ running: false, controlled: true });
  await agent.check();
  assert.equal(agent.snapshot.reason, "unreachable");
  const other = world({ controlled: true, answers: { status: () => ({ result: { hello: "world" } }) } });
  await other.agent.check();
  assert.equal(other.agent.snapshot.reason, "port_taken");
  assert.ok(other.state.sockets.every(({ readyState }) => readyState === 3));
});

test("a blocked site hears so under a service worker too", async () => {
  const blocked = () => undefined; // no answer comes
  const { agent, state } = world({ controlled: true, answers: { status: blocked, connect: blocked } });
  const calling = assert.rejects(agent.connect(), ({ code }) => code === "origin_blocked");
  setTimeout(() => state.sockets.at(-1).close({ code: 1008, reason: "origin_blocked" }), 20);
  await calling;
});

test("Safari lets no https page hear the beacon: its silence proves nothing", async () => {
  for (const [options, reason] of [[{}, "unreachable"], [{ secure: false }, "not_installed"], [{ hostname: "localhost" }, "not_installed"]]) {
    const { agent } = world({ permission: null, running: false, vendor: "Apple Computer, Inc.", ...options });
    await agent.check();
    assert.equal(agent.snapshot.reason, reason);
  }
});

test("a question that was put away is not a refused connection", async (context) => {
  const { agent, environment } = world({ permission: "prompt", running: false });
  context.mock.timers.enable({ apis: ["Date"] });
  environment.fetch = async () => {
    context.mock.timers.tick(5_000);
    throw new TypeError("Failed to fetch");
  };
  const late = new agent.constructor({ ports: [1, 2], pingPort: 3, environment });
  await late.check({ ask: true });
  assert.equal(late.snapshot.reason, "permission_prompt");
});

test("a policy of the page's own is named; one that only reports is none", async () => {
  for (const [disposition, blocked, reason] of [
    ["enforce", "wss://localhost:2", "blocked_by_page"],
    ["enforce", "http://localhost:3/v1/ping", "unreachable"],
    ["enforce", "wss://localhost:9", "not_installed"],
    ["report", "wss://localhost:2", "not_installed"],
  ]) {
    const { environment, document } = world({ running: false });
    environment.fetch = async () => {
      const event = Object.assign(new Event("securitypolicyviolation"), { blockedURI: blocked, disposition });
      setTimeout(() => document.dispatchEvent(event));
      throw new TypeError("Failed to fetch");
    };
    const agent = new Ankong({ ports: [1, 2], pingPort: 3, environment });
    await agent.check();
    assert.equal(agent.snapshot.reason, reason, `${disposition} ${blocked}`);
  }
});

test("a page that may not ask for the permission is told so", async () => {
  for (const [allowed, framed, name, reason] of [
    [false, false, "featurePolicy", "blocked_by_page"],
    [false, false, "permissionsPolicy", "blocked_by_page"],
    [false, true, "permissionsPolicy", "frame_not_allowed"],
    [false, true, "featurePolicy", "frame_not_allowed"],
    [true, true, "featurePolicy", "permission_denied"],
  ]) {
    const { state, document, environment } = world({ permission: "denied" });
    Object.assign(document, { [name]: { features: () => ["camera", "loopback-network"], allowsFeature: () => allowed } });
    const agent = new Ankong({ ports: [1, 2], pingPort: 3, environment: { ...environment, framed } });
    await agent.check({ ask: true });
    assert.equal(agent.snapshot.reason, reason);
    assert.deepEqual([state.fetches, state.sockets], [[], []]);
  }
});

test("a connection that ended for want of use comes back with the next call, not before", async () => {
  const stranger = { ...ANKONG, allowed: false };
  const { agent, state } = world({ body: stranger, answers: { connect: () => ({ result: { allowed: true } }) } });
  const { stop } = await until(agent, ({ state: now }) => now === "running");
  state.sockets[0].close({ code: 1000, reason: "timeout" });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await agent.check();
  assert.deepEqual([agent.snapshot.state, state.sockets.length], ["running", 1]);
  await agent.connect();
  assert.deepEqual([agent.snapshot.allowed, state.sockets.length], [true, 2]);
  stop();
});

test("a denied permission is said, not tried", async () => {
  const { agent, state } = world({ permission: "denied" });
  const { snapshot, stop } = await until(agent, ({ state: now }) => now !== "checking");
  assert.equal(snapshot.reason, "permission_denied");
  assert.deepEqual(state.fetches, []);
  stop();
});

test("what a page without https is told under the older name alone is heard", async () => {
  for (const [secure, reason] of [[false, "permission_denied"], [true, "permission_prompt"]]) {
    const { agent } = world({ permission: "prompt", olderName: "denied", secure });
    const { snapshot, stop } = await until(agent, ({ state: now }) => now !== "checking");
    assert.equal(snapshot.reason, reason);
    stop();
  }
});

test("a browser that knows no such permission is looked at silently", async () => {
  const { agent } = world({ permission: null });
  const { snapshot, stop } = await until(agent, ({ state: now }) => now === "running");
  assert.equal(snapshot.permission, "unsupported");
  stop();
});

test("an agent of another time is too old", async () => {
  for (const body of [{ ...ANKONG, version: "0.0.9" }, { ...ANKONG, api: "v0" }]) {
    const { agent } = world({ body });
    const { snapshot, stop } = await until(agent, ({ state: now }) => now !== "checking");
    assert.equal(snapshot.reason, "too_old");
    stop();
  }
});

test("a hidden page is looked at once and then left alone", async () => {
  const { agent, state, document } = world({ running: false, hidden: true });
  const { stop } = await until(agent, ({ state: now }) => now === "not_running");
  const before = state.fetches.length;
  await new Promise((resolve) => setTimeout(resolve, 1_600));
  assert.equal(state.fetches.length, before);
  Object.assign(document, { hidden: false });
  state.running = true;
  document.dispatchEvent(new Event("visibilitychange"));
  const up = await until(agent, ({ state: now }) => now === "running");
  stop();
  up.stop();
});

test("what only an allowed site is told is learnt once it is allowed", async () => {
  const stranger = { product: "ankong", version: "0.1.0", api: "v1", allowed: false, max_data: 4194304 };
  const { agent } = world({ body: stranger, answers: { connect: () => ({ result: { allowed: true } }) } });
  await agent.check();
  assert.deepEqual([agent.snapshot.allowed, agent.snapshot.virtual], [false, false]);
  await agent.connect();
  assert.deepEqual([agent.snapshot.allowed, agent.snapshot.virtual], [true, true]);
});

test("what cannot be shown is asked for only by who wants it, and the answer tells whether it may be signed", async () => {
  for (const blind of [true, false]) {
    const { agent, state } = world({ answers: {
      connect: (params) => ({ result: { allowed: true, ...(params?.blind ? { blind } : {}) } }),
    } });
    assert.deepEqual(await agent.connect({ blind: true }), { allowed: true, blind });
    assert.deepEqual(await agent.connect(), { allowed: true });
    assert.deepEqual(await agent.connect({ blind: false }), { allowed: true });
    const asked = state.sockets.flatMap(({ sent }) => sent).filter(({ method }) => method === "connect");
    assert.deepEqual(asked.map(({ params }) => params ?? {}), [{ blind: true }, {}, {}]);
  }
});

test("a call to nobody says why", async () => {
  const { agent } = world({ running: false });
  await assert.rejects(agent.connect(), (error) =>
    error instanceof AnkongError && error.code === "not_running" && error.reason === "not_installed" && error.retriable);
});

test("an error of the agent keeps its code and the tries left", async () => {
  const { agent, state } = world({ answers: {
    sign: () => ({ error: { code: "pin_incorrect", message: "wrong", retriable: true, attempts_left: 2 } }),
  } });
  await assert.rejects(agent.sign({ data: "x", pin: "000000" }), (error) =>
    error instanceof AnkongError && error.code === "pin_incorrect" && error.attemptsLeft === 2 && error.retriable);
  const { params } = state.sockets[0].sent.find(({ method }) => method === "sign");
  assert.deepEqual(params, { hash: "SHA-256", format: "cms", data: "eA==", pin: "000000" });
});

test("nothing is signed twice: a lost connection fails the call", async () => {
  const { agent, state } = world();
  await agent.check();
  const signing = agent.sign({ data: "x" });
  const refused = assert.rejects(signing, ({ code, retriable }) => code === "connection_lost" && retriable);
  setTimeout(() => state.sockets[0].close(), 5);
  await refused;
  assert.equal(state.sockets.flatMap(({ sent }) => sent).filter(({ method }) => method === "sign").length, 1);
});

test("who asks too much hears after how many seconds to ask again", async () => {
  const { agent } = world({ answers: {
    sign: () => ({ error: { code: "rate_limited", message: "too many", retriable: true, retry_after: 30 } }),
  } });
  await assert.rejects(agent.sign({ data: "x" }), (error) => error.code === "rate_limited" && error.retryAfter === 30);
  assert.deepEqual([new AnkongError("rate_limited").retryAfter, new AnkongError("busy").retryAfter], [1, null]);
});

test("why a connection was closed is read and named", async () => {
  for (const [event, code, retriable] of [
    [{}, "connection_lost", true],
    [{ code: 1006, reason: "" }, "connection_lost", true],
    [{ code: 1001, reason: "" }, "connection_lost", true],
    [{ code: 1008, reason: "origin_blocked" }, "origin_blocked", false],
    [{ code: 1008, reason: "origin_not_allowed" }, "origin_not_allowed", false],
    [{ code: 1008, reason: "" }, "rate_limited", true],
    [{ code: 1013, reason: "busy" }, "busy", true],
    [{ code: 1009, reason: "" }, "too_large", false],
    [{ code: 1011, reason: "" }, "internal", false],
  ]) {
    const { agent, state } = world({ answers: { sign: () => { state.sockets[0].close(event); } } });
    await assert.rejects(agent.sign({ data: "x" }), (error) => error.code === code && error.retriable === retriable);
  }
});

test("what is too large is said to be, and nothing else on the connection dies with it", async () => {
  const signature = () => ({ result: { signature: "c2ln" } });
  const body = { product: "ankong", version: "0.1.0", api: "v1", allowed: true, max_data: 300_000 };
  const { agent, state } = world({ body, answers: { sign: signature, sign_batch: signature } });
  const tooLarge = (error) => error.code === "too_large" && !error.retriable;
  await assert.rejects(agent.sign({ data: new Uint8Array(300_001) }), tooLarge);
  const items = Array.from({ length: 5 }, () => ({ data: new Uint8Array(100_000) }));
  await assert.rejects(agent.signBatch({ items }), tooLarge);
  await agent.sign({ data: new Uint8Array(300_000) });
  await agent.signBatch({ items: items.slice(0, 3) });
  await agent.sign({ digest: new Uint8Array(32), format: "cms-detached" });
  assert.equal(state.sockets.length, 1);
});

test("a file is signed by its digest, whatever its length", async () => {
  const signature = () => ({ result: { signature: "c2ln" } });
  const body = { product: "ankong", version: "0.1.0", api: "v1", allowed: true, max_data: 60_000 };
  const { agent, state } = world({ body, answers: { sign: signature, sign_batch: signature } });
  const octets = new Uint8Array(100_000).fill(7);
  const expected = async (hash) => Buffer.from(await crypto.subtle.digest(hash, octets)).toString("base64");
  const name = `合約\u202e${"長".repeat(300)}`;
  await agent.sign({ file: new File([octets], name) });
  await agent.sign({ file: new Blob([octets]).stream(), hash: "SHA-512", format: "pkcs1", documentName: "given" });
  await agent.signBatch({ items: [{ file: new Blob([octets]) }, { digest: new Uint8Array(48) }], hash: "SHA-384" });
  const [one, two, many] = state.sockets[0].sent.filter(({ method }) => method.startsWith("sign")).map(({ params }) => params);
  const shown = `合約\ufffd${"長".repeat(252)}`;
  assert.deepEqual(one, { hash: "SHA-256", format: "cms-detached", digest: await expected("SHA-256"), document_name: shown });
  assert.deepEqual(two, { hash: "SHA-512", format: "pkcs1", digest: await expected("SHA-512"), document_name: "given" });
  assert.equal(many.format, "cms-detached");
  assert.deepEqual(many.items, [{ digest: await expected("SHA-384") }, { digest: Buffer.from(new Uint8Array(48)).toString("base64") }]);
});

test("a file that is given as data is refused, and no empty document is signed for it", async () => {
  const { agent, state } = world();
  const no = [new Blob(["x"]), new Blob(["x"]).stream(), {}, new DataView(new ArrayBuffer(4)), new Uint16Array([0x1234]), 5, null];
  for (const data of no) {
    await assert.rejects(agent.sign({ data }), TypeError);
    await assert.rejects(agent.signBatch({ items: [{ data }] }), TypeError);
  }
  assert.deepEqual(state.sockets.flatMap(({ sent }) => sent).filter(({ method }) => method.startsWith("sign")), []);
});

test("a file that nobody can sign is not read, and one that is given twice is refused", async () => {
  let read = 0;
  const file = () => new ReadableStream({ pull: () => { read += 1; } }, { highWaterMark: 0 });
  const nobody = world({ running: false }).agent;
  await assert.rejects(nobody.sign({ file: file() }), ({ code }) => code === "not_running");
  const { agent } = world();
  for (const more of [{ data: "x" }, { digest: new Uint8Array(32) }]) {
    await assert.rejects(agent.sign({ file: file(), ...more }), ({ code }) => code === "bad_request");
    await assert.rejects(agent.signBatch({ items: [{ file: file(), ...more }] }), ({ code }) => code === "bad_request");
  }
  await assert.rejects(agent.sign({ file: file(), hash: "SHA-1" }), ({ code }) => code === "bad_request");
  await assert.rejects(agent.sign({ file: file(), signal: AbortSignal.abort() }), ({ code, retriable }) => code === "aborted" && retriable);
  assert.equal(read, 0);
});

test("an aborted or overdue call is cancelled at the agent", async () => {
  const { agent, state } = world();
  await agent.check();
  const abort = new AbortController();
  const signing = assert.rejects(agent.sign({ data: "x", signal: abort.signal }), ({ code }) => code === "aborted");
  setTimeout(() => abort.abort(), 5);
  await signing;
  await assert.rejects(agent.certificates({ timeout: 5 }), ({ code }) => code === "timeout");
  const late = assert.rejects(agent.certificates(), ({ code }) => code === "aborted");
  setTimeout(() => agent.cancel(), 5);
  await late;
  const sent = state.sockets[0].sent;
  const asked = sent.filter(({ method }) => ["sign", "certificates"].includes(method)).map(({ id }) => id);
  assert.deepEqual(sent.filter(({ method }) => method === "cancel").map(({ params }) => params.request), asked);
});

test("a card that could not be read is told beside the others", async () => {
  const problem = { reader: "R", code: "timeout", message: "it took too long", retriable: true };
  const listing = { certificates: [{ reader: "S" }], problems: [problem] };
  const { agent } = world({ answers: { certificates: () => ({ result: listing }) } });
  await agent.check();
  const heard = [];
  assert.deepEqual(await agent.certificates({ onProblem: (each) => heard.push(each) }), [{ reader: "S" }]);
  assert.deepEqual(heard, [problem]);
  assert.deepEqual(await agent.certificates(), [{ reader: "S" }]);
});

const LOGIN = { result: { token: "dG9r", thumbprint: "00", reader: "R" } };
const CHALLENGE = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);
const CHALLENGE_TEXT = "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";

test("a login sends the challenge, as octets or as base64url, and nothing of the site", async () => {
  const { agent, state } = world({ answers: { authenticate: () => LOGIN } });
  assert.deepEqual(await agent.authenticate({ challenge: CHALLENGE }), LOGIN.result);
  await agent.authenticate({ challenge: CHALLENGE_TEXT, purpose: "identify", hash: "SHA-512", pin: "123456" });
  const sent = state.sockets.flatMap((socket) => socket.sent).filter(({ method }) => method === "authenticate");
  const challenge = toBase64(CHALLENGE);
  assert.deepEqual(sent.map(({ params }) => params), [
    { challenge, purpose: "login", hash: "SHA-256" },
    { challenge, purpose: "identify", hash: "SHA-512", pin: "123456" },
  ]);
});

test("what is no challenge is refused before anything is sent", async () => {
  const { agent, state } = world({ answers: { authenticate: () => LOGIN } });
  const wrong = [
    undefined, null, {}, [], 5, "", "A".repeat(42), "A".repeat(45), "A".repeat(87), `${"A".repeat(43)}=`, `${"A".repeat(43)}\n`,
    CHALLENGE_TEXT.replace("_", "/"), CHALLENGE_TEXT.replace("-", "+"), `${"A".repeat(42)}B`, // B: not the one text of these octets
    new Uint8Array(31), new Uint8Array(65), new ArrayBuffer(32), Array.from(CHALLENGE),
  ];
  for (const challenge of wrong) {
    await assert.rejects(agent.authenticate({ challenge }), (error) => error instanceof AnkongError && error.code === "bad_request");
  }
  assert.equal(state.sockets.length, 0);
});

test("a browser that only has to be restarted is told from one that does not trust at all", async () => {
  const silent = { product: "ankong", version: "0.1.0", tls: 2 };
  const { agent, state } = world({ running: false, ping: { ...silent, hint: "restart_browser" } });
  let snapshot = await agent.check();
  assert.deepEqual([snapshot.reason, snapshot.hint], ["certificate_not_trusted", "restart_browser"]);
  await assert.rejects(agent.connect(), (error) => error instanceof AnkongError && error.hint === "restart_browser");
  for (const hint of [undefined, "format_disk", 7, null]) {
    state.ping = { ...silent, hint };
    snapshot = await agent.check();
    assert.equal(snapshot.reason, "certificate_not_trusted");
    assert.ok(!("hint" in snapshot), String(hint));
  }
  state.ping = { ...silent, hint: "restart_browser" };
  assert.equal((await agent.check()).hint, "restart_browser");
  state.running = true;
  snapshot = await agent.check();
  assert.equal(snapshot.state, "running");
  assert.ok(!("hint" in snapshot));
});
