/**
 * A whole site that logs citizens in. Start it with
 *
 *     ANKONG_TRUST=trust ANKONG_ORIGIN=https://portal.example ACCOUNT_SECRET=... PORT=8080 node examples/server.mjs
 *
 * Browsers reach it by a proxy that speaks TLS, or as http://localhost. With PAGE, a folder with
 * plain.html, plain.js and headers.txt of the page kit, it serves that page too; PAGE_KIT is the
 * folder of the kit's modules.
 */

import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { accountKey, checkOrigins, loadAuthority, loadList, VerificationError, verifyLogin } from "ankong-verify";

// region: load
const { ANKONG_TRUST: folder, ANKONG_ORIGIN: origin = "", ACCOUNT_SECRET: text = "", PORT: port } = process.env;
const file = (name) => readFileSync(`${folder}/${name}`);
const [root, ca] = [loadAuthority(file("root.cer")), loadAuthority(file("ca.cer"))];
const loadLists = () => [loadList(file("root.crl"), root), loadList(file("ca.crl"), ca)];
const trust = { roots: [root], cas: [ca], lists: loadLists(), origins: checkOrigins([origin]) };
const secret = Buffer.from(text, "hex"); // 32 octets of your own, the same for ever
accountKey({ issuer: "", subjectSerial: "" }, secret); // throws now if it is too short
setInterval(() => {
  try {
    trust.lists = loadLists(); // another program fetches them, each into place at once
  } catch (error) {
    console.error(`the lists stay as they were: ${error.message}`); // until they run out
  }
}, 3_600_000).unref();
// endregion: load

const LIFETIME = 300_000; // milliseconds of a challenge
/** @type {Map<string, any>} */
const sessions = new Map(); // yours are in a database

function openSession(response, content) {
  if (sessions.size >= 100_000) sessions.delete(sessions.keys().next().value);
  const id = randomBytes(32).toString("base64url");
  sessions.set(id, content);
  response.setHeader("Set-Cookie", `__Host-session=${id}; Path=/; Secure; HttpOnly; SameSite=Lax`);
  return content;
}

// region: login
function challenge(id, response) {
  const session = sessions.get(id) ?? openSession(response, {});
  const asked = { id: randomBytes(16).toString("hex"), challenge: randomBytes(32).toString("base64url"), at: Date.now(), taken: "" };
  session.asked = asked; // one at a time: a new one replaces it
  return { challenge_id: asked.id, challenge: asked.challenge };
}

/** The challenge of this session, for one token: the same one again gets the same answer, another one none. */
function redeem(session, challengeId, token) {
  const asked = session?.asked;
  if (!asked || asked.id !== challengeId) throw Object.assign(new Error("not this session's"), { code: "challenge_unknown" });
  if (Date.now() - asked.at >= LIFETIME) throw Object.assign(new Error("too old"), { code: "challenge_expired" });
  const digest = createHash("sha256").update(token).digest("hex");
  asked.taken ||= digest; // before anything is verified
  if (asked.taken !== digest) throw Object.assign(new Error("used"), { code: "challenge_used" });
  return asked.challenge;
}

function login(id, response, { challenge_id, token }) {
  const octets = Buffer.from(String(token), "base64");
  const asked = redeem(sessions.get(id), challenge_id, octets);
  const { holder } = verifyLogin(octets, { ...trust, challenge: asked });
  sessions.delete(id); // whoever knew the old session does not get the new one
  openSession(response, { account: accountKey(holder, secret).toString("hex") });
  return { name: holder.name }; // authenticated is not authorised: look the account up
}
// endregion: login

// region: page
const { PAGE: pages, PAGE_KIT: kit = "node_modules/ankong" } = process.env;
const files = new Map(); // all that there is to GET, read once
if (pages) {
  files.set("/", readFileSync(`${pages}/plain.html`)).set("/plain.js", readFileSync(`${pages}/plain.js`));
  const modules = readdirSync(kit).filter((name) => name.endsWith(".js"));
  for (const name of modules) files.set(`/sdk/${name}`, readFileSync(`${kit}/${name}`));
}
const policy = pages ? readFileSync(`${pages}/headers.txt`, "utf8").trim() : "frame-ancestors 'none'";

function sendFile(path, response) {
  const type = path.endsWith(".js") ? "text/javascript" : "text/html; charset=utf-8";
  response.writeHead(200, { "Content-Type": type, "Content-Security-Policy": policy });
  response.end(files.get(path));
}
// endregion: page

async function readJson(request) {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) {
    if ((body += chunk).length > 128 * 1024) throw Object.assign(new Error("too large"), { code: "bad_request" });
  }
  const found = JSON.parse(body || "{}");
  return found && typeof found === "object" ? found : {};
}

async function answer(request, response) {
  const id = /(?:^|; )__Host-session=([^;]*)/.exec(request.headers.cookie ?? "")?.[1];
  const route = `${request.method} ${request.url}`;
  if (route === "POST /login/challenge") return [200, challenge(id, response)];
  if (route === "POST /login") return [200, login(id, response, await readJson(request))];
  return [404, { code: "not_found" }];
}

const server = createServer(async (request, response) => {
  if (request.method === "GET" && files.has(request.url)) return sendFile(request.url, response);
  let [status, content] = [400, {}];
  try {
    [status, content] = await answer(request, response);
  } catch (error) {
    const isRefused = error instanceof VerificationError || error.code?.startsWith?.("challenge_");
    console.error(`login refused: ${error.message}`); // what was expected stands here alone
    content = { code: isRefused ? error.code : "bad_request" };
  }
  response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store", Connection: "close" });
  response.end(JSON.stringify(content));
});
server.listen(Number(port ?? 8080), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
