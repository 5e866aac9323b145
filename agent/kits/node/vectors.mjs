/** Run the test vectors: `node vectors.mjs MANIFEST`; with --fuzz, judge tokens in base64 from standard input. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadAuthority, loadList, VerificationError, verifyLogin } from "./verify.js";

const [path, mode] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(path, "utf8"));
const file = (name) => readFileSync(join(dirname(path), name));

/** What a verifier is configured with; a list that cannot be loaded is not there. */
function configure({ trust, origins, challenge, purpose, at }) {
  const [roots, cas] = [trust.roots, trust.cas].map((names) => names.map((name) => loadAuthority(file(name))));
  const lists = [];
  for (const name of trust.crls) {
    for (const issuer of [...roots, ...cas]) {
      try {
        lists.push(loadList(file(name), issuer));
      } catch {}
    }
  }
  return { roots, cas, lists, origins, challenge, purpose, now: new Date(at) };
}

/** Return "ok" or the code of the refusal; "error" where the settings are wrong, as nobody's token is. */
function judge(token, settings) {
  let options;
  try {
    options = settings();
  } catch {
    return "error";
  }
  try {
    verifyLogin(token, options);
    return "ok";
  } catch (error) {
    return error instanceof VerificationError ? error.code : "error";
  }
}

if (mode === "--fuzz") {
  const options = configure(manifest);
  for (const line of readFileSync(0, "latin1").split("\n").slice(0, -1)) {
    console.log(judge(line === "null" ? null : Buffer.from(line, "base64"), () => options));
  }
} else {
  for (const [name, each] of Object.entries(manifest.cases)) {
    if (each.steps) continue; // for those who keep challenges
    const code = judge(file(each.file), () => configure({ ...manifest, ...each }));
    console.log(JSON.stringify({ name, code, ok: [each.expect].flat().includes(code) }));
  }
  const [options, token, start] = [configure(manifest), file("valid.der"), performance.now()];
  for (let count = 0; count < 500; count++) verifyLogin(token, options);
  console.log(JSON.stringify({ logins_per_second: Math.round(5e5 / (performance.now() - start)) }));
}
