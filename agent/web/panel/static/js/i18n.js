/** What the panel says, and how it writes days; the agent's own choice of a language counts. */

import { locale } from "./texts.js";

export { currentLanguage, has, inOurs, list, speak, t, tags } from "./texts.js";

/** A day and a time as people here write it. @param {string} rfc3339 */
export function moment(rfc3339) {
  return new Date(rfc3339).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });
}

/** A time of today, to the second. @param {string} rfc3339 */
export function clock(rfc3339) {
  return new Date(rfc3339).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

/** A day. @param {string} rfc3339 */
export function day(rfc3339) {
  return new Date(rfc3339).toLocaleDateString(locale(), { dateStyle: "long" });
}
