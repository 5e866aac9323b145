"""What is wrong with a page for whoever has only a keyboard: Tab goes everywhere, and is seen."""

from itertools import pairwise
from typing import Any, Final

from playwright.sync_api import Page

from tests.browser.contrast import CONTRAST

LEAST_RATIO: Final = 3  # of a ring and what is around it (WCAG 2.2 §1.4.11)
MOST_STOPS: Final = 300

# What a page says about itself in one go: its stops in the order of the document, and what a mouse
# could use but Tab cannot. Radio buttons of one name are one stop (HTML: they are one group).
_MAP: Final = """
() => {
    const seen = (each) => each.checkVisibility({visibilityProperty: true})
        && each.getBoundingClientRect().width > 0;
    const dialog = document.querySelector("dialog:modal");
    const all = [...(dialog ?? document).querySelectorAll("*")];
    const closed = (each) => each.closest("[inert]") !== null;
    const groups = new Set();
    const isStop = (each) => {
        if (each.tabIndex < 0 || each.matches(":disabled") || !seen(each) || closed(each)) {
            return false;
        }
        if (!each.matches("a[href], area[href], button, input, select, textarea, summary, iframe,"
            + " [contenteditable], [tabindex], audio[controls], video[controls]")) return false;
        if (each.type !== "radio") return true;
        const group = `${each.form?.action} ${each.name}`;
        const known = groups.has(group);
        groups.add(group);
        return !known;
    };
    const stops = all.filter(isStop);
    const name = (each) => `${each.localName}#${each.id}.${each.className} "${(each.ariaLabel
        ?? each.textContent ?? "").trim().slice(0, 30)}"`;
    const usable = (each) => each.closest("a[href], button, input, select, textarea, summary,"
        + " [tabindex], label, dialog, option, :disabled") !== null;
    const roles = "[role=button], [role=link], [role=checkbox], [role=tab], [role=menuitem],"
        + " [role=switch], [onclick]";
    const wrong = all.filter((each) => seen(each) && !closed(each)).flatMap((each) => {
        const found = [];
        if (each.tabIndex > 0) found.push(`goes before its place: ${name(each)}`);
        if (each.tabIndex < 0 && each.matches("a[href], button:enabled, input:enabled,"
            + " select:enabled, textarea:enabled, summary") && each.type !== "hidden") {
            found.push(`Tab leaves it out: ${name(each)}`);
        }
        const points = getComputedStyle(each).cursor === "pointer";
        if ((points || each.matches(roles)) && !usable(each)) {
            found.push(`only for a mouse: ${name(each)}`);
        }
        return found;
    });
    // By their place: what a page draws anew meanwhile is the same stop.
    window.placeOf = (each) => {
        const way = [];
        for (let at = each; at.parentElement; at = at.parentElement) {
            way.unshift([...at.parentElement.children].indexOf(at));
        }
        return way.join("/");
    };
    window.stopOf = (at) => keyboardStops.findIndex((each) => each.place === placeOf(at)
        || (at.type === "radio" && each.radio === `${at.form?.action} ${at.name}`));
    window.keyboardStops = stops.map((each) => ({
        place: placeOf(each),
        radio: each.type === "radio" ? `${each.form?.action} ${each.name}` : null,
    }));
    return [stops.map(name), [...new Set(wrong)], keyboardStops.map(({place}) => place)];
}
"""
# Where the keyboard is: which stop, and what is wrong with how it is seen there.
_HERE: Final = (
    "(least) => {"
    + CONTRAST
    + """
    const at = document.activeElement;
    if (at === null || at === document.body || at === document.documentElement) return [-1, "", []];
    const place = stopOf(at);
    const name = `${at.localName}#${at.id}.${at.className} "${at.textContent.trim().slice(0, 20)}"`;
    const wrong = [];
    const style = getComputedStyle(at);
    const width = style.outlineStyle === "auto" ? 2 : parseFloat(style.outlineWidth);
    const offset = parseFloat(style.outlineOffset);
    const box = at.getBoundingClientRect();
    if (style.outlineStyle === "none" || width < 2) {
        wrong.push("no ring");
    } else {
        const ground = behind(offset < 0 ? at : at.parentElement);
        const found = ratio(style.outlineColor, ground);
        if (style.outlineStyle !== "auto" && found < least) {
            wrong.push(`pale ring ${found.toFixed(1)}`);
        }
    }
    if (style.clipPath !== "none" || parseFloat(style.opacity) < 0.5 || box.width < 4) {
        wrong.push("is not to be seen");
    }
    // Which sides of the ring are cut off by what it is in, or by the window.
    const reach = Math.max(0, offset + width) - 1;
    const ring = {
        left: box.left - reach, top: box.top - reach,
        right: box.right + reach, bottom: box.bottom + reach,
    };
    const cut = new Set();
    const clip = (left, top, right, bottom) => {
        if (ring.left < left) cut.add("left");
        if (ring.right > right) cut.add("right");
        if (ring.top < top) cut.add("top");
        if (ring.bottom > bottom) cut.add("bottom");
    };
    for (let each = at.parentElement; each && each !== document.body; each = each.parentElement) {
        const {overflowX, overflowY} = getComputedStyle(each);
        const edge = each.getBoundingClientRect();
        const [x, y] = [edge.left + each.clientLeft, edge.top + each.clientTop];
        if (overflowX !== "visible" || overflowY !== "visible") {
            clip(overflowX === "visible" ? -Infinity : x, overflowY === "visible" ? -Infinity : y,
                overflowX === "visible" ? Infinity : x + each.clientWidth,
                overflowY === "visible" ? Infinity : y + each.clientHeight);
        }
    }
    // A page is scrolled to the line of a long text, or to the part of a date, not to the whole.
    if (at.localName !== "textarea" && at.type !== "date") clip(0, 0, innerWidth, innerHeight);
    if (cut.size > 0 && box.height < innerHeight && box.width < innerWidth) {
        wrong.push(`ring cut: ${[...cut].join(", ")}`);
    }
    // Whether something lies on what is in sight of it (WCAG 2.2 §2.4.11): a table may be taller.
    const inside = (x, y) => {
        if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) return false;
        const top = document.elementFromPoint(x, y);
        return top !== null && (at.contains(top) || top.contains(at) || at.labels?.length
            && [...at.labels].some((label) => label.contains(top)));
    };
    const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
    const y = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
    const points = [[(left + right) / 2, y], [left + 3, y], [right - 3, y]];
    if (!points.some(([each, other]) => inside(each, other))) wrong.push("something lies on it");
    const parts = ".rail, nav, header, footer, aside, [role=region], .steps, .chip";
    return [place, name, wrong, [box.left, box.top + scrollY, box.right, box.bottom + scrollY],
        at.closest(parts)?.className ?? ""];
}
"""
)
# Tab goes on from where the keyboard was, though that is there no more.
_TO_AN_END: Final = """
(where) => {
    const end = document.createElement("span");
    end.tabIndex = -1;
    (document.querySelector("dialog:modal") ?? document.body).insertAdjacentElement(where, end);
    end.focus();
    end.remove();
}
"""


