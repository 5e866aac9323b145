"""What is wrong with a page's fields and messages for who sees little, or hears the page only."""

from typing import Final

from playwright.sync_api import Page

from tests.browser.contrast import CONTRAST

DESKTOP: Final = 1000  # CSS pixels
LEAST_RATIO: Final = 3  # of a field's edge and what is around it (WCAG 2.2 §1.4.11)

# Fields that stand out too little, errors that no field names, fields that name no error, and
# messages that no screen reader says (§3.3.1, §4.1.3).
_FIELDS: Final = (
    "(least) => {"
    + CONTRAST
    + """
    const seen = (each) => each.checkVisibility({visibilityProperty: true})
        && each.getBoundingClientRect().width > 1;
    const name = (each) => `${each.localName}#${each.id}.${each.className}`;
    const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
    const described = (each) => `${each.getAttribute("aria-describedby") ?? ""} ${
        each.getAttribute("aria-errormessage") ?? ""}`.split(/\\s+/).filter(Boolean)
        .map((id) => document.getElementById(id));
    const wrong = [];
    const drawn = "input:not([type=radio], [type=checkbox], [type=file], [type=hidden]),"
        + " select:not(.quiet), textarea";
    for (const each of all(drawn).filter((one) => !one.disabled)) {
        const style = getComputedStyle(each);
        const around = behind(each.parentElement);
        const edge = parseFloat(style.borderTopWidth) > 0 ? ratio(style.borderTopColor, around) : 0;
        const found = Math.max(edge, ratio(behind(each), around));
        if (found < least) wrong.push(`pale field ${found.toFixed(1)}: ${name(each)}`);
    }
    for (const each of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
        for (const attribute of ["aria-describedby", "aria-labelledby"]) {
            for (const id of (each.getAttribute(attribute) ?? "").split(/\\s+/).filter(Boolean)) {
                if (!document.getElementById(id)) wrong.push(`names nothing, ${id}: ${name(each)}`);
            }
        }
    }
    for (const each of all("[aria-invalid=true]")) {
        const says = described(each).some((text) => text && seen(text)
            && /error|refus/i.test(`${text.id} ${text.className}`));
        if (!says) wrong.push(`does not say what is wrong: ${name(each)}`);
    }
    for (const each of all(".field-error").filter((one) => one.textContent.trim())) {
        const named = all("[aria-invalid=true], fieldset").some((field) => described(field)
            .some((text) => text && (text === each || text.contains(each) || each.contains(text))));
        const said = each.textContent.trim().slice(0, 30);
        if (!named) wrong.push(`of no field: ${name(each)} ${said}`);
    }
    for (const each of all(".notice.error, .notice.ok, .notice.good, .notice.bad")) {
        if (!each.closest("[role=alert], [role=status], [role=alertdialog], [aria-live]")) {
            wrong.push(`nobody says it: ${name(each)} ${each.textContent.trim().slice(0, 30)}`);
        }
    }
    return [...new Set(wrong)];
}
"""
)
# Letters of twice the size, and the distances of §1.4.12: nothing may be cut off.
_LARGE: Final = """
() => {
    const style = document.createElement("style");
    style.textContent = `html { font-size: 200% !important }
        main * { line-height: 1.5 !important; letter-spacing: .12em !important;
        word-spacing: .16em !important } main p { margin-bottom: 2em !important }`;
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, (() => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(style.textContent);
        return sheet;
    })()];
    const wide = document.documentElement.clientWidth;
    const seen = (each) => each.checkVisibility({visibilityProperty: true})
        && each.getBoundingClientRect().width > 1;
    const cut = [...document.querySelectorAll("main *")].filter((each) => seen(each)
        && !each.matches("select, input, textarea, .desk-stage") && !each.closest("svg, .unseen")
        && getComputedStyle(each).overflowY === "hidden"
        && each.scrollHeight > each.clientHeight + 2 && each.clientHeight > 1);
    const out = document.documentElement.scrollWidth > wide
        ? [...document.body.querySelectorAll("*")].filter((each) => seen(each)
            && each.getBoundingClientRect().right > wide + 1) : [];
    const name = (each) => `${each.localName}#${each.id}.${each.className}`;
    document.adoptedStyleSheets = document.adoptedStyleSheets.slice(0, -1);
    return [...cut.map((each) => `cut off: ${name(each)}`),
        ...out.map((each) => `reaches out: ${name(each)}`)].slice(0, 6);
}
"""


def sight_faults(page: Page) -> list[str]:
    """Return what is wrong with the fields and messages of a page, and with large letters.

    Letters are made large where a page is as wide as a desktop's (§1.4.4).
    """
    found: list[str] = page.evaluate(_FIELDS, LEAST_RATIO)
    is_wide = page.evaluate("innerWidth") >= DESKTOP
    large: list[str] = page.evaluate(_LARGE) if is_wide else []
    return [*found, *(f"large letters: {each}" for each in large)]
