/**
 * SHA-256, SHA-384 and SHA-512 (FIPS 180-4) of what comes in pieces, which WebCrypto cannot do.
 *
 * `ankong.js` loads this module when a file is signed, and not before.
 *
 * @module digest
 */

import { AnkongError } from "./ankong.js";

/** @typedef {"SHA-256"|"SHA-384"|"SHA-512"} LongHash */
/** @typedef {import("./ankong.js").Item} Item */

// FIPS 180-4 §4.2 and §5.3: constants and first states are the fractions of roots of primes.
const WORD = (1n << 64n) - 1n;
const PRIMES = Array.from({ length: 410 }, (_, number) => number).filter(
  (number) => number > 1 && !Array.from({ length: 19 }, (_, divisor) => divisor + 2).some((divisor) => divisor < number && number % divisor === 0),
);

/** The first 64 bits of the fraction of a prime's root. @param {number} prime @param {bigint} degree */
function fraction(prime, degree) {
  const value = BigInt(prime) << (64n * degree);
  let low = 0n;
  for (let bit = 1n << 69n; bit > 0n; bit >>= 1n) {
    if ((low + bit) ** degree <= value) low += bit;
  }
  return low & WORD;
}

/** The upper and the lower halves of 64-bit words. @param {bigint[]} words */
function halves(words) {
  return {
    high: Int32Array.from(words, (word) => Number(BigInt.asIntN(32, word >> 32n))),
    low: Int32Array.from(words, (word) => Number(BigInt.asIntN(32, word))),
  };
}

const ROUNDS = halves(PRIMES.slice(0, 80).map((prime) => fraction(prime, 3n)));
const FIRST = halves(PRIMES.slice(0, 8).map((prime) => fraction(prime, 2n)));
const FIRST_384 = halves(PRIMES.slice(8, 16).map((prime) => fraction(prime, 2n)));

/** @param {Int32Array} words @param {number} index one that there is */
const at = (words, index) => /** @type {number} */ (words[index]);

/** @param {Int32Array} words @param {number} index @param {number} word */
const add = (words, index, word) => {
  words[index] = at(words, index) + word;
};

/** @param {number} word @param {number} count */
const turn = (word, count) => (word >>> count) | (word << (32 - count));

/** SHA-256, §6.2: eight words of 32 bits, blocks of 64 octets. */
class Words32 {
  blockLength = 64;
  #state = Int32Array.from(FIRST.high);
  #schedule = new Int32Array(64);

  /** @param {DataView} view @param {number} start */
  mix(view, start) {
    const w = this.#schedule;
    const k = ROUNDS.high;
    for (let t = 0; t < 16; t += 1) w[t] = view.getInt32(start + 4 * t);
    for (let t = 16; t < 64; t += 1) {
      const x = at(w, t - 15);
      const y = at(w, t - 2);
      const s0 = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
      const s1 = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
      w[t] = s1 + at(w, t - 7) + s0 + at(w, t - 16);
    }
    const s = this.#state;
    let a = at(s, 0), b = at(s, 1), c = at(s, 2), d = at(s, 3), e = at(s, 4), f = at(s, 5), g = at(s, 6), h = at(s, 7);
    for (let t = 0; t < 64; t += 1) {
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const first = (h + s1 + ((e & f) ^ (~e & g)) + at(k, t) + at(w, t)) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + first) | 0;
      d = c;
      c = b;
      b = a;
      a = (first + second) | 0;
    }
    add(s, 0, a), add(s, 1, b), add(s, 2, c), add(s, 3, d), add(s, 4, e), add(s, 5, f), add(s, 6, g), add(s, 7, h);
  }

  /** @param {DataView} view */
  write(view) {
    this.#state.forEach((word, index) => view.setInt32(4 * index, word));
  }
}

/** SHA-512 and SHA-384, §6.4: eight words of 64 bits, each in two halves, blocks of 128 octets. */
class Words64 {
  blockLength = 128;
  #high;
  #low;
  #scheduleHigh = new Int32Array(80);
  #scheduleLow = new Int32Array(80);

  /** @param {{high: Int32Array, low: Int32Array}} first */
  constructor({ high, low }) {
    this.#high = Int32Array.from(high);
    this.#low = Int32Array.from(low);
  }

