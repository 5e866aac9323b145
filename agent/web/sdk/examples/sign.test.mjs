import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeAnkong } from "ankong/fake";
import { sign } from "./sign.mjs";

test("a text is signed, and a locked card is explained", async () => {
  const agent = new FakeAnkong({ card: { pin: "123456" }, origin: "https://portal.example" });
  assert.match((await sign("I agree", agent)).signature, /^MII/);
  agent.failNext("pin_locked");
  assert.match((await sign("I agree", agent)).problem, /unlocked by its issuer/);
});
