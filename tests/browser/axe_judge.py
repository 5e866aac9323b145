"""What is wrong with a page for its readers: axe-core's findings, and what axe does not look at."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from playwright.sync_api import Page

from agent.words import SOURCE, load
from tests.browser.npm_packages import npm_file

TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
NARROW: Final = 320  # CSS pixels: 1280 at 400 % (WCAG 2.2 §1.4.10)

_RUN: Final = """
(tags) => axe.run(document, {runOnly: tags, resultTypes: ["violations"]}).then(({violations}) =>
    violations.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) =>
        `${id}: ${target.join(" ")}: ${failureSummary.split("\\n").slice(1).join("; ")}`)))
"""
# One letter is text here: the name of a key.
_CONFIGURE: Final = """
() => {
    const {options} = axe._audit.checks["color-contrast"];
    axe.configure({checks: [{id: "color-contrast", options: {...options, ignoreLength: true}}]});
}
"""
_END_ANIMATIONS: Final = """
() => document.getAnimations().forEach((each) => {
    if (each.effect?.getComputedTiming().endTime !== Infinity) each.finish();
})
"""
_SIDEWAYS: Final = """
() => {
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= wide) return [];
    return [...document.body.querySelectorAll("*")]
        .filter((each) => each.getBoundingClientRect().right > wide + 1)
        .map((each) => `${each.tagName.toLowerCase()}.${each.className}#${each.id}`).slice(0, 8);
}
"""
_BROKEN: Final = """
() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    const lines = () => new Set([...range.getClientRects()].map(({top}) => Math.round(top))).size;
    const isSeen = (element) => {
        if (!element.checkVisibility({visibilityProperty: true})) return false;
        for (let each = element; each; each = each.parentElement) {
            if (each.getBoundingClientRect().width <= 1) return false;
        }
        return element.closest("code, select, textarea") === null;
    };
    // No piece of a path: that is as long as it is on this computer, and breaks where it must.
    const words = /(?<![\\w@./])[A-Za-z]{4,14}(?![\\w@/]|\\.\\w)/g;
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!isSeen(element)) continue;
        const where = `${element.tagName.toLowerCase()}.${element.className}`;
        for (const {0: word, index} of node.data.matchAll(words)) {
            range.setStart(node, index);
            range.setEnd(node, index + word.length);
            if (lines() > 1) found.push(`a word in two: ${where}: ${word}`);
        }
        range.selectNodeContents(node);
        const count = lines();
        const text = node.data.trim();
        if (count > 3 && text.length < 3 * count) found.push(`squeezed: ${where}: ${text}`);
    }
    return found;
}
"""
_TEXTS: Final = """
() => {
    const named = [...document.querySelectorAll("[aria-label], [title], [alt], [placeholder]")];
    const names = named.flatMap((each) => ["aria-label", "title", "alt", "placeholder"]
        .map((name) => each.getAttribute(name) ?? ""));
    return [document.title, document.body.innerText, ...names].join("\\n");
}
"""
_LIKE_KEY: Final = re.compile(r"(?<![\w@./:-])([a-z]\w*)(?:\.\w+)+(?![\w@/])")


class Look(NamedTuple):
    """How a page is looked at."""

    width: int
    scheme: Literal["light", "dark"]


EVERY_LOOK: Final = tuple(
    # 640: 1280 at 200 % (WCAG 2.2 §1.4.4)
    Look(width, scheme)
    for width in (390, 640, 1280)
    for scheme in ("light", "dark")
)
FEW_LOOKS: Final = (Look(390, "light"), Look(1280, "dark"))


def faults(page: Page, looks: Iterable[Look]) -> Iterator[str]:
    """Find what is wrong with a page as it stands, in each of these looks."""
    before = page.viewport_size
    assert before is not None
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
        page.evaluate(_CONFIGURE)
    for look in looks:
        show(page, look)
        yield from (f"{look.width} {look.scheme}: {each}" for each in _axe_faults(page))
    page.set_viewport_size({"width": NARROW, "height": before["height"]})
    yield from (f"wider than {NARROW}: {each}" for each in page.evaluate(_SIDEWAYS))
    yield from (f"at {NARROW}: {each}" for each in page.evaluate(_BROKEN))
    yield from (f"a key, not its words: {each}" for each in raw_keys(page.evaluate(_TEXTS)))
    page.set_viewport_size(before)


def show(page: Page, look: Look) -> None:
    """Look at a page so; whatever moves has come to its end."""
    page.set_viewport_size({"width": look.width, "height": 900})
    page.emulate_media(color_scheme=look.scheme)
    page.evaluate(_END_ANIMATIONS)


def raw_keys(text: str) -> list[str]:
    """Return what looks like keys of the catalogue, whether they are there or not."""
    return [found[0] for found in _LIKE_KEY.finditer(text) if found[1] in _sections()]


def _axe_faults(page: Page) -> list[str]:
    found: list[str] = page.evaluate(_RUN, list(TAGS))
    return found


@cache
def _axe() -> str:
    return npm_file("axe-core/axe.min.js").read_text("utf-8")


@cache
def _sections() -> frozenset[str]:
    """Return what keys begin with: in the catalogue, and in pages, which leave out "portal."."""
    keys: Any = load(SOURCE)
    parts = [key.split(".") for key in keys]
    return frozenset(
        [each[0] for each in parts] + [each[1] for each in parts if each[0] == "portal"]
    )
