/** From a challenge of the portal to a login that only this site can use. */

/** @typedef {import("./api.js").Challenge} Challenge */

/**
 * Have the card prove to this site who holds it. The agent says in its window what for.
 *
 * @param {import("/sdk/ankong.js").Ankong} agent @param {Challenge} challenge
 * @param {{pin: string, reader: string, signal: AbortSignal}} use @param {"login"|"identify"} purpose
 * @returns {Promise<string>} base64
 */
export async function authenticate(agent, { challenge }, { pin, reader, signal }, purpose) {
  const { token } = await agent.authenticate({ challenge, purpose, reader, pin, signal });
  return token;
}
