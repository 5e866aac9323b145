// What a page says: the language that is chosen, plural forms, placeholders.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const SCRIPT = await readFile(new URL("../../agent/words/page.js", import.meta.url), "utf-8");
const LANGUAGES = [
  { tag: "zh-Hant", reviewed: true, locale: "zh-TW" },
  { tag: "en", reviewed: true, locale: "en-GB" },
  { tag: "vi", reviewed: false, locale: "vi-VN" },
  { tag: "pl", reviewed: false, locale: "pl-PL" },
];
// Polish: one; two to four, but not twelve to fourteen; all others.
const RULE = [...Array(200).keys()].map((n) =>
  n === 1 ? 0 : n % 10 >= 2 && n % 10 <= 4 && (n % 100 < 10 || n % 100 >= 20) ? 1 : 2).join("");
const TEXTS = {
  "zh-Hant": { hello: "您好，{name}", list: ["一", "二"] },
  en: { hello: "Hello {name}", cards: { plural: ["{count} card", "{count} cards"], rule: "101" } },
  vi: { hello: "Xin chào {name}" },
  pl: { cards: { plural: ["{count} karta", "{count} karty", "{count} kart"], rule: RULE } },
};

let number = 0;
/** Load the module for a browser with these languages. */
async function load(...languages) {
  Object.defineProperty(globalThis, "navigator", { value: { languages }, configurable: true });
  globalThis.document = { documentElement: {} };
  const source = `const LANGUAGES = ${JSON.stringify(LANGUAGES)};\nconst TEXTS = ${JSON.stringify(TEXTS)};\n${SCRIPT}\n// ${number += 1}`;
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
}

test("the browser's first reviewed language is spoken, another one only when it is chosen", async () => {
  assert.equal((await load("en-US", "zh-TW")).currentLanguage(), "en");
  assert.equal((await load("vi-VN", "en")).currentLanguage(), "en");
  assert.equal((await load("fr")).currentLanguage(), "zh-Hant");
  const words = await load("zh");
  words.speak("vi");
  assert.equal(words.t("hello", { name: "A" }), "Xin chào A");
  assert.equal(document.documentElement.lang, "vi");
  words.speak("klingon");
  assert.equal(words.currentLanguage(), "zh-Hant");
});

test("a count chooses the plural form, also beyond two hundred", async () => {
  const words = await load("en");
  assert.deepEqual([0, 1, 2, 5000].map((count) => words.t("cards", { count })),
    ["0 cards", "1 card", "2 cards", "5000 cards"]);
  words.speak("pl");
  assert.deepEqual([1, 3, 13, 25, 222, 312].map((count) => words.t("cards", { count }).split(" ")[1]),
    ["karta", "karty", "kart", "kart", "karty", "kart"]);
});

test("a missing text is told of, and what is missing of a value stays empty", async () => {
  const words = await load("en");
  assert.ok(words.has("hello") && words.has("cards") && !words.has("list"));
  assert.throws(() => words.t("none"), /no text for none/);
  assert.equal(words.t("hello"), "Hello ");
  assert.deepEqual((await load("zh")).list("list"), ["一", "二"]);
  assert.equal(words.inOurs({ en: "a", vi: "b" }), "a");
  assert.equal(words.inOurs(undefined), undefined);
});
