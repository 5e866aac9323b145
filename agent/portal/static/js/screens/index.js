/** Every screen by its address. */

import { closeByCard, ownCard, ownCardPin, ownComponent } from "./account.js";
import { cardLogin } from "./cardlogin.js";
import { component, guestComponent } from "./component.js";
import { done } from "./done.js";
import { identity } from "./identity.js";
import { code, login } from "./login.js";
import { member } from "./member.js";
import { method } from "./method.js";
import { pin } from "./pin.js";
import { profile } from "./profile.js";
import { taken } from "./taken.js";

/** @typedef {import("/sdk/ankong.js").Snapshot} Snapshot */
/**
 * What a screen may use of the application.
 *
 * @typedef {{
 *   member: import("../api.js").Member|null,
 *   agent: import("/sdk/ankong.js").Ankong,
 *   demoCard: {id_number: string, pin: string}|null,
 *   draft: {get: (key: string) => string, set: (key: string, value: string) => void, clear: () => void},
 *   setMember: (member: import("../api.js").Member|null) => void,
 *   refresh: () => Promise<void>,
 *   go: (path: string, options?: {replace?: boolean, message?: import("../told.js").Say, kind?: "ok"|"info"|"error"}) => void,
 *   failed: (error: unknown) => Promise<void>,
 * }} App
 */
/**
 * `settled` is fulfilled once what is under way has ended, null where nothing is: a card that signs is not disturbed by
 * another language.
 *
 * @typedef {{node: Element, update?: (snapshot: Snapshot) => void, leave?: () => void, settled?: () => Promise<void>|null}} View
 */
/**
 * `needs` says who may see it, `flow` that it is of no use to a gold member, `instead` where to go
 * when something before it is missing.
 *
 * @typedef {{
 *   needs?: "member"|"guest", flow?: boolean, watchesAgent?: boolean, step?: (app: App) => number|null,
 *   instead?: (app: App) => string|null, render: (app: App) => View,
 * }} Screen
 */

/** @type {Record<string, Screen>} */
export const screens = {
  login,
  "login/code": code,
  "login/card": cardLogin,
  "login/component": guestComponent,
  member,
  "account/card": ownCard,
  "account/card/pin": ownCardPin,
  "account/component": ownComponent,
  "account/close": closeByCard,
  profile,
  upgrade: method,
  "upgrade/component": component,
  "upgrade/id": identity,
  "upgrade/pin": pin,
  "upgrade/taken": taken,
  "upgrade/done": done,
};
