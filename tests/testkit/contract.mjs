// Play the contract through the handle for Node.js; the last line of the output is how many steps were right.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { ControlCallError, startAnkong } from "../../agent/web/sdk/testing.js";

const steps = JSON.parse(await readFile(new URL("contract.json", import.meta.url), "utf8"));

/** Whether `found` has all that is wanted of it, and lists are of one length. */
function has(found, wanted) {
  if (Array.isArray(wanted)) {
    assert.equal(found.length, wanted.length);
    wanted.forEach((each, at) => has(found[at], each));
  } else if (wanted !== null && typeof wanted === "object") {
    for (const [name, value] of Object.entries(wanted)) has(found[name], value);
  } else assert.equal(found, wanted);
}

const { agent, stop } = await startAnkong();
let right = 0;
try {
  for (const { do: name, with: given = [], expect, refused } of steps) {
    try {
      const found = await agent[name](...given);
      if (refused) assert.fail(`${name} was not refused`);
      if (expect !== undefined) has(found, expect);
    } catch (error) {
      if (!refused || !(error instanceof ControlCallError)) throw new Error(`step ${right + 1}, ${name}: ${error.message}`);
      assert.deepEqual([error.status, error.path], refused);
    }
    right += 1;
  }
} finally {
  await stop();
}
console.log(right);
