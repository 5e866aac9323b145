/** Run the test vectors: `node vectors.mjs MANIFEST`; with --fuzz, judge tokens in base64 from standard input. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { accountKey, loadAuthority, loadList, VerificationError, verifyLogin } from "./verify.js";

const [path, mode] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(path, "utf8"));
const file = (name) => readFileSync(join(dirname(path), name));

/** Whatever loads of these; a site would not start where something does not. */
function loaded(names, ...loaders) {
  return names.flatMap((name) => loaders.flatMap((load) => {
    try {
      return [load(file(name))];
    } catch {
      return [];
    }
  }));
}

function configure({ trust, origins, challenge, purpose, at }) {
  const [roots, cas] = [loaded(trust.roots, loadAuthority), loaded(trust.cas, loadAuthority)];
  const lists = loaded(trust.crls, ...[...roots, ...cas].map((issuer) => (der) => loadList(der, issuer)));
  return { roots, cas, lists, origins, challenge, purpose, now: new Date(at) };
}

/** Return "ok" or the code of the refusal; "error" where the settings are wrong, as nobody's token is. */
function judge(token, options) {
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
    console.log(judge(line === "null" ? null : Buffer.from(line, "base64"), options));
  }
} else {
  for (const [name, each] of Object.entries(manifest.cases)) {
    if (each.steps) continue; // for those who keep challenges
    const options = configure({ ...manifest, ...each });
    let code = judge(file(each.file), options);
    const { crls } = each.trust ?? manifest.trust;
    const isMissing = crls.length === 0 ? code === "error" : options.lists.length < crls.length && code === "ok";
    if (isMissing) code = "revocation_unknown"; // that the site did not start
    console.log(JSON.stringify({ name, code, ok: [each.expect].flat().includes(code) }));
  }
  const [options, token, start] = [configure(manifest), file("valid.der"), performance.now()];
  for (let count = 0; count < 200; count++) verifyLogin(token, options);
  const speed = Math.round(2e5 / (performance.now() - start));
  const { holder } = verifyLogin(token, options);
  const key = accountKey(holder, Buffer.alloc(32, "k")).toString("hex");
  console.log(JSON.stringify({ logins_per_second: speed, account_key: key, last4: holder.idLast4 }));
}
