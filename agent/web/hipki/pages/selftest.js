{
  const checks = [
    ["component", ["安控元件", "Component"]],
    ["service", ["智慧卡服務", "Smart-card service"]],
    ["reader", ["讀卡機", "Reader"]],
    ["card", ["卡片", "Card"]],
    ["kind", ["卡片種類", "Kind of card"]],
    ["certificate", ["憑證", "Certificate"]],
    ["validity", ["有效期限", "Validity"]],
    ["pin", ["密碼（PIN）", "PIN"]],
    ["signature", ["簽章", "Signature"]],
  ];
  const marks = { ok: "✓", warning: "!", error: "✕", idle: "·", wait: "…" };
  const items = new Map();
  let seen = null;
  let signing = false;

  for (const [id, name] of checks) {
    const item = document.createElement("li");
    item.id = `check-${id}`;
    item.innerHTML = '<span class="mark" aria-hidden="true"></span><div><h2></h2><p class="soft small"></p><p class="next small" hidden></p></div>';
    item.querySelector("h2").textContent = say(name);
    find("checks").append(item);
    items.set(id, item);
  }

  const set = (id, state, text, next) => {
    const item = items.get(id);
    item.className = state;
    item.querySelector(".mark").textContent = marks[state];
    item.querySelector("p").textContent = text ? say(text) : "";
    item.querySelector("p").hidden = !text;
    item.querySelector(".next").textContent = next ? say(next) : "";
    item.querySelector(".next").hidden = !next;
  };

  const verdict = (state, headline, advice) => {
    find("verdict").className = `verdict ${state}`;
    find("headline").textContent = say(headline);
    find("advice").textContent = advice ? say(advice) : "";
  };

  const stop = (id, state, text, next) => {
    set(id, state, text, next);
    const rest = checks.slice(checks.findIndex(([each]) => each === id) + 1);
    for (const [each] of rest) set(each, "idle");
    items.get("signature").querySelector("form")?.parentElement.querySelectorAll("form, #confirm").forEach((e) => e.remove());
    verdict(state, text, next);
    return false;
  };

  const day = (seconds) => new Date(seconds * 1000).toLocaleDateString(chinese ? "zh-Hant-TW" : "en", { year: "numeric", month: "long", day: "numeric" });

  const checkReaders = (state) => {
    if (state.service !== "available") {
      return stop("service", "error", ["智慧卡服務沒有啟動", "The smart-card service is not running"], ["Windows 請啟動「Smart Card」服務；Linux 請安裝並啟動 pcscd；然後這裡會自動繼續。", "On Windows start the service “Smart Card”; on Linux install and start pcscd. This page goes on by itself."]);
    }
    set("service", "ok", ["運作中", "Running"]);
    if (!state.readers.length) {
      return stop("reader", "warning", ["找不到讀卡機", "No reader was found"], ["請把讀卡機插到電腦的 USB。插了還是沒有，換一個 USB 插孔試試。", "Plug your reader into the computer. If it is not found, try another USB port."]);
    }
    const names = state.readers.map((reader) => reader.name).join("、");
    set("reader", "ok", [names, names]);
    return true;
  };

  const checkCard = (state) => {
    const filled = state.readers.filter((reader) => reader.state !== "empty");
    const good = filled.filter((reader) => reader.state === "card");
    if (!filled.length) {
      return stop("card", "warning", ["讀卡機裡沒有卡片", "There is no card in the reader"], ["請插入自然人憑證，晶片朝上、朝讀卡機內。", "Insert your card, the chip first and facing up."]);
    }
    if (!good.length && filled[0].state === "mute") {
      return stop("card", "error", ["卡片沒有回應", "The card does not answer"], ["請檢查是不是插反了，把晶片擦乾淨，再插一次。", "It may be the wrong way round. Wipe the chip and insert it again."]);
    }
    set("card", "ok", ["已插入", "Inserted"]);
    if (!good.length) {
      return stop("kind", "error", ["這不是自然人憑證", "This card is not supported"], ["健保卡和金融卡不能在這裡使用，請換成自然人憑證。", "Health insurance and bank cards do not work here. Insert a citizen certificate card."]);
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

  const ask = async (fields) => JSON.parse(await converse({ site: "", message: JSON.stringify(fields) }, question));

  const checkCertificate = async (reader) => {
    const kind = { gen1: ["自然人憑證（HiCOS）", "Citizen certificate (HiCOS)"], gen2: ["自然人憑證（新一代）", "Citizen certificate (new generation)"] }[reader.generation];
    set("kind", "ok", kind ?? ["支援的卡片", "Supported"]);
    set("certificate", "wait", ["讀取中 …", "Reading …"]);
    const reply = await ask({ func: "GetUserCert", slotDescription: encodeURIComponent(reader.name) });
    const certs = reply.slots?.[0]?.token?.certs ?? [];
    reader.serial = reply.slots?.[0]?.token?.serialNumber || null; // by which another card is noticed
    const cert = certs.find((each) => each.label === "cert1");
    if (reply.ret_code !== 0 || !cert) {
      return stop("certificate", "error", [`讀不到憑證${reply.message ? `：${reply.message}` : ""}`, "The certificate could not be read"], ["請拔出卡片再插一次。其他程式正在使用卡片的話，請先關閉。", "Take the card out and insert it again. Close other programs that may use it."]);
    }
    set("certificate", "ok", [`${cert.subjectCN}（卡號 ${reply.slots[0].token.serialNumber}）`, `${cert.subjectCN} (card ${reply.slots[0].token.serialNumber})`]);
    return cert;
  };

  const checkValidity = (cert) => {
    const now = Date.now() / 1000;
    const until = day(cert.notAfterT);
    if (now > cert.notAfterT) {
      return stop("validity", "error", [`憑證在 ${until} 過期了`, `It expired on ${until}`], ["請到戶政事務所換發，或在期限內上網展期。", "Have it renewed by the household registration office."]);
    }
    if (now < cert.notBeforeT) {
      return stop("validity", "error", [`憑證到 ${day(cert.notBeforeT)} 才生效`, `It becomes valid on ${day(cert.notBeforeT)}`], ["請檢查電腦的日期和時間。", "Check the date and time of this computer."]);
    }
    set("validity", "ok", [`到 ${until}`, `Until ${until}`]);
    return true;
  };

  const checkPin = (reader) => {
    if (reader.attempts_left === 0) {
      return stop("pin", "error", ["卡片已鎖住", "The card is locked"], ["密碼錯了三次。請到憑證網站或戶政事務所解鎖。", "Three PINs were wrong. Have the card unlocked by its issuer."]);
    }
    const left = reader.attempts_left;
    if (left === null) set("pin", "ok", ["還沒有錯過", "No wrong PIN so far"]);
    else if (left === 3) set("pin", "ok", ["還有三次機會", "Three tries are left"]);
    else set("pin", "warning", [`只剩 ${left} 次機會`, `Only ${left} ${left === 1 ? "try is" : "tries are"} left`], ["全部錯誤就會鎖卡，不確定密碼請先不要試。", "The card locks when they are used up. Do not guess."]);
    return true;
  };

  const question = (state) => {
    if (state.window) set("signature", "wait", ["請在「安控」的視窗中回答", "Please answer in Ankong's own window"]);
    const box = find("confirm");
    if (!box) return;
    box.hidden = !state.question;
    if (!state.question) return;
    const left = state.question.attemptsLeft;
    find("confirmtext").textContent = left === 1
      ? say(["這是最後一次機會。再錯一次，卡片就會鎖住。", "This is the last try. One more wrong PIN locks the card."])
      : say([`上一次的密碼不對，還剩 ${left} 次機會。`, `The last PIN was wrong; ${left} tries are left.`]);
    guard([find("confirmyes")]);
  };

  const outcome = (reply) => {
    if (reply.ret_code === 0) {
      set("signature", "ok", ["簽章成功，也驗證過了", "Signed, and the signature was verified"]);
      return verdict("ok", ["一切正常，可以使用了", "Everything works"], ["您的卡片可以在網頁上登入和簽章。", "You can log in and sign with your card."]);
    }
    const why = reply.message2 ?? reply.message;
    set("signature", reply.last_error === 164 ? "error" : "warning", [`沒有簽成：${why}`, `It did not sign (${why})`], ["確認密碼之後再試。密碼錯三次會鎖卡。", "Make sure of your PIN. Three wrong ones lock the card."]);
    return verdict("warning", [`沒有簽成：${why}`, "It did not sign"]);
  };

  const sign = async (reader) => {
    signing = true;
    find("sign").disabled = true;
    const pin = find("pin").value;
    find("pin").value = "";
    try {
      outcome(await ask({ func: "MakeSignature", tbs: encodeURIComponent(`Ankong self-test ${new Date().toISOString()}`), hashAlgorithm: "SHA256", signatureType: "PKCS7", checkValidity: "true", slotDescription: encodeURIComponent(reader.name), pin: encodeURIComponent(pin) }));
    } catch {
      verdict("error", ["安控沒有回答", "The component did not answer"]);
    }
    signing = false;
    if (find("confirm")) find("confirm").hidden = true;
    if (find("sign")) find("sign").disabled = false;
    look();
  };

  const offerSignature = (reader) => {
    const item = items.get("signature");
    if (item.querySelector("form")) return;
    set("signature", "idle", ["想試的話，輸入密碼簽一次。密碼只送到卡片。", "If you like, enter your PIN and sign once. It goes to the card and nowhere else."]);
    item.lastElementChild.append(find("signing").content.cloneNode(true));
    find("pin").setAttribute("aria-label", say(["密碼（PIN）", "PIN"]));
    find("pin").placeholder = say(["密碼", "PIN"]);
    find("sign").textContent = say(["試簽一次", "Sign a test"]);
    find("confirmyes").textContent = say(["我確定，送出密碼", "I am sure, send the PIN"]);
    find("confirmno").textContent = say(["取消", "Cancel"]);
    for (const [id, answer] of [["confirmyes", "once"], ["confirmno", "cancel"]]) {
      find(id).addEventListener("click", () => send("/popup/answer", { answer }).catch(() => guard([find("confirmyes")])));
    }
    item.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (find("pin").value) sign(choose([reader]));
    });
    verdict("ok", ["都準備好了", "Everything is ready"], ["最後可以用密碼試簽一次。", "As a last step you can sign a test with your PIN."]);
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
      set("component", "ok", [`運作中，版本 ${meta("product")}`, `Running, version ${meta("product")}`]);
      const before = seen;
      seen = state;
      if (!before || differs(before, state)) await examine(state);
      else checkPinAgain(state);
    } catch {
      seen = null;
      stop("component", "error", ["安控沒有回答", "The component does not answer"], ["請重新啟動安控，再重新整理這個頁面。", "Start Ankong again, then reload this page."]);
    }
  };

  find("reader").addEventListener("change", () => {
    seen = null;
    items.get("signature").querySelectorAll("form, #confirm").forEach((each) => each.remove());
    look();
  });
  find("about").textContent = `Ankong ${meta("product")} · HiPKI ${meta("version")}`;
  for (const [id] of checks) set(id, "idle");
  verdict("wait", ["檢查中 …", "Checking …"]);
  look();
  setInterval(look, 2000);
}
