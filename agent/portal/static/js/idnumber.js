/** The national ID number: one letter, nine digits, the last of them a check digit. */

/** What each letter adds to the sum: the digits of its two-digit code, the first × 1, the second × 9. */
const LETTERS = {
  A: 1, B: 10, C: 19, D: 28, E: 37, F: 46, G: 55, H: 64, I: 39, J: 73, K: 82, L: 2, M: 11,
  N: 20, O: 48, P: 29, Q: 38, R: 47, S: 56, T: 65, U: 74, V: 83, W: 21, X: 3, Y: 12, Z: 30,
};

/** Write a number as it is compared: no spaces, half-width, upper case. @param {string} text */
export const normalise = (text) => text.normalize("NFKC").replace(/\s/g, "").toUpperCase();

/**
 * Say what is wrong with a normalised ID number.
 *
 * @param {string} number
 * @returns {"empty"|"format"|"checksum"|null} null when it may exist
 */
export function fault(number) {
  if (number === "") return "empty";
  // 1 and 2 are citizens; 8 and 9 the new numbers of resident certificates, A to D those before 2021.
  if (!/^[A-Z][1289A-D]\d{8}$/.test(number)) return "format";
  const letter = LETTERS[/** @type {keyof typeof LETTERS} */ (number[0])];
  const digits = [...number.slice(1)].map((each) => (/\d/.test(each) ? Number(each) : "ABCD".indexOf(each)));
  const sum = digits.reduce((total, digit, index) => total + digit * (index === 8 ? 1 : 8 - index), letter);
  return sum % 10 === 0 ? null : "checksum";
}
