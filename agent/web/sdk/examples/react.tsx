// region: hook
import { useCallback, useState, useSyncExternalStore } from "react";
import { Ankong, AnkongError, explain } from "ankong";

type PublicAnkong = Pick<Ankong, keyof Ankong>;

/** What is known of the agent on this computer; the component is drawn again when that changes. */
export function useAnkong(agent: PublicAnkong = Ankong.shared()) {
  const subscribe = useCallback((changed: () => void) => agent.watch(changed), [agent]);
  const snapshot = useSyncExternalStore(subscribe, () => agent.snapshot, () => agent.snapshot);
  return { agent, snapshot };
}
// endregion: hook

const post = async (url: string, body: object) => {
  const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!response.ok) throw new AnkongError("site_failed", { message: `HTTP ${response.status}`, retriable: true });
  return response.json();
};

export function Login(props: { agent?: PublicAnkong }) {
  const { agent, snapshot } = useAnkong(props.agent);
  const [said, say] = useState("");

  async function login() {
    try {
      const { challenge_id, challenge } = await post("/login/challenge", {});
      await agent.connect();
      const { token } = await agent.authenticate({ challenge });
      say(`Welcome, ${(await post("/login", { challenge_id, token })).name}`);
    } catch (error) {
      if (!(error instanceof AnkongError)) throw error;
      say(explain(error.reason ?? error.code).text);
    }
  }

  return (
    <main>
      <p data-state={snapshot.state}>{snapshot.reason ? explain(snapshot.reason).text : snapshot.state}</p>
      <button onClick={login}>Log in</button>
      <p role="status">{said}</p>
    </main>
  );
}