def keyboard_faults(page: Page) -> list[str]:
    """Go through a page with Tab, and back with Shift+Tab; return what is wrong.

    Everything that a mouse could use has its place in the order of Tab, which is that of the
    document and of the eye; each place is seen, and nothing holds the keyboard.
    """
    was_at = page.evaluate_handle("document.activeElement")
    names, wrong, places = page.evaluate(_MAP)
    found: list[str] = list(wrong)
    visited, boxes, faults = _walk(page, "Tab", "afterbegin")
    found += faults
    if visited != sorted(visited):
        found.append(f"not in the order of the document: {[names[i] for i in visited]}")
    found += _against_the_eye(boxes)
    back, _, faults = _walk(page, "Shift+Tab", "beforeend")
    found += [each for each in faults if each not in found]
    page.evaluate("(each) => { each.focus?.(); scrollTo(0, 0); }", was_at)
    _, _, still = page.evaluate(_MAP)  # what opens on demand may have closed meanwhile
    for way, stops in (("Tab", visited), ("Shift+Tab", back)):
        missed = [i for i in range(len(names)) if i not in stops and places[i] in still]
        found += [f"{way} does not reach: {names[i]}" for i in missed]
    return [f"keyboard: {each}" for each in found]


def _walk(page: Page, key: str, start: str) -> tuple[list[int], list[Any], list[str]]:
    """Press a key until it leads out of the page, or round; return the stops and what is wrong."""
    stops: list[int] = []
    boxes: list[Any] = []
    found: list[str] = []
    page.evaluate(_TO_AN_END, start)
    for _ in range(MOST_STOPS):
        page.keyboard.press(key)
        stop, name, faults, *where = page.evaluate(_HERE, LEAST_RATIO)
        if not name or stop in stops[:-1]:
            return stops, boxes, found
        if stop in stops:
            continue  # the parts of a date are stops of their own
        found += [f"{each}: {name}" for each in faults]
        if stop < 0:
            return stops, boxes, [*found, f"no stop that a reader would expect: {name}"]
        stops.append(stop)
        boxes.append((name, *where))
    return stops, boxes, [*found, f"{key} comes to no end"]


def _against_the_eye(boxes: list[Any]) -> list[str]:
    """Return where the keyboard goes up a column, or back along a line, while it goes on."""
    found = []
    for (one, first, part), (other, second, other_part) in pairwise(boxes):
        if part != other_part:
            continue  # another part of the page begins elsewhere
        is_above = second[3] <= first[1] + 1
        shares_column = min(first[2], second[2]) > max(first[0], second[0])
        shares_line = min(first[3], second[3]) - max(first[1], second[1]) > (
            min(first[3] - first[1], second[3] - second[1]) / 2
        )
        if (is_above and shares_column) or (shares_line and second[2] <= first[0] + 1):
            found.append(f"against the reading order: {one} -> {other}")
    return found
