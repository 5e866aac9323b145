/**
 * The elements' look, as the portal's: constructed sheets, which no `style-src` forbids.
 *
 * @module style
 */

// light-dark() follows the page's own color-scheme: a page that is always light gets no dark chip.
const COLOURS = `:host{
--ink:light-dark(#1d2730,#e9edf0);--soft:light-dark(#56636e,#a5b1bb);--surface:light-dark(#fff,#1a222a);
--line:light-dark(#dcdad2,#313c46);
--accent:var(--ankong-accent,light-dark(#0f5a6e,#7fcbdc));--on-accent:var(--ankong-on-accent,light-dark(#fff,#08252d));
--ok:light-dark(#1c6b45,#86d8ab);
--warning:light-dark(#8a4b00,#f2bd7b);
--shadow:0 1px 2px rgb(29 39 48/8%),0 8px 28px rgb(29 39 48/8%);
display:inline-block;max-width:min(100%,25rem);color:var(--ink);line-height:1.5}
:host([hidden]),[hidden]{display:none!important}
*{box-sizing:border-box;overflow-wrap:anywhere;unicode-bidi:plaintext}
button,a{min-height:48px;font:inherit;cursor:pointer}
:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
p{margin:0}
ol{margin:.3em 0 0;padding-inline-start:1.3em}
.said{position:absolute;width:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.action{display:inline-flex;align-items:center;justify-content:center;gap:.6em;padding:.45em 1.2em;border:1.5px solid var(--accent);
border-radius:var(--ankong-radius,10px);background:var(--accent);color:var(--on-accent);font-weight:600;text-decoration:none;text-align:center}
.action:hover:not(:disabled){filter:brightness(1.1)}
a.action{background:none;color:var(--accent)}
@media(prefers-reduced-motion:reduce){*{animation:none!important}}`;

/** @type {string} */
export const STATUS_STYLE = `${COLOURS}
.chip{display:flex;align-items:center;gap:.7em;padding:.45em 1em;border:1.5px solid light-dark(#7d8a94,#76848f);border-radius:99px;
background:var(--surface);color:inherit;line-height:1.25;text-align:start;box-shadow:var(--shadow)}
.dot{width:13px;height:13px;flex:none;border-radius:50%;background:var(--soft)}
.text{display:flex;flex-direction:column}
small{color:var(--soft)}
.arrow{flex:none;width:9px;height:9px;margin:-4px 3px 0;border:solid var(--soft);border-width:0 2px 2px 0;transform:rotate(45deg)}
[aria-expanded=true] .arrow{margin-top:5px;transform:rotate(225deg)}
.running .chip{border-color:var(--ok);background:light-dark(#e6f3ec,#15302a)}
.running .dot{background:var(--ok)}
.not_running .chip{border-color:var(--warning);background:light-dark(#fdf1e0,#332613)}
.not_running .dot{background:none;border:3px solid var(--warning)}
.checking .dot{animation:breathe 1.2s infinite alternate}
.help{display:flex;flex-direction:column;align-items:flex-start;gap:.7em;margin-block-start:.6em;padding:1.1em 1.2em;border:1px solid var(--line);
border-radius:14px;background:var(--surface);box-shadow:var(--shadow);font-size:.94em}
.actions{display:flex;flex-wrap:wrap;gap:.6em}
@keyframes breathe{to{opacity:.3}}
@media(forced-colors:active){.checking .dot{border:2px solid}.running .dot{background:Highlight;forced-color-adjust:none}}`;

/** @type {string} */
export const BUTTON_STYLE = `${COLOURS}
.action{box-shadow:var(--shadow)}
.action:disabled{border-color:var(--line);background:none;color:var(--soft);box-shadow:none}
.mark{flex:none;position:relative;width:1.45em;height:1.05em;border:2px solid;border-radius:.22em}
.mark::after{content:"";position:absolute;top:.2em;left:.2em;width:.3em;height:.26em;background:currentColor}
[aria-busy=true] .mark{width:1.2em;height:1.2em;margin:0 .12em;border-radius:50%;border-right-style:none;animation:turn 1s linear infinite}
[aria-busy=true] .mark::after{display:none}
.message{font-size:.94em}
.message:not(:empty){margin-block-start:.6em}
.message.failed{padding-inline-start:.8em;border-inline-start:3px solid var(--warning)}
@keyframes turn{to{transform:rotate(1turn)}}`;
