// Pinning an installation: who proves itself, who is remembered, and what no other is handed.

import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { test } from "node:test";

import { Ankong, AnkongError, fromBase64, isProven, toBase64 } from "../../agent/web/sdk/ankong.js";
import { until, world } from "./sdk_world.mjs";

const SIGNED = { result: { signature: "c2ln", certificate: "", thumbprint: "", reader: "R", card_serial: null } };
const curve = { name: "ECDSA", namedCurve: "P-256" };

/** An installation that proves itself with a key of its own, as host/install_key.py does. */
async function installation() {
  const pair = await webcrypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const key = toBase64(await webcrypto.subtle.exportKey("spki", pair.publicKey));
  const prove = async (nonce) => {
    const text = new Uint8Array([...new TextEncoder().encode("ankong-status-v1"), ...fromBase64(nonce)]);
    return toBase64(await webcrypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, text));
  };
  return { key, prove };
}

/** A page that pins, and an agent that is an installation which can be changed for another. */
function pinned(first, more = {}) {
  const now = { installation: first, allowed: true };
  const answers = {
    connect: () => ({ result: { allowed: true } }),
    certificates: () => ({ result: { certificates: [] } }),
    sign: () => SIGNED,
    status: async ({ nonce }) => {
      if (!now.allowed) return { result: { product: "ankong", allowed: false } };
      if (nonce === undefined) return { result: { product: "ankong", allowed: true, virtual: false } };
      const { key, prove } = now.installation;
      return { result: { allowed: true, proof: { algorithm: "ES256", key, signature: await prove(nonce) } } };
    },
    ...more,
  };
  const made = world({ answers });
  const again = () => {
    made.agent = new Ankong({ ports: [1, 2], pingPort: 3, pinInstallation: true, environment: made.environment });
    return made.agent;
  };
  return { ...made, now, agent: again(), again };
}

const coded = (code) => (error) => error instanceof AnkongError && error.code === code && !error.retriable;
const sent = (state, method) => state.sockets.flatMap((socket) => socket.sent).filter((message) => message.method === method);

test("the first installation is remembered, and known the next time", async () => {
  const { agent, again, state } = pinned(await installation());
  const first = await until(agent, ({ installation: found }) => found === "new");
  assert.equal((await agent.sign({ data: "x" })).signature, "c2ln");
  assert.equal(agent.snapshot.installation, "new");
  assert.equal(sent(state, "status").length, 1); // once for each connection
  first.stop();
  const { stop } = await until(again(), ({ installation: found }) => found === "known");
  stop();
});

test("another installation is told of, and is handed nothing before the user accepts it", async () => {
  const { now, again, state, agent } = pinned(await installation());
  const first = await until(agent, ({ installation: found }) => found === "new");
  first.stop();
  now.installation = await installation();
  const second = again();
  const { stop } = await until(second, ({ installation: found }) => found === "changed");
  await assert.rejects(second.sign({ data: "x", pin: "123456" }), coded("installation_changed"));
  await assert.rejects(second.certificates(), coded("installation_changed"));
  await assert.rejects(second.decrypt({ data: "x" }), coded("installation_changed"));
  await assert.rejects(second.authenticate({ challenge: new Uint8Array(32) }), coded("installation_changed"));
  await assert.rejects(second.signBatch({ items: [] }), coded("installation_changed"));
  assert.equal(state.sockets.at(-1).sent.some(({ method }) => ["sign", "certificates"].includes(method)), false);
  assert.equal((await second.acceptInstallation()).key, now.installation.key);
  assert.equal(second.snapshot.installation, "known");
  await second.sign({ data: "x" });
  stop();
});

test("a proof that is false, old, missing or of another curve proves nothing", async () => {
  const honest = await installation();
  const old = await honest.prove(toBase64(new Uint8Array(32)));
  const wide = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, ["sign"]);
  const otherCurve = toBase64(await webcrypto.subtle.exportKey("spki", wide.publicKey));
  const liars = [
    { ...honest, prove: async () => old },
    { ...honest, prove: async () => "" },
    { ...honest, prove: async () => undefined },
    { ...honest, key: (await installation()).key },
    { ...honest, key: "no base64!" },
    { ...honest, key: otherCurve },
  ];
  for (const liar of liars) {
    const { agent, state } = pinned(liar);
    const { stop } = await until(agent, ({ installation: found }) => found === "unproven");
    await assert.rejects(agent.sign({ data: "x", pin: "123456" }), coded("installation_unproven"));
    assert.equal(sent(state, "sign").length, 0);
    assert.equal(state.stored.has("ankong.installation"), false);
    stop();
  }
});

test("who does not answer for the proof is handed nothing either", async () => {
  for (const status of [() => ({ error: { code: "internal", retriable: false } }), () => ({ result: { allowed: false } }), () => ({ result: null })]) {
    const { agent, state } = pinned(await installation(), { status });
    await agent.check();
    await assert.rejects(agent.sign({ data: "x", pin: "123456" }), AnkongError);
    assert.equal(sent(state, "sign").length, 0);
  }
});

test("an agent that changes behind an open page is noticed on its new connection", async () => {
  const { agent, now, state } = pinned(await installation());
  const { stop } = await until(agent, ({ installation: found }) => found === "new");
  now.installation = await installation();
  const changed = until(agent, ({ installation: found }) => found === "changed");
  state.sockets[0].openedAt = 0;
  state.sockets[0].close();
  (await changed).stop();
  await assert.rejects(agent.sign({ data: "x" }), coded("installation_changed"));
  stop();
});

test("a site that is not yet allowed learns nothing, and pins once it is", async () => {
  const { agent, now } = pinned(await installation());
  now.allowed = false;
  await agent.check();
  assert.equal(agent.snapshot.installation, null);
  await assert.rejects(agent.prove(), coded("origin_not_allowed"));
  now.allowed = true;
  await agent.connect();
  assert.equal(agent.snapshot.installation, "new");
});

test("a page that does not pin asks for no proof, but can have one for its server", async () => {
  const { environment, state } = pinned(await installation());
  const agent = new Ankong({ ports: [1, 2], pingPort: 3, environment });
  await agent.sign({ data: "x" });
  assert.equal(sent(state, "status").length, 0);
  const nonce = webcrypto.getRandomValues(new Uint8Array(16));
  const proof = await agent.prove({ nonce });
  assert.equal(proof.nonce, toBase64(nonce));
  assert.ok(await isProven(proof));
  assert.equal(await isProven({ ...proof, nonce: toBase64(new Uint8Array(16)) }), false);
});

test("a page without WebCrypto is told so and sends nothing", async () => {
  const { environment, state } = pinned(await installation());
  const agent = new Ankong({ ports: [1, 2], pingPort: 3, pinInstallation: true, environment: { ...environment, crypto: undefined } });
  await assert.rejects(agent.sign({ data: "x" }), coded("installation_unproven"));
  assert.equal(sent(state, "sign").length, 0);
});

test("the option's old name is refused and not ignored", () => {
  for (const pin of [true, false]) {
    assert.throws(() => new Ankong({ pin }), { name: "TypeError", message: /pinInstallation/ });
  }
});