  /** @param {DataView} view @param {number} start */
  mix(view, start) {
    const wh = this.#scheduleHigh;
    const wl = this.#scheduleLow;
    for (let t = 0; t < 16; t += 1) {
      wh[t] = view.getInt32(start + 8 * t);
      wl[t] = view.getInt32(start + 8 * t + 4);
    }
    for (let t = 16; t < 80; t += 1) {
      const xh = at(wh, t - 15);
      const xl = at(wl, t - 15);
      const yh = at(wh, t - 2);
      const yl = at(wl, t - 2);
      const s0h = turned(xh, xl, 1) ^ turned(xh, xl, 8) ^ (xh >>> 7);
      const s0l = turned(xl, xh, 1) ^ turned(xl, xh, 8) ^ ((xl >>> 7) | (xh << 25));
      const s1h = turned(yh, yl, 19) ^ turned(yl, yh, 29) ^ (yh >>> 6);
      const s1l = turned(yl, yh, 19) ^ turned(yh, yl, 29) ^ ((yl >>> 6) | (yh << 26));
      const low = (s0l >>> 0) + (s1l >>> 0) + (at(wl, t - 7) >>> 0) + (at(wl, t - 16) >>> 0);
      wl[t] = low;
      wh[t] = s0h + s1h + at(wh, t - 7) + at(wh, t - 16) + carry(low);
    }
    this.#rounds(wh, wl);
  }

  /** @param {Int32Array} wh @param {Int32Array} wl */
  #rounds(wh, wl) {
    const high = this.#high;
    const low = this.#low;
    let ah = at(high, 0), bh = at(high, 1), ch = at(high, 2), dh = at(high, 3), eh = at(high, 4), fh = at(high, 5), gh = at(high, 6), hh = at(high, 7);
    let al = at(low, 0), bl = at(low, 1), cl = at(low, 2), dl = at(low, 3), el = at(low, 4), fl = at(low, 5), gl = at(low, 6), hl = at(low, 7);
    for (let t = 0; t < 80; t += 1) {
      const s1h = turned(eh, el, 14) ^ turned(eh, el, 18) ^ turned(el, eh, 9);
      const s1l = turned(el, eh, 14) ^ turned(el, eh, 18) ^ turned(eh, el, 9);
      const chosenHigh = (eh & fh) ^ (~eh & gh);
      const chosenLow = (el & fl) ^ (~el & gl);
      const kh = at(ROUNDS.high, t);
      const kl = at(ROUNDS.low, t);
      const first = (hl >>> 0) + (s1l >>> 0) + (chosenLow >>> 0) + (kl >>> 0) + (at(wl, t) >>> 0);
      const firstLow = first | 0;
      const firstHigh = (hh + s1h + chosenHigh + kh + at(wh, t) + carry(first)) | 0;
      const s0h = turned(ah, al, 28) ^ turned(al, ah, 2) ^ turned(al, ah, 7);
      const s0l = turned(al, ah, 28) ^ turned(ah, al, 2) ^ turned(ah, al, 7);
      const second = (s0l >>> 0) + (((al & bl) ^ (al & cl) ^ (bl & cl)) >>> 0);
      const secondHigh = (s0h + ((ah & bh) ^ (ah & ch) ^ (bh & ch)) + carry(second)) | 0;
      hh = gh;
      hl = gl;
      gh = fh;
      gl = fl;
      fh = eh;
      fl = el;
      const e = (dl >>> 0) + (firstLow >>> 0);
      el = e | 0;
      eh = (dh + firstHigh + carry(e)) | 0;
      dh = ch;
      dl = cl;
      ch = bh;
      cl = bl;
      bh = ah;
      bl = al;
      const a = (firstLow >>> 0) + ((second | 0) >>> 0);
      al = a | 0;
      ah = (firstHigh + secondHigh + carry(a)) | 0;
    }
    this.#add(0, ah, al), this.#add(1, bh, bl), this.#add(2, ch, cl), this.#add(3, dh, dl);
    this.#add(4, eh, el), this.#add(5, fh, fl), this.#add(6, gh, gl), this.#add(7, hh, hl);
  }

  /** @param {number} index @param {number} high @param {number} low */
  #add(index, high, low) {
    const sum = (at(this.#low, index) >>> 0) + (low >>> 0);
    this.#low[index] = sum;
    this.#high[index] = at(this.#high, index) + high + carry(sum);
  }

  /** @param {DataView} view */
  write(view) {
    this.#high.forEach((word, index) => view.setInt32(8 * index, word));
    this.#low.forEach((word, index) => view.setInt32(8 * index + 4, word));
  }
}

