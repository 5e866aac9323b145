// The SDK's digests, judged by WebCrypto and by the examples of FIPS 180.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Digest, digestOf } from "../../agent/web/sdk/digest.js";

const HASHES = ["SHA-256", "SHA-384", "SHA-512"];
const hex = (octets) => Buffer.from(octets).toString("hex");
const some = (length) => Uint8Array.from({ length }, (_, index) => (index * 131 + (index >> 8) * 7) & 255);

async function judged(hash, octets) {
  return hex(new Uint8Array(await crypto.subtle.digest(hash, octets)));
}

test("every length around the borders of blocks has the digest that WebCrypto has", async () => {
  for (const hash of HASHES) {
    for (let length = 0; length <= 400; length += 1) {
      const octets = some(length);
      const digest = new Digest(hash);
      digest.update(octets);
      assert.equal(hex(digest.finish()), await judged(hash, octets), `${hash} of ${length}`);
    }
  }
});

test("it does not matter where the pieces are cut", async () => {
  const octets = some(1000);
  for (const hash of HASHES) {
    const expected = await judged(hash, octets);
    for (let size = 1; size <= 300; size += 1) {
      const digest = new Digest(hash);
      for (let at = 0; at < octets.length; at += size) {
        digest.update(octets.subarray(at, at + size));
        digest.update(new Uint8Array());
      }
      assert.equal(hex(digest.finish()), expected, `${hash} in pieces of ${size}`);
    }
  }
});

test("the examples of FIPS 180", () => {
  const million = "a".repeat(1_000_000);
  for (const [hash, text, expected] of [
    ["SHA-256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["SHA-256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["SHA-256", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"],
    ["SHA-256", million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
    ["SHA-384", "abc", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"],
    ["SHA-384", million, "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985"],
    ["SHA-512", "abc", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"],
    ["SHA-512", million, "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"],
  ]) {
    const digest = new Digest(hash);
    digest.update(new TextEncoder().encode(text));
    assert.equal(hex(digest.finish()), expected);
  }
});

test("a blob and a stream are read to their ends, and views of a buffer are what they show", async () => {
  const octets = some(300_000);
  for (const hash of HASHES) {
    const expected = await judged(hash, octets);
    assert.equal(hex(await digestOf(new Blob([octets]), hash)), expected);
    const pieces = [octets.subarray(0, 99_999), octets.subarray(99_999)];
    const stream = new ReadableStream({ pull: (controller) => (pieces.length ? controller.enqueue(pieces.shift()) : controller.close()) });
    assert.equal(hex(await digestOf(stream, hash)), expected);
  }
});

test("whoever gives up, and a stream that fails, ends the reading", async () => {
  let cancelled = 0;
  const endless = () => new ReadableStream({ pull: (controller) => controller.enqueue(some(10)), cancel: () => { cancelled += 1; } });
  await assert.rejects(digestOf(endless(), "SHA-256", AbortSignal.abort()), { name: "AbortError" });
  assert.equal(cancelled, 1);
  const failing = new ReadableStream({ pull: () => { throw new Error("the disk"); } });
  await assert.rejects(digestOf(failing, "SHA-256"), { message: "the disk" });
  const texts = new ReadableStream({ start: (controller) => controller.enqueue("text") });
  await assert.rejects(digestOf(texts, "SHA-256"), TypeError);
  await assert.rejects(digestOf(new Blob([]), "SHA-1"), TypeError);
});
