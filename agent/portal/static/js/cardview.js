/** What stands between the member and the PIN box: one answer for every state of agent, reader and card. */

/** @typedef {import("/sdk/ankong.js").Snapshot} Snapshot */
/** @typedef {import("/sdk/ankong.js").Reader} Reader */
/** @typedef {import("/sdk/ankong.js").Certificate} Certificate */
/**
 * What the page itself knows: `certificates` and `attempts` by {@link cardKey}; a certificate is null where
 * the card has none, "failed" where it could not be read.
 *
 * @typedef {{
 *   asking: boolean, chosen: string|null, last4: string|null, now: number,
 *   certificates: Map<string, Certificate|null|"failed">, attempts: Map<string, number>,
 * }} Knowledge
 */
/** @typedef {"notRunning"|"asking"|"refused"|"service"|"noReader"|"empty"|"mute"|"unsupported"|"reading"|"unreadable"|"noCertificate"|"locked"|"expired"|"notYet"|"mismatch"|"pin"} ViewName */
/** @typedef {{name: ViewName, reader: Reader|null, certificate: Certificate|null, attemptsLeft: number|null}} CardView */

/** One card in one reader. @param {Reader} reader */
export const cardKey = ({ name, card }) => `${name}\n${card?.serial ?? ""}`;

/** @param {Reader[]} readers @returns {ViewName} */
function withoutCard(readers) {
  if (readers.length === 0) return "noReader";
  if (readers.some(({ state }) => state === "mute")) return "mute";
  return readers.some(({ state }) => state === "unsupported") ? "unsupported" : "empty";
}

/** @param {Certificate} certificate @param {Knowledge} known @returns {ViewName} */
function judge({ notBefore, notAfter, idLast4 }, { now, last4 }) {
  if (Date.parse(notAfter) < now) return "expired";
  if (Date.parse(notBefore) > now) return "notYet";
  return last4 !== null && idLast4 !== null && last4 !== idLast4 ? "mismatch" : "pin";
}

/** The readers that hold a card that can be used. @param {Snapshot} snapshot */
export const usable = ({ readers }) => readers.filter(({ state }) => state === "card");

/** Decide what to show. @param {Snapshot} snapshot @param {Knowledge} known @returns {CardView} */
export function decide(snapshot, known) {
  const bare = (/** @type {ViewName} */ name) => ({ name, reader: null, certificate: null, attemptsLeft: null });
  if (snapshot.state !== "running") return bare("notRunning");
  if (!snapshot.allowed) return bare(known.asking ? "asking" : "refused");
  if (snapshot.service === "unavailable") return bare("service");
  if (snapshot.service === null) return bare("reading");
  const cards = usable(snapshot);
  const reader = cards.find(({ name }) => name === known.chosen) ?? cards[0];
  if (!reader) return bare(withoutCard([...snapshot.readers]));
  const certificate = known.certificates.get(cardKey(reader));
  const attemptsLeft = known.attempts.get(cardKey(reader)) ?? reader.attemptsLeft;
  const view = (/** @type {ViewName} */ name) =>
    ({ name, reader, certificate: typeof certificate === "object" ? certificate : null, attemptsLeft });
  if (certificate === undefined) return view("reading");
  if (certificate === "failed") return view("unreadable");
  if (certificate === null) return view("noCertificate");
  return view(attemptsLeft === 0 ? "locked" : judge(certificate, known));
}
