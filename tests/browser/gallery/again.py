"""What the answer to a form had said is said on in another language, and done no second time."""

import re

from playwright.sync_api import Page

# What is there whatever the language: what is wrong with which field, and what was typed.
_SAID = """
() => [
    document.querySelector("h1").id, ...[...document.querySelectorAll("main [id], main [name]")]
        .filter((each) => !each.closest("[hidden]"))
        .map((each) => [each.localName, each.id, each.name, each.value ?? "", each.checked,
            each.getAttribute("aria-invalid"), each.getAttribute("aria-describedby")].join("|")),
    ...[...document.querySelectorAll("main .notice, main .field-error")]
        .map((each) => `${each.className} ${each.querySelector("[data-code]")?.dataset.code}`),
]
"""
_FORM = "form.language[action*='/again/']"


def lost_by_another_language(page: Page) -> list[str]:
    """Choose another language on the answer to a form, and the first again; say what is lost."""
    if not page.locator(_FORM).count():
        return []
    first, words = page.input_value("#language"), _words(page)
    before = page.evaluate(_SAID)
    found = []
    for language in ("en" if first != "en" else "zh-Hant", first):
        page.select_option("#language", language)
        with page.expect_navigation():
            page.click(f"{_FORM} button")
        if page.get_attribute("html", "lang") != language:
            found.append(f"does not speak {language}")
        after = page.evaluate(_SAID)
        if after != before:
            found.append(f"{language} says something else: {set(before) ^ set(after)}")
    if not found and _words(page) != words:
        found.append(f"says {_words(page)!r}, said {words!r}")
    return [f"another language: {each}" for each in found]


def _words(page: Page) -> str:
    """Return what the page says, without the clock that runs on it."""
    return re.sub(r"\d+", "0", page.inner_text("main"))
