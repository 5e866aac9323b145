/** Run the test vectors: `node vectors.mjs MANIFEST`; `--fuzz` reads tokens in base64 from standard input. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadAuthority, loadList, VerificationError, verifyLogin } from "./verify.js";

const [path, mode] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(path, "utf8"));
const file = (name) => readFileSync(join(dirname(path), name));

/** What a verifier is configured with; a list that cannot be loaded is not there. */
function configure(wanted) {
  const [roots, cas] = [wanted.trust.roots, wanted.trust.cas].map((names) => names.map((name) => loadAuthority(file(name))));
  const lists = wanted.trust.crls.flatMap((name) => [...roots, ...cas].flatMap((issuer) => attempt(() => [loadList(file(name), issuer)], [])));
  return { roots, cas, lists, origins: wanted.origins, challenge: wanted.challenge, purpose: wanted.purpose, now: new Date(wanted.at) };
}

function attempt(work, otherwise) {
  try {
    return work();
  } catch {
    return otherwise;
  }
}

function judge(token, options) {
  try {
    verifyLogin(token, options);
    return "ok";
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    return `${error.name}: ${error.message}`;
  }
}

if (mode === "--fuzz") {
  const options = configure(manifest);
  for (const line of readFileSync(0, "latin1").split("\n").slice(0, -1)) console.log(judge(Buffer.from(line, "base64"), options));
} else {
  for (const [name, each] of Object.entries(manifest.cases)) {
    if (each.steps) continue; // for those who keep challenges
    const code = judge(file(each.file), configure({ ...manifest, ...each }));
    console.log(JSON.stringify({ name, code, ok: [each.expect].flat().includes(code) }));
  }
  const [options, token, start] = [configure(manifest), file("valid.der"), process.cpuUsage()];
  for (let count = 0; count < 500; count++) verifyLogin(token, options);
  const { user, system } = process.cpuUsage(start);
  console.log(JSON.stringify({ logins_per_second: Math.round(500 / ((user + system) / 1e6)) }));
}
