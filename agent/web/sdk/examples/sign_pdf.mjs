import { Ankong } from "ankong";

/** Have the person sign a PDF that the server prepared: `digest` is SHA-256, 32 octets. */
export async function signPdf(digest, documentName, agent = Ankong.shared()) {
  await agent.connect();
  const { signature } = await agent.sign({ digest, documentName, format: "cms-detached", signingTime: false });
  return signature; // base64, for the server
}
