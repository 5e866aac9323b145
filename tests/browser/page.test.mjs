// The page's logic without a browser: ID numbers, and what stands before the PIN box.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const SAID = new Set([...(await readFile(new URL("../../agent/words/en.po", import.meta.url), "utf-8")).matchAll(/^msgctxt "(.+)"$/gm)].map((found) => found[1]));
const STATIC = new URL("../../agent/portal/static/js/", import.meta.url);

/** Import a module of the page that imports none itself. */
async function page(path) {
  const source = await readFile(new URL(path, STATIC), "utf-8");
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
}

const { fault, normalise } = await page("idnumber.js");
const { cardKey, decide } = await page("cardview.js");

/** The same check digit by the published two-digit letter codes instead of the folded weights. */
function checkDigit(start) {
  const order = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
  const code = 10 + order.indexOf(start[0]);
  const digits = [Math.floor(code / 10), code % 10, ...[...start.slice(1)].map(Number)];
  const weights = [1, 9, 8, 7, 6, 5, 4, 3, 2];
  const weighted = [...digits.slice(0, 9)].reduce((sum, digit, index) => sum + digit * weights[index], 0) + digits[9];
  return (10 - (weighted % 10)) % 10;
}

test("an ID number with the right check digit passes, all others fail, for every letter", () => {
  for (const letter of "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
    for (const start of [`${letter}12345678`, `${letter}20000001`, `${letter}80000000`]) {
      const right = checkDigit(start);
      for (let digit = 0; digit < 10; digit += 1) {
        assert.equal(fault(`${start}${digit}`), digit === right ? null : "checksum", `${start}${digit}`);
      }
    }
  }
});

test("an ID number of another shape is told from a mistyped one", () => {
  assert.equal(fault(""), "empty");
  for (const number of ["A12345678", "A1234567890", "1A23456789", "AE23456789", "A323456789", "A12345678X"]) {
    assert.equal(fault(number), "format", number);
  }
  assert.equal(normalise(" ａ12345 6789 "), "A123456789");
});

test("the number of a resident certificate from before 2021 has two letters", () => {
  assert.equal(fault("AB23456789"), null);
  assert.equal(fault("AB23456788"), "checksum");
});

const READER = { name: "R", state: "card", card: { generation: "gen1", serial: "S" }, attemptsLeft: null };
const RUNNING = { state: "running", allowed: true, service: "available", readers: [READER] };
const CERTIFICATE = { notBefore: "2025-01-01T00:00:00Z", notAfter: "2030-01-01T00:00:00Z", idLast4: "6789" };

/** Decide with one thing changed. */
function view({ snapshot = {}, reader = {}, certificate = CERTIFICATE, known = {}, attempts } = {}) {
  const there = { ...READER, ...reader };
  const certificates = new Map(certificate === undefined ? [] : [[cardKey(there), certificate]]);
  return decide(
    { ...RUNNING, readers: [there], ...snapshot },
    { asking: false, chosen: null, last4: "6789", now: Date.parse("2026-06-01"), certificates,
      attempts: new Map(attempts === undefined ? [] : [[cardKey(there), attempts]]), ...known },
  ).name;
}

test("each obstacle before the PIN box has its own name", () => {
  const cases = {
    pin: {},
    notRunning: { snapshot: { state: "not_running" } },
    refused: { snapshot: { allowed: false } },
    asking: { snapshot: { allowed: false }, known: { asking: true } },
    service: { snapshot: { service: "unavailable" } },
    noReader: { snapshot: { readers: [] } },
    empty: { reader: { state: "empty", card: null } },
    mute: { reader: { state: "mute", card: null } },
    unsupported: { reader: { state: "unsupported", card: null } },
    unreadable: { certificate: "failed" },
    noCertificate: { certificate: null },
    expired: { known: { now: Date.parse("2031-01-01") } },
    notYet: { known: { now: Date.parse("2024-01-01") } },
    mismatch: { known: { last4: "1234" } },
    locked: { reader: { attemptsLeft: 0 } },
  };
  for (const [name, change] of Object.entries(cases)) {
    assert.equal(view(change), name);
    if (name !== "pin") assert.ok(SAID.has(`portal.pin.views.${name}.title`), name);
  }
  assert.equal(view({ known: { certificates: new Map() } }), "reading");
  assert.equal(view({ known: { last4: null } }), "pin");
});

test("the tries that the card told last count more than what the reader showed before", () => {
  assert.equal(view({ reader: { attemptsLeft: 3 }, attempts: 0 }), "locked");
});

test("a card in any reader is enough, and a chosen one is used", () => {
  const empty = { ...READER, name: "A", state: "empty", card: null };
  const second = { ...READER, name: "Z" };
  const known = { asking: false, chosen: "Z", last4: null, now: 0, certificates: new Map(), attempts: new Map() };
  assert.equal(decide({ ...RUNNING, readers: [empty, READER, second] }, known).reader.name, "Z");
  assert.equal(decide({ ...RUNNING, readers: [empty, READER] }, { ...known, chosen: "gone" }).reader.name, "R");
});
