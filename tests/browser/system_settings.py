"""What is wrong with a page under the settings of people who see or move otherwise."""

import os
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.contrast import CONTRAST

SHOTS = "ANKONG_SHOTS"
LEAST_CONTRAST = 7  # WCAG 2.2 §1.4.6

RUNNING = "document.getAnimations().map((each) => each.animationName ?? each.transitionProperty)"
# Texts that stand out too little from what is behind them; a disabled button's are no texts.
PALE = (
    "(least) => {"
    + CONTRAST
    + """
    const said = [...document.body.querySelectorAll("*")].filter((each) => each.checkVisibility()
        && !each.closest("svg, :disabled, option") && !each.matches("noscript, script, style")
        && [...each.childNodes].some((child) => child.nodeType === 3 && child.data.trim()));
    return said.map((each) => {
        const found = ratio(getComputedStyle(each).color, behind(each));
        const name = `${each.tagName} ${each.className}`;
        return [found, `${name} ${found.toFixed(1)}: ${each.textContent}`];
    }).filter(([found]) => found < least).map(([, what]) => what);
}"""
)
# Drawings in a colour that the system did not choose, and whoever keeps a colour of its own.
UNFORCED = """() => {
    const names = ["Canvas", "CanvasText", "LinkText", "ButtonText", "ButtonFace", "GrayText",
        "Highlight", "HighlightText", "VisitedText"];
    const probe = document.body.appendChild(document.createElement("i"));
    const system = new Set(names.map((name) => {
        probe.style.cssText = `forced-color-adjust: none; color: ${name}`;
        return getComputedStyle(probe).color;
    }));
    probe.style.color = "Canvas";
    const canvas = getComputedStyle(probe).color; // is drawn behind each line of a forced text
    probe.remove();
    const own = (colour) => !system.has(colour)
        && colour !== "none" && !/^rgba\\(.*, 0\\)$/.test(colour);
    const seen = [...document.body.querySelectorAll("*")].filter((each) => each.checkVisibility());
    const shapes = seen.filter((each) => each.matches("svg, svg *:not(use)"));
    const kept = seen.filter((each) => getComputedStyle(each).forcedColorAdjust === "none");
    const hidden = seen.filter((each) => getComputedStyle(each).color === canvas
        && getComputedStyle(each).forcedColorAdjust !== "none" && each.innerText?.trim());
    return [
        ...hidden,
        ...shapes.filter((each) => own(getComputedStyle(each).fill) && each.localName !== "svg"
            || own(getComputedStyle(each).stroke)),
        ...kept.filter((each) => own(getComputedStyle(each).backgroundColor)),
    ].map((each) => each.outerHTML.slice(0, 120));
}"""


def judge(page: Page, name: str, scheme: str) -> list[str]:
    """Look at a page in each of the three settings; return what is wrong."""
    wrong = []
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    wrong += [f"moves: {each}" for each in page.evaluate(RUNNING)]
    page.emulate_media(color_scheme=scheme, contrast="more")  # type: ignore[arg-type]
    wrong += page.evaluate(PALE, LEAST_CONTRAST)
    keep_picture(page, f"more-{scheme}-{name}")
    page.emulate_media(color_scheme=scheme, forced_colors="active")  # type: ignore[arg-type]
    wrong += page.evaluate(UNFORCED)
    keep_picture(page, f"forced-{scheme}-{name}")
    page.emulate_media(
        forced_colors="none", contrast="no-preference", reduced_motion="no-preference"
    )
    return [f"{name} {scheme}: {each}" for each in wrong]


def judged(page: Page, name: str) -> list[str]:
    return [each for scheme in ("light", "dark") for each in judge(page, name, scheme)]


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture for whoever wants to look at it."""
    folder = os.environ.get(SHOTS)
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")
