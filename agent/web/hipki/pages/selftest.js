{
  const checks = ["component", "service", "reader", "card", "kind", "certificate", "validity", "pin", "signature"];
  const marks = { ok: "✓", warning: "!", error: "✕", idle: "·", wait: "…" };
  const items = new Map();
  let seen = null;
  let signing = false;
  let pinBox = null;

  for (const id of checks) {
    const item = document.createElement("li");
    item.id = `check-${id}`;
    item.innerHTML = '<span class="mark" aria-hidden="true"></span><div><h2></h2><p class="soft small"></p><p class="next small" hidden></p></div>';
    item.querySelector("h2").textContent = say(`selftest.checks.${id}`);
    find("checks").append(item);
    items.set(id, item);
  }

  const set = (id, state, text = "", next = "") => {
    const item = items.get(id);
    item.className = state;
    item.querySelector(".mark").textContent = marks[state];
    item.querySelector("p").textContent = text;
    item.querySelector("p").hidden = !text;
    item.querySelector(".next").textContent = next;
    item.querySelector(".next").hidden = !next;
  };

  const verdict = (state, headline, advice = "") => {
    find("verdict").className = `verdict ${state}`;
    find("headline").textContent = headline;
    find("advice").textContent = advice;
  };

  // The step at which it ends: its text and what to do next are in the table under one name.
  const stop = (id, state, name, values = {}) => {
    const text = say(`selftest.${name}.text`, values);
    const next = say(`selftest.${name}.next`, values);
    set(id, state, text, next);
    const rest = checks.slice(checks.indexOf(id) + 1);
    for (const each of rest) set(each, "idle");
    const form = items.get("signature").querySelector("form");
    const hadFocus = form?.parentElement.contains(document.activeElement);
    form?.parentElement.querySelectorAll("form, #confirm").forEach((e) => e.remove());
    if (hadFocus) find("verdict").focus();
    verdict(state, text, next);
    return false;
  };

  const day = (seconds) => new Date(seconds * 1000).toLocaleDateString(locale, { year: "numeric", month: "long", day: "numeric" });

  const checkReaders = (state) => {
    if (state.service !== "available") {
      return stop("service", "error", "service_down");
    }
    set("service", "ok", say("selftest.service_ok"));
    if (!state.readers.length) {
      return stop("reader", "warning", "reader_none");
    }
    const names = state.readers.map((reader) => reader.name);
    set("reader", "ok", new Intl.ListFormat(locale, { type: "unit" }).format(names));
    return true;
  };

  const checkCard = (state) => {
    const filled = state.readers.filter((reader) => reader.state !== "empty");
    const good = filled.filter((reader) => reader.state === "card");
    if (!filled.length) {
      return stop("card", "warning", "card_none");
    }
    if (!good.length && filled[0].state === "mute") {
      return stop("card", "error", "card_mute");
    }
    set("card", "ok", say("selftest.card_ok"));
    if (!good.length) {
      return stop("kind", "error", "card_unsupported");
    }
    return good;
  };

  const choose = (good) => {
    const select = find("reader");
    const names = good.map((reader) => reader.name);
    if (names.join() !== [...select.options].map((option) => option.value).join()) {
      select.replaceChildren(...names.map((name) => new Option(name, name)));
    }
    find("chooser").hidden = names.length < 2;
    return good.find((reader) => reader.name === select.value) ?? good[0];
  };

  // By the numbers of the old protocol, the last one first: it says more.
  const reasons = JSON.parse(meta("reasons"));
  const why = (reply) => {
    const name = reasons[reply.last_error] ?? reasons[reply.ret_code] ?? "other";
    return say(`selftest.why.${name}`, { number: reply.ret_code.toString(16) });
  };

  const ask = async (fields) => JSON.parse(await converse({ site: "", message: JSON.stringify(fields) }, question));

  const checkCertificate = async (reader) => {
    const kind = texts.selftest.kinds[reader.generation] ? reader.generation : "other";
    set("kind", "ok", say(`selftest.kinds.${kind}`));
    set("certificate", "wait", say("selftest.reading"));
    const reply = await ask({ func: "GetUserCert", slotDescription: encodeURIComponent(reader.name) });
    const certs = reply.slots?.[0]?.token?.certs ?? [];
    reader.serial = reply.slots?.[0]?.token?.serialNumber || null; // by which another card is noticed
    const cert = certs.find((each) => each.label === "cert1");
    if (reply.ret_code !== 0 || !cert) {
      return stop("certificate", "error", "certificate_unreadable", { why: why(reply) });
    }
    set("certificate", "ok", say("selftest.certificate_ok", { name: cert.subjectCN, serial: reply.slots[0].token.serialNumber }));
    return cert;
  };

  const checkValidity = (cert) => {
    const now = Date.now() / 1000;
    const until = day(cert.notAfterT);
    if (now > cert.notAfterT) {
      return stop("validity", "error", "expired", { date: until });
    }
    if (now < cert.notBeforeT) {
      return stop("validity", "error", "not_yet_valid", { date: day(cert.notBeforeT) });
    }
    set("validity", "ok", say("selftest.valid", { date: until }));
    return true;
  };

  const checkPin = (reader) => {
    if (reader.attempts_left === 0) {
      return stop("pin", "error", "locked");
    }
    const left = reader.attempts_left;
    if (left === null) set("pin", "ok", say("common.attempts_unknown"));
    else if (left === 3) set("pin", "ok", say("selftest.attempts_all"));
    else set("pin", "warning", say("selftest.attempts_few.text", { count: left }), say("selftest.attempts_few.next"));
    return true;
  };

  const question = (state) => {
    if (state.window) set("signature", "wait", say("common.in_window"));
    const box = find("confirm");
    if (!box) return;
    box.hidden = !state.question;
    if (!state.question) return;
    const left = state.question.attemptsLeft;
    find("confirmtext").textContent = left === 1
      ? say("selftest.last_try")
      : say("selftest.again", { count: left });
    box.focus(); // the button that had the focus sleeps meanwhile
    guard([find("confirmyes")]);
  };

  // What had the focus is off or gone: the keyboard goes on at the PIN, or where it is said how it ended.
  const goOn = () => {
    const at = document.activeElement;
    if (at === document.body || !at.checkVisibility()) (find("pin") ?? find("verdict")).focus();
  };

  const outcome = (reply) => {
    if (reply.ret_code === 0) {
      set("signature", "ok", say("selftest.signed"));
      return verdict("ok", say("selftest.all_well.text"), say("selftest.all_well.next"));
    }
    const failure = say("selftest.not_signed.text", { why: why(reply) });
    set("signature", reply.last_error === 164 ? "error" : "warning", failure, say("selftest.not_signed.next"));
    return verdict("warning", failure);
  };

  const sign = async (reader) => {
    signing = true;
    find("sign").disabled = true;
    const pin = pinBox.take();
    try {
      outcome(await ask({ func: "MakeSignature", tbs: encodeURIComponent(`Ankong self-test ${new Date().toISOString()}`), hashAlgorithm: "SHA256", signatureType: "PKCS7", checkValidity: "true", slotDescription: encodeURIComponent(reader.name), pin: encodeURIComponent(pin) }));
    } catch {
      verdict("error", say("selftest.component_silent.text"));
    }
    signing = false;
    if (find("confirm")) find("confirm").hidden = true;
    if (find("sign")) find("sign").disabled = false;
    goOn();
    look();
  };

  const offerSignature = (reader) => {
    const item = items.get("signature");
    if (item.querySelector("form")) return;
    set("signature", "idle", say("selftest.offer"));
    item.lastElementChild.append(find("signing").content.cloneNode(true));
    pinBox = new PinBox(find("pin"));
    find("pin").setAttribute("aria-label", say("selftest.pin_label"));
    find("pin").placeholder = say("selftest.pin_placeholder");
    find("sign").textContent = say("selftest.sign");
    find("confirmyes").textContent = say("common.send_pin_surely");
    find("confirmno").textContent = say("common.cancel");
    for (const [id, answer] of [["confirmyes", "once"], ["confirmno", "cancel"]]) {
      find(id).addEventListener("click", () => send("/popup/answer", { answer }).catch(() => guard([find("confirmyes")])));
    }
    find("confirm").addEventListener("keydown", ({ key }) => { if (key === "Escape") cancelByKey(find("confirmno")); });
    item.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (find("pin").value) sign(choose([reader]));
    });
    verdict("ok", say("selftest.ready.text"), say("selftest.ready.next"));
  };

  const examine = async (state) => {
    if (!checkReaders(state)) return;
    const good = checkCard(state);
    if (!good) return;
    const reader = choose(good);
    const cert = await checkCertificate(reader);
    if (!cert || !checkValidity(cert) || !checkPin(reader)) return;
    offerSignature(reader);
  };

  // A number that was read meanwhile is no change; one that is gone or another is another card.
  const differs = (before, now) => before.service !== now.service
    || before.readers.length !== now.readers.length
    || now.readers.some((reader, n) => {
      const old = before.readers[n];
      return ["name", "state", "generation"].some((field) => old[field] !== reader[field])
        || (old.serial !== null && old.serial !== reader.serial);
    });

  const checkPinAgain = (state) => {
    const good = state.readers.filter((reader) => reader.state === "card");
    if (items.get("signature").querySelector("form") && good.length) checkPin(choose(good));
  };

  const look = async () => {
    if (signing) return;
    try {
      const state = await (await send("/popup/readers", {})).json();
      set("component", "ok", say("selftest.component_ok", { version: meta("product") }));
      const before = seen;
      seen = state;
      if (!before || differs(before, state)) await examine(state);
      else checkPinAgain(state);
    } catch {
      seen = null;
      stop("component", "error", "component_silent");
    }
  };

  find("reader").addEventListener("change", () => {
    seen = null;
    items.get("signature").querySelectorAll("form, #confirm").forEach((each) => each.remove());
    look();
  });
  find("about").textContent = `Ankong ${meta("product")} · HiPKI ${meta("version")}`;
  for (const id of checks) set(id, "idle");
  verdict("wait", say("selftest.checking"));
  look();
  setInterval(look, 2000);
}
