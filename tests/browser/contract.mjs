// What an agent does for a page: the same steps for the real one and for the one of make-believe. Each says what came of it, in a
// form without what differs between two cards; the two lists have to be the same.

/** The form of a value: names and types, and the values of what has few. */
function shape(value) {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape);
  if (value === null || typeof value !== "object") return typeof value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, shape(value[key])]));
}

const code = (call) => call.then(() => "done", ({ name, code: said, retriable, attemptsLeft }) => ({ name, code: said, retriable, attemptsLeft }));

/** The next event of this name. */
const heard = (agent, name) => new Promise((resolve) => agent.addEventListener(name, ({ detail }) => resolve(detail.reader.state), { once: true }));

const CHALLENGE = "A".repeat(43);

const STEPS = {
  running: async ({ agent }) => {
    const { state, reason, needsClick, asking } = await agent.check();
    return { state, reason, needsClick, asking };
  },
  connect: async ({ agent }) => [await agent.connect(), agent.snapshot.allowed, agent.snapshot.service, agent.snapshot.readers.map(({ state }) => state)],
  "the snapshot has all its members and cannot be changed": async ({ agent }) => [Object.keys(agent.snapshot).sort(), Object.isFrozen(agent.snapshot)],
  "a listener hears at once, and no more once it has left": async ({ agent }) => {
    const said = [];
    const stop = agent.watch(({ state }) => said.push(state));
    stop();
    return said;
  },
  readers: async ({ agent }) => {
    const { service, readers } = await agent.readers();
    return [service, readers.map((reader) => Object.keys(reader).sort()), Object.keys(readers[0].card).sort()];
  },
  certificates: async ({ agent }) => {
    const found = (await agent.certificates()).filter(({ usage }) => usage.includes("digital_signature"));
    return [found.length, Object.keys(found[0]).sort(), /^[0-9a-f]{64}$/.test(found[0].thumbprint)];
  },
  authenticate: async ({ agent, pin }) => {
    const answers = [];
    for (const more of [{}, { purpose: "identify", hash: "SHA-512" }]) {
      const answer = await agent.authenticate({ challenge: CHALLENGE, pin, ...more });
      answers.push(Object.keys(answer).sort(), answer.token.startsWith("MII"));
    }
    return answers;
  },
  "what is no challenge": async ({ agent }) => {
    const bad = [new Uint8Array(31), new Uint8Array(65), `${CHALLENGE}=`, `${CHALLENGE.slice(1)}+`, null, {}];
    return Promise.all(bad.map((challenge) => code(agent.authenticate({ challenge }))));
  },
  "what else is refused": async ({ agent, pin }) => [
    await code(agent.authenticate({ challenge: CHALLENGE, purpose: "pay", pin })),
    await code(agent.authenticate({ challenge: CHALLENGE, hash: "SHA-1", pin })),
    await code(agent.sign({ data: "x", format: "no-such-format", pin })),
    await code(agent.sign({ data: "x", pin: "1" })),
    await code(agent.authenticate({ challenge: CHALLENGE, reader: "none", pin })),
    await code(agent.certificates({ reader: "none" })),
    await code(agent.authenticate({ challenge: CHALLENGE, pin, signal: AbortSignal.abort() })),
  ],
  sign: async ({ agent, pin }) => [
    shape(await agent.sign({ data: "text", pin })),
    shape(await agent.sign({ digest: new Uint8Array(32), format: "cms-detached", pin })),
    shape(await agent.sign({ file: new Blob(["text"]), pin })),
    (await agent.sign({ data: "text", format: "pkcs1", pin })).signature.length,
    (await agent.signBatch({ items: [{ data: "one" }, { data: "two" }], pin })).signatures.length,
  ],
  "a proof": async ({ agent, isProven }) => [await isProven(await agent.prove()), (await agent.prove({ nonce: new Uint8Array(16) })).nonce],
  "the card is pulled": async ({ agent, pin, pull }) => {
    const event = heard(agent, "card_removed");
    await pull();
    return [await event, agent.snapshot.readers[0].state, await code(agent.authenticate({ challenge: CHALLENGE, pin }))];
  },
  "the card is back": async ({ agent, pin, insert }) => {
    const event = heard(agent, "card_inserted");
    await insert();
    return [await event, await code(agent.authenticate({ challenge: CHALLENGE, pin }))];
  },
  "a wrong PIN": async ({ agent, wrongPin }) => [await code(agent.authenticate({ challenge: CHALLENGE, pin: wrongPin }))],
};

/** Go through all steps. @returns {Promise<Record<string, unknown>>} */
export async function contract(hands) {
  const found = {};
  for (const [name, step] of Object.entries(STEPS)) {
    try {
      found[name] = await step(hands);
    } catch (error) {
      found[name] = `failed: ${error}`;
    }
  }
  return found;
}
