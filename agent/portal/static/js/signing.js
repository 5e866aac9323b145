/** From a challenge of the portal to the card's signature over it. */

import { fromBase64 } from "/sdk/ankong.js";

/** @typedef {import("./api.js").Challenge} Challenge */

/**
 * Have the card sign a challenge: a CMS that carries it, base64.
 *
 * @param {import("/sdk/ankong.js").Ankong} agent @param {Challenge} challenge
 * @param {{pin: string, reader: string, signal: AbortSignal}} use @param {string} documentName
 */
export async function signChallenge(agent, challenge, { pin, reader, signal }, documentName) {
  const data = fromBase64(challenge.challenge);
  const { signature } = await agent.sign({ data, hash: "SHA-256", format: "cms", reader, pin, documentName, signal });
  return signature;
}
