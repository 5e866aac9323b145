{
  const candidates = JSON.parse(meta("candidates"));
  const windows = meta("windows") === "yes";
  let chosen = candidates[0];

  const tell = (reply) => {
    window.opener?.postMessage(JSON.stringify(reply), "*");
  };

  const finish = (text, reply) => {
    find("choices").hidden = true;
    find("text").hidden = true;
    find("done").hidden = false;
    find("done").classList.toggle("error", reply.ret_code !== 0);
    find("done").textContent = text;
    tell(reply);
  };

  const settle = async (answer) => {
    if (answer !== "cancel" && windows) {
      find("choices").hidden = true;
      find("text").textContent = say(["請在「安控」的視窗中回答", "Please answer in Ankong's own window"]);
    }
    const response = await send("/popup/domain", { site: chosen?.origin ?? "", answer }).catch(() => null);
    const reply = response ? await response.json() : { ret_code: 0x7600000d, message: "執行檔錯誤或逾時" };
    if (reply.ret_code === 0) {
      finish(say(["已經加入信任網站。", "The site is trusted now."]), reply);
    } else {
      finish(say(["沒有加入信任網站。", "The site was not added."]), reply);
    }
    if (window.opener) setTimeout(() => window.close(), 800);
  };

  const choose = (candidate) => {
    chosen = candidate;
    showSite(candidate);
    find("origin").hidden = candidates.length > 1;
  };

  if (!chosen) {
    find("site").hidden = true;
    finish(say(["網址裡的網站名稱不對。", "The address names no site."]), { ret_code: 0x7600000c, message: "參數錯誤" });
  } else {
    choose(chosen);
    for (const candidate of candidates.length > 1 ? candidates : []) {
      const label = document.createElement("label");
      const radio = document.createElement("input");
      const name = document.createElement("span");
      radio.type = "radio";
      radio.name = "which";
      radio.checked = candidate === chosen;
      radio.addEventListener("change", () => choose(candidate));
      name.textContent = candidate.origin;
      label.append(radio, name);
      find("which").append(label);
    }
    find("yes").addEventListener("click", () => settle("always"));
    find("no").addEventListener("click", () => settle("cancel"));
    if (windows) find("yes").textContent = say(["在安控的視窗中決定", "Decide in Ankong's window"]);
    guardAlways([find("yes")]);
  }
}
