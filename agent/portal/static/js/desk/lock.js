/**
 * The time for which a case is one's own: counted down, begun anew by work, and over when it is over.
 */

const ENDING_S = 120;
const PROLONG_AFTER_S = 45;
const WORK = /** @type {const} */ (["keydown", "pointerdown", "wheel", "input"]);

/**
 * @param {HTMLElement} lock has the seconds that are left and the address that prolongs
 * @param {{ ending: (isEnding: boolean) => void, ended: () => void }} tell
 */
export function watchLock(lock, tell) {
  const clock = /** @type {HTMLElement} */ (lock.querySelector(".desk-clock"));
  const address = lock.dataset.prolong ?? "";
  let end = performance.now() + Number(lock.dataset.left) * 1000;
  let prolonged = performance.now();
  let isOver = false;
  let wasEnding = false;

  const left = () => Math.max(0, Math.ceil((end - performance.now()) / 1000));

  const finish = () => {
    if (isOver) return;
    isOver = true;
    clearInterval(ticking);
    tell.ended();
  };

  const show = () => {
    const seconds = left();
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const isEnding = seconds <= ENDING_S;
    lock.classList.toggle("ending", isEnding);
    if (isEnding !== wasEnding) tell.ending(isEnding);
    wasEnding = isEnding;
    if (seconds === 0) finish();
  };

  const prolong = async () => {
    if (isOver || performance.now() - prolonged < PROLONG_AFTER_S * 1000) return;
    prolonged = performance.now();
    const sent = performance.now();
    try {
      const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: "{}", redirect: "error" });
      if (answer.ok) {
        end = sent + (await answer.json()).left * 1000;
        document.dispatchEvent(new Event("staff-active")); // the session was prolonged with it
      }
      if (answer.status >= 400 && answer.status < 500) finish();
    } catch {
      // The network is away for a moment, or the session has ended: the time that is left runs on.
    }
    show();
  };

  for (const kind of WORK) document.addEventListener(kind, () => void prolong(), { passive: true });
  for (const part of lock.querySelectorAll("span")) part.hidden = part !== clock;
  const ticking = setInterval(show, 1000);
  show();
}
