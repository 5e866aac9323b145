"""Where the keyboard is in a window can always be seen: each step of Tab changes the picture."""

import subprocess
import time

import pytest

from agent.consent.wire import AnyPrompt
from tests.signing.prompt_support import ALLOW, BLIND, CHOOSE, LAST
from tests.tray.prompt.desktop import PATIENCE, Desktop, opened

pytestmark = pytest.mark.slow


def pixels(desktop: Desktop, window: str) -> bytes:
    """Take a picture of a window, without anything that names the moment."""
    command = ["import", "-silent", "-window", window, "rgb:-"]
    done = subprocess.run(
        command, env=desktop.environment, capture_output=True, check=True, timeout=30
    )
    return done.stdout


@pytest.mark.parametrize(
    ("prompt", "places"),
    [(ALLOW, 4), (BLIND, 4), (CHOOSE, 3), (LAST, 2)],
    ids=["site", "blind", "cards", "last"],
)
def test_each_place_of_the_keyboard_looks_different(
    desktop: Desktop, prompt: AnyPrompt, places: int
) -> None:
    """As many places as can be answered at first: what waits for a choice is none yet."""
    with opened(desktop, prompt) as window:
        number = desktop.see()
        seen = [pixels(desktop, number)]
        for _ in range(places - 1):
            window.press("Tab")
            until = time.monotonic() + PATIENCE
            while (now := pixels(desktop, number)) in seen:
                assert time.monotonic() < until, "the keyboard's place cannot be seen"
            seen.append(now)
        window.press("Tab")
        until = time.monotonic() + PATIENCE
        while pixels(desktop, number) != seen[0]:  # all round
            assert time.monotonic() < until, "a place was missed"
        window.press("Escape")
        window.answer()
