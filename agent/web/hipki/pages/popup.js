{
  const opener = window.opener;
  const names = new Map([
    ["MakeSignature", [["簽章中 …", "Signing …"], ["用您的卡片簽章", "sign with your card"]]],
    ["umakeSig", [["簽章中 …", "Signing …"], ["用您的卡片簽章", "sign with your card"]]],
    ["GetUserCert", [["憑證讀取中 …", "Reading the certificate …"], ["讀取您的憑證", "read your certificate"]]],
    ["pkcs11info", [["憑證讀取中 …", "Reading the certificate …"], ["讀取您的憑證", "read your certificate"]]],
    ["DecryptData", [["解密中 …", "Decrypting …"], ["用您的卡片解密", "decrypt with your card"]]],
    ["CheckEnvir", [["資料讀取中 …", "Reading …"], ["查看您的讀卡機和卡片", "look at your reader and card"]]],
    ["writecert", [["寫憑證中 …", "Writing the certificate …"]]],
    ["changeUserPINCode", [["密碼變更中 …", "Changing the PIN …"]]],
    ["makeCsr", [["製作憑證請求檔中 …", "Making a certificate request …"]]],
  ]);
  let name = "";
  let taken = false;
  let wide = false;
  let gone = false; // a closed window says nothing: its page may have opened another by now

  // Of a page that says nothing; well within what pages wait for us, often 3.5 seconds.
  const PATIENCE = 1500;

  const progress = (text) => {
    find("ask").hidden = true;
    find("progress").hidden = false;
    find("doing").textContent = text;
  };

  const nameOf = (message) => {
    try {
      const asked = JSON.parse(message);
      return typeof asked.func === "string" ? asked.func : "";
    } catch {
      return "";
    }
  };

  // The page's window is 200 pixels wide; a question needs more.
  const widen = () => {
    if (wide) return;
    wide = true;
    const width = 460;
    const height = 620;
    window.resizeTo(width, Math.min(height, screen.availHeight));
    window.moveTo(Math.max(0, (screen.availWidth - width) / 2), Math.max(0, (screen.availHeight - height) / 3));
  };

  const choice = (answer, pair, style) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = say(pair);
    button.className = style;
    button.dataset.answer = answer;
    button.addEventListener("click", async () => {
      for (const each of find("choices").children) each.disabled = true;
      try {
        await send("/popup/answer", { answer });
      } catch {
        guard([...find("choices").children]);
      }
    });
    return button;
  };

  const cancel = () => choice("cancel", ["取消", "Cancel"], "quiet");

  const askSite = () => {
    const wish = names.get(name)?.[1] ?? ["使用您的卡片", "use your card"];
    find("title").textContent = say(["允許這個網站使用您的卡片嗎？", "Let this site use your card?"]);
    find("text").textContent = say([
      `它現在想${wish[0]}。允許之後，它看得到您的卡號和憑證上的姓名；沒有您的密碼（PIN）就不能簽章。`,
      `It wants to ${wish[1]}. Once allowed it can see your card number and the name in your certificate; it cannot sign without your PIN.`,
    ]);
    find("choices").replaceChildren(
      choice("always", ["允許，並記住這個網站", "Allow and remember this site"], "main"),
      choice("once", ["只允許這次（15 分鐘）", "Only this time (15 minutes)"], ""),
      choice("never", ["永遠不允許", "Never allow"], "grave"),
      cancel(),
    );
  };

  const askTry = (question) => {
    const last = question.attemptsLeft === 1;
    find("title").textContent = last
      ? say(["這是最後一次機會", "This is the last try"])
      : say(["要再送出一次密碼嗎？", "Send a PIN again?"]);
    find("text").textContent = last
      ? say([
        "前面的密碼都不對。這次再錯，卡片就會鎖住，要到戶政事務所或憑證網站才能解鎖。不確定的話請按取消。",
        "The PINs before were wrong. If this one is wrong too, the card locks and has to be unlocked by its issuer. If you are not sure, cancel.",
      ])
      : say([
        `上一次的密碼不對。還剩 ${question.attemptsLeft} 次機會，全部用完卡片就會鎖住。`,
        `The last PIN was wrong. ${question.attemptsLeft} tries are left; when they are used up, the card locks.`,
      ]);
    find("choices").replaceChildren(
      choice("once", last ? ["我確定，送出密碼", "I am sure, send the PIN"] : ["送出密碼", "Send the PIN"], last ? "grave" : "main"),
      cancel(),
    );
  };

  const show = (state) => {
    if (state.window) {
      progress(say(["請在「安控」的視窗中回答", "Please answer in Ankong's own window"]));
      return;
    }
    if (!state.question) {
      progress(say(names.get(name)?.[0] ?? ["處理中 …", "Working …"]));
      return;
    }
    const aboutPin = state.question.kind === "pin";
    showSite(state.question);
    (aboutPin ? askTry : askSite)(state.question);
    if (aboutPin) find("odd").hidden = true;
    find("title").classList.toggle("grave", state.question.attemptsLeft === 1);
    find("progress").hidden = true;
    find("ask").hidden = false;
    widen();
    guard([...find("choices").children]);
  };

  const LONGEST = 16 * 1024 * 1024;
  // What replies are called; and with the fields into which pages look whatever the number.
  const replies = new Map([
    ["CheckEnvir", "pkcs11info"],
    ["GetUserCert", "pkcs11info"],
    ["MakeSignature", "sign"],
    ["DecryptData", "decrypt"],
    ["writecert", "writeCert"],
    ["makeCsr", "csr"],
  ]);
  const refusal = (code, message) => JSON.stringify({
    func: replies.get(name) ?? name, ret_code: code, last_error: 0, message, slots: [], data: {},
  });
  const failed = () => refusal(0x7600000d, "執行檔錯誤或逾時");

  const serve = async (message, origin) => {
    const tooLong = message.length > LONGEST;
    name = tooLong ? "" : nameOf(message);
    progress(say(names.get(name)?.[0] ?? ["處理中 …", "Working …"]));
    const reply = tooLong
      ? refusal(0x7600000a, "檔案過大")
      : await converse({ site: origin, message }, show).catch(failed);
    if (gone) return;
    // Only to the site that asked, should another page be in its window by now.
    opener.postMessage(reply, origin === "null" ? "*" : origin);
    window.close();
  };

  const alone = () => {
    find("spinner").hidden = true;
    progress(say(["這個視窗要由網頁開啟。", "This window has to be opened by a web page."]));
  };

  addEventListener("pagehide", () => { gone = true; });
  addEventListener("focus", () => guard([...find("choices").children]));
  document.addEventListener("visibilitychange", () => guard([...find("choices").children]));
  if (opener) {
    addEventListener("message", (event) => {
      if (taken || event.source !== opener || typeof event.data !== "string") return;
      taken = true;
      clearInterval(calling);
      serve(event.data, event.origin);
    });
    // Chromium can lose a window's first message while its page opens another window: call again.
    const call = () => opener.postMessage(JSON.stringify({ func: meta("ready") }), "*");
    const calling = setInterval(call, PATIENCE);
    call();
    if (!chinese) find("doing").textContent = "Waiting for the page …";
  } else {
    alone();
  }
}
