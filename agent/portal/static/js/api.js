/** The portal's own server: JSON over the cookie session. No PIN ever passes through here. */

import { hasText, inOurs, t } from "./i18n.js";

/** @typedef {{kind: "mobile"|"email"|"card", label: string}} Login */
/** @typedef {"card"|"counter"|"telecom"|"online"} Way */
/**
 * `closing` is when the account ends, if it does.
 *
 * @typedef {{
 *   id: string|number, name: string|null, grade: "ordinary"|"gold", gold_since: string|null, gold_way: Way|null,
 *   closing: string|null, logins: Login[],
 * }} Member
 */
/** @typedef {{name: Record<string, string>, state: "done"|"now"|"later", at: string|null}} ApplicationStep */
/** @typedef {{way: Way, number: string|null, since: string, href: string, steps: ApplicationStep[], closes_account: boolean}} Application */
/** @typedef {{challenge_id: string, challenge: string, expires_in: number}} Challenge `challenge` is base64url without padding */

const TIMEOUT = 20_000;

/** Why the portal's server refused; `code` is stable. */
export class PortalError extends Error {
  /** @param {string} code @param {Record<string, string>} [messages] by language */
  constructor(code, messages = {}) {
    super(code);
    this.name = "PortalError";
    this.code = code;
    this.messages = messages;
  }
}

/** @param {string} path @param {RequestInit} options @returns {Promise<any>} */
async function request(path, options) {
  let response;
  try {
    const signal = AbortSignal.timeout(TIMEOUT);
    response = await fetch(`/api/${path}`, { credentials: "same-origin", cache: "no-store", signal, ...options });
  } catch {
    throw new PortalError("network");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  throw new PortalError(body?.error?.code ?? "internal", body?.error?.message);
}

/** @param {string} path @param {object} [body] @returns {Promise<any>} */
const post = (path, body = {}) =>
  request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** @param {string} path @returns {Promise<any>} */
const get = (path) => request(path, { method: "GET" });

export const config = () => get("config");
export const downloads = () => get("downloads");
/** @returns {Promise<{member: Member|null}>} */
export const session = () => get("session");
export const requestOtp = (/** @type {string} */ contact) => post("otp", { contact });
export const confirmOtp = (/** @type {string} */ contact, /** @type {string} */ code) =>
  post("otp/confirm", { contact, code });
export const logout = () => post("logout");
export const saveProfile = (/** @type {string} */ name) => post("profile", { name });
/** @returns {Promise<Challenge>} */
export const upgradeChallenge = (/** @type {string} */ idNumber) =>
  post("upgrade/card/challenge", { id_number: idNumber });
/** @returns {Promise<Challenge>} */
export const loginChallenge = () => post("login/card/challenge");
/** @param {string} challengeId @param {string} token base64, of the agent's `authenticate` */
export const upgrade = (challengeId, token) => post("upgrade/card", { challenge_id: challengeId, token });
/** @param {string} challengeId @param {string} token base64, of the agent's `authenticate` */
export const loginWithCard = (challengeId, token) => post("login/card", { challenge_id: challengeId, token });
/** @returns {Promise<{applications: Application[]}>} */
export const applications = () => get("account/applications");
/** @returns {Promise<{member: Member}>} */
export const keepAccount = () => post("account/keep");
/** @returns {Promise<Challenge>} */
export const cardChallenge = (/** @type {string} */ idNumber) => post("account/card/challenge", { id_number: idNumber });
/** @param {string} challengeId @param {string} token base64, of the agent's `authenticate` */
export const setCard = (challengeId, token) => post("account/card", { challenge_id: challengeId, token });
/** @returns {Promise<Challenge>} */
export const closeChallenge = () => post("account/close/challenge");
/** @param {string} challengeId @param {string} token base64, of the agent's `authenticate` */
export const closeAccount = (challengeId, token) => post("account/close", { challenge_id: challengeId, token });

/**
 * Say in the user's language what went wrong, for any error of the portal or of the agent. The portal has sentences of its
 * own for codes of the agent where a person on this page must be told what to do next, or where something is.
 *
 * @param {unknown} error
 */
export function explain(error) {
  const { code = "internal", messages } = /** @type {Partial<PortalError>} */ (error ?? {});
  return inOurs(messages) ?? t(hasText(`codes.${code}`) ? `codes.${code}` : "codes.internal");
}
