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
    find("blind").hidden = true;
    find("done").hidden = false;
    find("done").classList.toggle("error", reply.ret_code !== 0);
    find("done").textContent = text;
    find("done").focus(); // the button that had the focus is gone
    tell(reply);
  };

  const settle = async (answer) => {
    if (answer !== "cancel" && windows) {
      find("choices").hidden = true;
      find("text").textContent = say("common.in_window");
    }
    const response = await send("/popup/domain", { site: chosen?.origin ?? "", answer, blind: chosen?.blind ?? false }).catch(() => null);
    const reply = response ? await response.json() : refusals.failed;
    if (reply.ret_code === 0) {
      finish(say("adddomain.added"), reply);
    } else {
      finish(say("adddomain.not_added"), reply);
    }
    if (window.opener) setTimeout(() => window.close(), 800);
  };

  const choose = (candidate) => {
    chosen = candidate;
    showSite(candidate);
    find("blind").hidden = !candidate.blind;
    find("origin").hidden = candidates.length > 1;
  };

  if (!chosen) {
    find("site").hidden = true;
    finish(say("adddomain.no_site"), refusals.badParameter);
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
    addEventListener("keydown", ({ key }) => { if (key === "Escape") cancelByKey(find("no")); });
    if (windows) find("yes").textContent = say("adddomain.in_window");
    guardAlways([find("yes")]);
  }
}
