import { Ankong, AnkongError, explain } from "ankong";

/** Have the person at this computer sign a text; call it from a click. */
export async function sign(text, agent = Ankong.shared()) {
  try {
    await agent.connect(); // may this site ask? once, in the agent's window
    const { signature } = await agent.sign({ data: text }); // the PIN is asked for there, too
    return { signature }; // base64 of a CMS SignedData, for your server
  } catch (error) {
    if (!(error instanceof AnkongError)) throw error;
    return { problem: explain(error.reason ?? error.code).text };
  }
}
