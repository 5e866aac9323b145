// The agent of make-believe: it has every member of the real one, signs for real, and fails when a test says so.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Ankong, AnkongError, fromBase64, isProven } from "../../agent/web/sdk/ankong.js";
import { FakeAnkong } from "../../agent/web/sdk/fake.js";

const CHALLENGE = "A".repeat(43);
const coded = (code, more = {}) => (error) => error instanceof AnkongError && error.code === code
  && Object.entries(more).every(([name, value]) => error[name] === value);

/** A fake that this site is allowed to use. */
async function allowed(start = {}) {
  const agent = new FakeAnkong({ origin: "https://portal.example", ...start });
  await agent.connect();
  return agent;
}

test("it has all members of the real one, own and of the class", () => {
  const members = (each) => Object.getOwnPropertyNames(each.prototype);
  const own = Object.keys(new Ankong());
  const missing = members(Ankong).filter((name) => !members(FakeAnkong).includes(name));
  assert.deepEqual(missing, []);
  assert.deepEqual(own.filter((name) => !Object.hasOwn(new FakeAnkong(), name)), []);
  const more = members(FakeAnkong).filter((name) => !members(Ankong).includes(name));
  assert.deepEqual(more.sort(), ["calls", "failNext", "insertCard", "pullCard", "set"]);
  assert.deepEqual(Object.keys(new FakeAnkong().snapshot).sort(), Object.keys(new Ankong().snapshot).sort());
  assert.equal(typeof FakeAnkong.shared, "function");
});

test("its person is the one of the vectors", async () => {
  const agent = await allowed();
  const [{ certificate, thumbprint, notAfter }] = await agent.certificates();
  const file = readFileSync(new URL("../../agent/kits/vectors/citizen.cer", import.meta.url));
  assert.deepEqual(Buffer.from(certificate, "base64"), file);
  assert.equal((await agent.authenticate({ challenge: CHALLENGE })).thumbprint, thumbprint);
  assert.ok(Date.parse(notAfter) > Date.parse("2049-01-01"));
});

test("a site that is not allowed hears nothing", async () => {
  const agent = new FakeAnkong();
  for (const call of [agent.readers(), agent.certificates(), agent.prove(), agent.sign({ data: "x" }), agent.authenticate({ challenge: CHALLENGE }), agent.decrypt({ data: "x" })]) {
    await assert.rejects(call, coded("origin_not_allowed", { retriable: false }));
  }
  assert.deepEqual(agent.snapshot.readers, []);
});

test("it writes the origin that it was given, and refuses one that others could be", async () => {
  const said = async (origin) => {
    const agent = await allowed({ origin });
    const { token } = await agent.authenticate({ challenge: CHALLENGE });
    return Buffer.from(token, "base64").toString("latin1").match(/"origin":"([^"]+)"/)[1];
  };
  assert.equal(await said("https://portal.example:8443"), "https://portal.example:8443");
  assert.equal(await said("http://localhost:8000"), "http://localhost:8000");
  for (const origin of ["http://portal.example", "null", "ftp://portal.example"]) await assert.rejects(said(origin), coded("insecure_origin"));
});

test("three wrong PINs lock its card, as any card", async () => {
  const agent = await allowed({ card: { pin: "654321" } });
  const attempt = (pin) => agent.authenticate({ challenge: CHALLENGE, pin });
  await assert.rejects(attempt("123456"), coded("pin_incorrect", { attemptsLeft: 2, retriable: true }));
  await attempt("654321");
  assert.equal(agent.snapshot.readers[0].attemptsLeft, 3);
  await assert.rejects(attempt("123456"), coded("pin_incorrect", { attemptsLeft: 2 }));
  await assert.rejects(attempt("1"), coded("pin_length"));
  await assert.rejects(attempt("123456"), coded("pin_incorrect", { attemptsLeft: 1 }));
  await assert.rejects(attempt("123456"), coded("pin_locked", { attemptsLeft: 0, retriable: false }));
  await assert.rejects(attempt("654321"), coded("pin_locked"));
  agent.insertCard();
  await attempt("123456");
});

test("the next calls fail as told, and the one after them does not", async () => {
  const agent = await allowed();
  agent.failNext("pin_incorrect", { attemptsLeft: 1, times: 2 });
  for (let count = 0; count < 2; count += 1) {
    await assert.rejects(agent.authenticate({ challenge: CHALLENGE }), coded("pin_incorrect", { attemptsLeft: 1, retriable: true }));
  }
  await agent.authenticate({ challenge: CHALLENGE });
});

test("what was asked is kept, without the PIN", async () => {
  const agent = await allowed();
  await agent.sign({ data: "text", pin: "123456", hash: "SHA-384" });
  const { method, params } = agent.calls.at(-1);
  assert.deepEqual([method, params], ["sign", { items: [{ data: "dGV4dA==", digest: undefined, file: undefined, documentName: undefined }], hash: "SHA-384", format: "cms", pin: "\u2022" }]);
  assert.ok(!JSON.stringify(agent.calls).includes("123456"));
});

test("time passes only where it was asked for, and whoever gives up is told so", async () => {
  const agent = new FakeAnkong({ allowed: true, latency: 60_000 });
  const stop = new AbortController();
  const waiting = [agent.readers({ signal: stop.signal }), agent.readers(), agent.readers({ signal: AbortSignal.abort() })];
  stop.abort();
  agent.cancel();
  for (const each of waiting) await assert.rejects(each, coded("aborted"));
});

test("an agent that does not run answers nobody, and says why", async () => {
  const agent = new FakeAnkong({ state: "not_running", reason: "not_installed" });
  const heard = [];
  const stop = agent.watch(({ state }) => heard.push(state));
  await assert.rejects(agent.connect(), coded("not_running", { reason: "not_installed" }));
  agent.set({ state: "running", reason: null });
  stop();
  agent.set({ state: "not_running", reason: "not_started" });
  assert.deepEqual(heard, ["not_running", "running"]);
});

test("what it signs is verified with its certificate's key, whatever the hash", async () => {
  const agent = await allowed();
  const spki = new URL("../../agent/kits/vectors/citizen.cer", import.meta.url);
  const { X509Certificate, verify } = await import("node:crypto");
  const key = new X509Certificate(readFileSync(spki)).publicKey;
  for (const hash of ["SHA-256", "SHA-384", "SHA-512"]) {
    const { signature } = await agent.sign({ data: "text", format: "pkcs1", hash });
    assert.ok(verify(hash.replace("-", ""), Buffer.from("text"), key, fromBase64(signature)), hash);
  }
  assert.ok(await isProven(await agent.acceptInstallation()));
  assert.equal(agent.snapshot.installation, "known");
});

test("what it cannot do it refuses as the agent would", async () => {
  const agent = await allowed();
  await assert.rejects(agent.decrypt({ data: "x" }), coded("key_not_found"));
  await assert.rejects(agent.sign({ digest: new Uint8Array(32), format: "pkcs1" }), coded("blind_not_allowed"));
  await assert.rejects(agent.sign({ digest: new Uint8Array(32), format: "cms" }), coded("bad_request"));
  await assert.rejects(agent.sign({}), coded("bad_request"));
  await assert.rejects(agent.authenticate({ challenge: CHALLENGE, purpose: "pay" }), coded("bad_request"));
  await assert.rejects(agent.sign({ data: "x", hash: "SHA-1" }), coded("bad_request"));
  agent.pullCard();
  await assert.rejects(agent.authenticate({ challenge: CHALLENGE }), coded("no_card", { retriable: true }));
  assert.deepEqual(await agent.certificates(), []);
});
