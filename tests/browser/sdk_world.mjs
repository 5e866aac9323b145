// A browser and an agent of make-believe, for the tests of the SDK.

import { Ankong } from "../../agent/web/sdk/ankong.js";

export const ANKONG = { product: "ankong", version: "0.1.0", api: "v1", allowed: true, virtual: true };

/** A socket that answers by the given table and can push, as the agent would. */
function socketClass(answers, made, state) {
  return class {
    OPEN = 1;
    readyState = 0;
    sent = [];
    constructor(url, protocol) {
      Object.assign(this, { url, protocol });
      made.push(this);
      setTimeout(() => {
        if (!state.running || !url.startsWith("wss://localhost:2/")) return this.close({ code: 1006, reason: "" });
        this.readyState = 1;
        this.onopen?.();
      });
    }
    send(text) {
      const message = JSON.parse(text);
      this.sent.push(message);
      void Promise.resolve(answers[message.method]?.(message.params)).then((answer) => {
        if (answer) setTimeout(() => this.push({ id: message.id, ...answer }));
      });
    }
    push(message) {
      this.onmessage?.({ data: JSON.stringify(message) });
    }
    close(event = {}) {
      if (this.readyState === 3) return;
      this.readyState = 3;
      setTimeout(() => this.onclose?.(event));
    }
  };
}

export const READER = { name: "R", state: "card", card: { generation: "gen2", serial: "S" }, attempts_left: 3 };

/** An agent that answers on port 2 of [1, 2], in a browser of the given kind. */
export function world({ hostname = "portal.example", permission = "granted", body = ANKONG, running = true, hidden = false, secure = true, olderName, vendor = "", controlled = false, answers = {}, ping = null } = {}) {
  const state = { running, ping, controlled, permission, fetches: [], sockets: [], stored: new Map() };
  const status = { get state() { return state.permission; }, onchange: null };
  const document = Object.assign(new EventTarget(), { hidden });
  const environment = {
    hostname,
    secure,
    document,
    window: new EventTarget(),
    random: () => 0.5,
    storage: { getItem: (key) => state.stored.get(key) ?? null, setItem: (key, value) => state.stored.set(key, value) },
    permissions: { query: async ({ name }) => {
      if (name === "local-network-access" && olderName) return { state: olderName };
      if (name !== "loopback-network" || permission === null) throw new TypeError(name);
      return status;
    } },
    fetch: async (url) => {
      state.fetches.push(url);
      if (state.controlled) return new Response("<h1>offline</h1>");
      if (state.ping !== null && url.startsWith("http://localhost:3/")) return new Response(JSON.stringify(state.ping));
      if (!state.running || !url.startsWith("https://localhost:2/")) throw new TypeError("Failed to fetch");
      return new Response(JSON.stringify(body));
    },
    WebSocket: socketClass({ status: () => ({ result: { ...ANKONG, virtual: true } }), readers: () => ({ result: { service: "available", readers: [READER] } }), ...answers }, state.sockets, state),
    serviceWorker: { get controller() { return state.controlled ? {} : null; } },
    vendor,
  };
  const agent = new Ankong({ ports: [1, 2], pingPort: 3, environment });
  return { agent, state, document, status, environment };
}

/** Wait until the watched state satisfies `wanted`. */
export function until(agent, wanted) {
  return new Promise((resolve) => {
    const stop = agent.watch((snapshot) => {
      if (wanted(snapshot)) setTimeout(() => resolve({ snapshot, stop }));
    });
  });
}