/** One half of a 64-bit word turned right by less than 32 bits. @param {number} half @param {number} other @param {number} count */
const turned = (half, other, count) => (half >>> count) | (other << (32 - count));

/** What a sum of lower halves adds to the upper ones. @param {number} sum below 2^53 */
const carry = (sum) => (sum / 0x1_0000_0000) | 0;

/** A digest of octets that come in pieces. */
export class Digest {
  #words;
  #length;
  #block;
  #view;
  #filled = 0;
  #total = 0;

  /** @param {LongHash} hash */
  constructor(hash) {
    this.#length = { "SHA-256": 32, "SHA-384": 48, "SHA-512": 64 }[hash];
    if (!this.#length) throw new TypeError(`no digest ${hash} of a file`);
    this.#words = hash === "SHA-256" ? new Words32() : new Words64(hash === "SHA-384" ? FIRST_384 : FIRST);
    this.#block = new Uint8Array(this.#words.blockLength);
    this.#view = new DataView(this.#block.buffer);
  }

  /** @param {Uint8Array} octets */
  update(octets) {
    const size = this.#block.length;
    this.#total += octets.length;
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(size - this.#filled, octets.length);
      this.#block.set(octets.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < size) return;
      this.#words.mix(this.#view, 0);
    }
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    for (; at + size <= octets.length; at += size) this.#words.mix(view, at);
    this.#block.set(octets.subarray(at));
    this.#filled = octets.length - at;
  }

  /** The digest; nothing can be added any more. @returns {Uint8Array} */
  finish() {
    const size = this.#block.length;
    this.#block[this.#filled] = 0x80;
    this.#block.fill(0, this.#filled + 1);
    if (this.#filled >= size - size / 8) {
      this.#words.mix(this.#view, 0);
      this.#block.fill(0);
    }
    this.#view.setBigUint64(size - 8, BigInt(this.#total) * 8n);
    this.#words.mix(this.#view, 0);
    const whole = new Uint8Array(64);
    this.#words.write(new DataView(whole.buffer));
    return whole.slice(0, this.#length);
  }
}

/**
 * Read a file or a stream to its end, a piece at a time, and return its digest.
 *
 * @param {Blob|ReadableStream<Uint8Array>} file
 * @param {LongHash} hash
 * @param {AbortSignal} [signal]
 * @returns {Promise<Uint8Array>}
 */
export async function digestOf(file, hash, signal) {
  const digest = new Digest(hash);
  const reader = ("stream" in file ? file.stream() : file).getReader(); // a Blob of another frame is none of ours
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) return digest.finish();
      if (!(value instanceof Uint8Array)) throw new TypeError("a stream of octets is needed");
      digest.update(value);
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {}); // the stream itself may be what failed
    throw error;
  }
}

/** A file's own name, as the agent takes one for a document. @param {Blob|ReadableStream<Uint8Array>} file */
export function nameOf(file) {
  const name = "name" in file ? String(file.name) : "";
  const shown = name.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
  return [...shown].slice(0, 255).join("") || undefined;
}

/** What `digest` of `ankong.js` does. @param {Blob|ReadableStream<Uint8Array>} file @param {import("./ankong.js").Hash} [hash] @param {{signal?: AbortSignal}} [options] */
export async function digestFile(file, hash = "SHA-256", { signal } = {}) {
  if (hash === "SHA-1") throw new AnkongError("bad_request", { message: "no SHA-1 of a file" });
  return digestOf(file, hash, signal).catch((error) => {
    throw signal?.aborted ? new AnkongError("aborted") : error;
  });
}

/** An item with its file's digest and name in the file's place. @param {Item} item @param {import("./ankong.js").Hash} hash @param {{signal?: AbortSignal}} options @returns {Promise<Item>} */
export async function itemOf({ file, ...item }, hash, options) {
  if (!file || (item.data ?? item.digest) !== undefined) throw new AnkongError("bad_request", { message: "either a file, or data, or a digest" });
  return { ...item, digest: await digestFile(file, hash, options), documentName: item.documentName ?? nameOf(file) };
}
