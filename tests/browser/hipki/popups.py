"""What a citizen does with a page and with the popup that it opens."""

from contextlib import suppress
from typing import Any

from playwright.sync_api import Error, Page


def press(page: Page, button: str) -> Page:
    """Press a button; give the popup that it opens."""
    with page.expect_popup() as opened:
        page.click(f"#{button}")
    return opened.value


def outcome(page: Page, number: int = 0) -> Any:
    """Wait for what the page got for its request, counted from 0."""
    page.wait_for_function(f"window.outcomes.length > {number}")
    return page.evaluate(f"window.outcomes[{number}]")


def clicked(page: Page, button: str) -> Any:
    """Press a button and wait for one more outcome; the popup has to be gone then."""
    before = page.evaluate("window.outcomes.length")
    popup = press(page, button)
    reply = outcome(page, before)
    until_closed(popup)
    return reply


def press_away(popup: Page, key: str) -> None:
    """Press a key that closes the popup, which may be gone before the key is up again."""
    with suppress(Error):
        popup.keyboard.press(key)
    until_closed(popup)


def until_closed(popup: Page) -> None:
    """Wait until a popup has closed itself."""
    if not popup.is_closed():
        popup.wait_for_event("close")


def say(popup: Page, answer: str) -> None:
    """Answer the question in a popup."""
    popup.click(f"[data-answer={answer}]")
