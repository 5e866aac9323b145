import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeAnkong } from "ankong/fake";
import { signFile } from "./sign_file.mjs";

test("a file comes back as it was, with something behind it", async () => {
  const agent = new FakeAnkong({ card: { pin: "123456" }, origin: "https://portal.example" });
  const said = [];
  const { pdf } = await signFile(new Blob(["%PDF-1.7 a contract"]), (text) => said.push(text), agent);
  assert.match(await pdf.text(), /^%PDF-1.7 a contract\n% make-believe MII/);
  assert.deepEqual(said, ["Look at the window of the agent"]);
  agent.failNext("document_forbids_signing");
  assert.equal(typeof (await signFile(pdf, undefined, agent)).problem, "string");
});
