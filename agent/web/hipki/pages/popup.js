{
  const opener = window.opener;
  // By the function that a page asks for: what is done meanwhile, and what the citizen is asked.
  const names = new Map([
    ["MakeSignature", ["sign", "sign"]],
    ["umakeSig", ["sign", "sign"]],
    ["GetUserCert", ["read", "read"]],
    ["pkcs11info", ["read", "read"]],
    ["DecryptData", ["decrypt", "decrypt"]],
    ["CheckEnvir", ["look", "look"]],
    ["writecert", ["write", "other"]],
    ["changeUserPINCode", ["change_pin", "other"]],
    ["makeCsr", ["request", "other"]],
  ]);
  const doing = () => (names.has(name) ? say(`popup.doing.${names.get(name)[0]}`) : say("popup.working"));
  let name = "";
  let taken = false;
  let wide = false;
  let wasAside = false; // another window had the focus
  let gone = false; // a closed window says nothing: its page may have opened another by now

  // With a page that says nothing, in milliseconds: where our message may be lost, well within what pages wait for us,
  // often 3.5 seconds; and where it is not, longer than any page is busy.
  const PATIENCE = 1500;
  const LONGEST_BUSY = 11_000;

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

  // The page's window is 200 pixels wide; a question needs more, and as much height as its answers take.
  const WIDTH = 460;
  const resize = (height) => {
    const high = Math.min(height, screen.availHeight);
    window.resizeTo(WIDTH, high);
    window.moveTo(Math.max(0, (screen.availWidth - WIDTH) / 2), Math.max(0, (screen.availHeight - high) / 3));
  };
  const heighten = () => {
    const below = document.documentElement.scrollHeight - window.innerHeight;
    if (below > 0 && window.outerHeight < screen.availHeight) resize(window.outerHeight + below);
  };
  const widened = () => {
    if (window.innerWidth < 0.8 * WIDTH) return; // the system may take several steps
    removeEventListener("resize", widened);
    heighten();
  };
  const widen = () => {
    if (wide) {
      heighten();
      return;
    }
    wide = true;
    addEventListener("resize", widened);
    resize(620);
  };

  const choice = (answer, label, style, place = 0) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.className = style;
    button.dataset.answer = answer;
    button.addEventListener("click", async () => {
      for (const each of find("choices").children) each.disabled = true;
      try {
        await send("/popup/answer", { answer, choice: place });
      } catch {
        guard([...find("choices").children]);
      }
    });
    return button;
  };

  const cancel = () => choice("cancel", say("common.cancel"), "quiet");

  // A text of the question, or none: nothing of the question before may stay beside the next one.
  const put = (id, text) => {
    find(id).textContent = text;
    find(id).hidden = !text;
  };

  const askSite = (question) => {
    const alone = question.kind === "blind"; // the site may use the card: only this is still to be asked
    put("title", say(alone ? "common.blind_title" : "popup.site_title"));
    if (!alone) put("text", say(`popup.wish.${names.get(name)?.[1] ?? "other"}`));
    if (question.blind) put("blind", say("common.blind_text"));
    if (question.attemptsUnknown) put("more", say("common.covers_pin"));
    find("choices").replaceChildren(
      choice("always", say("popup.always"), "main"),
      choice("once", say("popup.once"), ""),
      choice("never", say("popup.never"), "grave"),
      cancel(),
    );
  };

  const askTry = (question) => {
    const left = question.attemptsLeft;
    const last = left === 1;
    const kind = left === null ? "unknown" : last ? "last" : "again";
    put("title", say(`popup.${kind}_title`));
    put("text", say(`popup.${kind}_text`, { count: left }));
    find("choices").replaceChildren(
      choice("once", say(last ? "common.send_pin_surely" : "popup.send_pin"), last ? "grave" : "main"),
      cancel(),
    );
  };

  const askCard = (question) => {
    put("title", say("common.which_card"));
    put("text", say("popup.card_text"));
    find("choices").replaceChildren(
      ...question.cards.map((card, place) => {
        const holder = card.holder || say("popup.no_holder");
        const mark = card.virtual ? ` · ${say("popup.virtual")}` : "";
        const button = choice("once", `${holder}${mark}`, "", place);
        const more = document.createElement("span");
        more.className = "soft small";
        more.textContent = say("popup.card_place", card);
        button.append(document.createElement("br"), more);
        return button;
      }),
      cancel(),
    );
  };

  const questions = { site: askSite, blind: askSite, pin: askTry, card: askCard };

  const show = (state) => {
    if (state.window) {
      progress(say("common.in_window"));
      return;
    }
    if (!state.question) {
      progress(doing());
      return;
    }
    name = state.question.func; // as the agent has read it: what the citizen is asked about
    showSite(state.question);
    for (const id of ["text", "blind", "more"]) put(id, "");
    questions[state.question.kind](state.question);
    if (state.question.kind === "pin") find("odd").hidden = true;
    find("title").classList.toggle("grave", state.question.attemptsLeft === 1);
    find("progress").hidden = true;
    find("ask").hidden = false;
    find("title").focus(); // who reads with a screen reader or a keyboard begins at the question
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
  const refusal = (reason) => JSON.stringify({
    func: replies.get(name) ?? name, last_error: 0, ...reason, slots: [], data: {},
  });
  const failed = () => refusal(refusals.failed);

  const serve = async (message, origin) => {
    const tooLong = message.length > LONGEST;
    name = tooLong ? "" : nameOf(message);
    progress(doing());
    const reply = tooLong
      ? refusal(refusals.tooLarge)
      : await converse({ site: origin, message }, show).catch(failed);
    if (gone) return;
    // Only to the site that asked, should another page be in its window by now.
    opener.postMessage(reply, origin === "null" ? "*" : origin);
    window.close();
  };

  // A window of its own that a page asked for, and yet nobody opened it: the browser has cut the two apart.
  const isCutOff = () => meta("opened") === "by_page" && history.length <= 1;

  const alone = () => {
    find("spinner").hidden = true;
    const cut = isCutOff();
    progress(say(cut ? "popup.cut_off" : "popup.alone"));
    if (cut) widen();
  };

  addEventListener("pagehide", () => { gone = true; });
  addEventListener("keydown", ({ key }) => { if (key === "Escape") cancelByKey(find("choices").lastElementChild); });
  addEventListener("blur", () => { wasAside = true; });
  addEventListener("focus", () => guard([...find("choices").children]));
  document.addEventListener("visibilitychange", () => guard([...find("choices").children]));
  if (opener) {
    addEventListener("message", (event) => {
      if (taken || event.source !== opener || typeof event.data !== "string") return;
      taken = true;
      clearInterval(calling);
      serve(event.data, event.origin);
    });
    // Chromium can lose a window's first message while its page opens another window, which takes the focus from this
    // one. A page that is only busy must not find two messages: some take the second for the reply.
    let since = 0;
    const call = () => {
      since = performance.now();
      opener.postMessage(JSON.stringify({ func: meta("ready") }), "*");
    };
    const calling = setInterval(() => {
      const isAside = wasAside || !document.hasFocus();
      if (performance.now() - since >= (isAside ? PATIENCE : LONGEST_BUSY)) call();
    }, 250);
    // Nobody would hear the answer, and a question would be about a page that the citizen no longer sees.
    setInterval(() => { if (opener.closed) window.close(); }, 500);
    call();
  } else {
    alone();
  }
}
