import { Ankong, AnkongError, explain } from "ankong";

/** Have the person sign a PDF, a `Blob` or a `File` of an `<input>`; call it from a click. */
export async function signFile(file, said = () => {}, agent = Ankong.shared()) {
  agent.addEventListener("document_prepared", () => said("Look at the window of the agent"), { once: true });
  try {
    await agent.connect();
    const { pdf } = await agent.signPdf(file, { reason: "I agree" });
    return { pdf }; // a Blob, for your server
  } catch (error) {
    if (!(error instanceof AnkongError)) throw error;
    return { problem: explain(error.reason ?? error.code).text };
  }
}
