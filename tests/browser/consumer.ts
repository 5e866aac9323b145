// A page's program in strict TypeScript: what the package promises a caller, and what it refuses.

import { Ankong, AnkongError, explain, toBase64, type Reason, type Snapshot } from "ankong";
import { AnkongButton, AnkongStatus } from "ankong/element";
import { explain as explained } from "ankong/explain";
import { FakeAnkong } from "ankong/fake";
import { digestOf } from "ankong/digest.js";
import { PinBox } from "ankong/pinbox.js";

const agent: Ankong = Ankong.shared({ minVersion: "0.1.0" });

export async function login(challenge: string): Promise<string> {
  try {
    await agent.connect();
    const { token, thumbprint } = await agent.authenticate({ challenge, purpose: "identify", hash: "SHA-384", timeout: 1_000 });
    return token + thumbprint;
  } catch (error) {
    if (!(error instanceof AnkongError)) throw error;
    const { text, retriable, steps }: { text: string; retriable: boolean; steps: string[] } = explain(error.code, "zh-Hant");
    return retriable ? text : steps.join();
  }
}

export const stop: () => void = agent.watch(({ state, reason, readers }: Snapshot) => {
  const why: Reason | null = reason;
  if (why === "frame_not_allowed" || why === "worker_blocked") console.log(state, readers[0]?.attemptsLeft);
});

const fake = new FakeAnkong({ card: { pin: "123456", attemptsLeft: 1 }, origin: "https://portal.example", latency: 5, allowed: true });
fake.failNext("pin_incorrect", { attemptsLeft: 2, times: 2 });
fake.set({ state: "not_running", reason: "not_installed" });
export const made: readonly { method: string; params: object }[] = fake.calls;

/** What a page's own code takes has to be content with either. */
export const either: Pick<Ankong, keyof Ankong>[] = [agent, fake];

export function button(element: AnkongButton, status: AnkongStatus): void {
  element.agent = fake;
  status.agent = agent;
  element.request = async () => ({ challenge: new Uint8Array(32) });
  const html: HTMLElement = element;
  html.addEventListener("ankong-done", (event) => console.log((event as CustomEvent<unknown>).detail));
}

export const box = (input: HTMLInputElement): string => new PinBox(input).take();
export const hashed: Promise<Uint8Array> = digestOf(new Blob(["x"]), "SHA-256");
export const words: string = explained("no_card").text + toBase64("x");

// @ts-expect-error a challenge is needed
void agent.authenticate({});
// @ts-expect-error no free text: the window says it in the agent's words
void agent.authenticate({ challenge: "", purpose: "pay" });
// @ts-expect-error never SHA-1
void agent.authenticate({ challenge: "", hash: "SHA-1" });
// @ts-expect-error there is no such state
fake.set({ state: "sleeping" });
