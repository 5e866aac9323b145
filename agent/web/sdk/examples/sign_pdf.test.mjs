import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeAnkong } from "ankong/fake";
import { signPdf } from "./sign_pdf.mjs";

test("a PDF is signed by its digest, without a time of its own", async () => {
  const agent = new FakeAnkong({ card: { pin: "123456" }, origin: "https://portal.example" });
  assert.match(await signPdf(new Uint8Array(32), "contract.pdf", agent), /^MII/);
  assert.equal(agent.calls.at(-1).params.signingTime, false);
});
