/** The phone's authenticator verifies who holds the phone (WebAuthn Level 2); nothing of its credential is kept. */

const verify = /** @type {HTMLButtonElement} */ (document.getElementById("verify"));

/** @param {string} text base64url without padding @returns {Uint8Array<ArrayBuffer>} */
const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

/** @param {ArrayBuffer} bytes @returns {string} base64url without padding */
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** @param {"unable"|"cancelled"|"refused"|"network"|""} why nothing is shown for "" */
function say(why) {
  for (const line of document.querySelectorAll("#device-alert [data-why]")) {
    /** @type {HTMLElement} */ (line).hidden = line.getAttribute("data-why") !== why;
  }
}

/** @param {string} path @param {object} body @returns {Promise<{status: number, body: any}>} */
async function post(path, body) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, { ...options, credentials: "same-origin", cache: "no-store" });
  return { status: response.status, body: await response.json().catch(() => null) };
}

/** @param {any} options as the server sent them @returns {PublicKeyCredentialCreationOptions} */
const asCreation = (options) => ({
  ...options,
  challenge: toBytes(options.challenge),
  user: { ...options.user, id: toBytes(options.user.id) },
  excludeCredentials: [],
});

/** @param {PublicKeyCredential} made @returns {object} */
function asJson(made) {
  const response = /** @type {AuthenticatorAttestationResponse} */ (made.response);
  return {
    id: made.id,
    rawId: toText(made.rawId),
    type: made.type,
    response: { clientDataJSON: toText(response.clientDataJSON), attestationObject: toText(response.attestationObject) },
  };
}

async function canVerify() {
  if (!window.PublicKeyCredential) return false;
  return PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false);
}

/** @returns {Promise<"unable"|"cancelled"|"refused"|"network"|"">} why it did not go on; "" where it did */
async function prove() {
  if (!(await canVerify())) return "unable";
  const asked = await post("/api/phone/device/options", {});
  if (asked.status === 410 || asked.body?.options === null) { location.reload(); return ""; }
  if (asked.status !== 200) return "network";
  let made;
  try {
    made = await navigator.credentials.create({ publicKey: asCreation(asked.body.options) });
  } catch (error) {
    const { name } = /** @type {Error} */ (error);
    return name === "NotSupportedError" || name === "SecurityError" || name === "ConstraintError" ? "unable" : "cancelled";
  }
  const answer = await post("/api/phone/device", { credential: asJson(/** @type {PublicKeyCredential} */ (made)) });
  if (answer.status === 200) location.assign(answer.body.next);
  else if (answer.status === 410) location.reload();
  else return answer.status === 403 ? "refused" : "network";
  return "";
}

verify.addEventListener("click", async () => {
  if (verify.getAttribute("aria-busy") === "true") return;
  verify.setAttribute("aria-busy", "true");
  say("");
  say(await prove().catch(() => "network"));
  verify.removeAttribute("aria-busy");
});
