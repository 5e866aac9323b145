"""Keys that write something else than was meant, on real keyboard maps: the PIN window says so."""

import ctypes
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.words import Language
from tests.tray.prompt.desktop import Desktop
from tray.prompt.keyboard import CAPS_LOCK, EXTENDED, NUM_LOCK, SHIFT, Trouble, trouble_of
from tray.prompt.texts import load_texts
from tray.prompt.views import TROUBLE_MARK

ROOT = Path(__file__).parents[3]
SHIFT_KEY, CAPS_LOCK_KEY, NUM_LOCK_KEY = "50", "66", "77"  # where they are on every map
KEYPAD_1, KEYPAD_POINT, DIGIT_1, DIGIT_2, DIGIT_6, LETTER_A = "87", "91", "10", "11", "15", "38"
DOT = "●"


class Typist:
    """Hands on the keys of a PIN window, and eyes on its texts."""

    def __init__(self, desktop: Desktop, language: Language) -> None:
        self.texts = load_texts(language)
        self._desktop = desktop
        self._size: list[int] = []
        self.window = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.tray.prompt.typing_seen", language],
            env={**desktop.environment, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def keys(self, *codes: str) -> None:
        """Press keys by the number that the keyboard sends: what they write is the map's."""
        self._desktop.see()
        self._desktop.press(*codes)

    def sees(self, text: str) -> None:
        """Read the window until a text is in it."""
        assert self.window.stdout is not None
        for line in self.window.stdout:
            texts, cut, size = json.loads(line)
            assert not cut
            assert size == self._size or not self._size, "the window jumps"
            self._size = size
            if text in texts:
                return
        raise AssertionError(f"{text!r} was never shown")

    def sees_trouble(self, text: str) -> None:
        self.sees(f"{TROUBLE_MARK}  {text}")


@contextmanager
def typing(desktop: Desktop, layout: str, language: Language) -> Iterator[Typist]:
    """Open a PIN window under a keyboard map; put the usual one back afterwards."""
    typist = Typist(desktop, language)
    with typist.window:
        try:
            desktop.see()  # a server without any client forgets its map
            desktop.do("setxkbmap", *layout.split())
            yield typist
            desktop.do("setxkbmap", "us")
        finally:
            typist.window.kill()
    desktop.see_nothing()


@pytest.mark.slow
@pytest.mark.parametrize("language", Language)
def test_a_keypad_that_moves_instead_of_writing_is_said_to(
    desktop: Desktop, language: Language
) -> None:
    with typing(desktop, "us", language) as person:
        person.sees(person.texts.pin_hint.format(least=6, most=8))
        person.keys(DIGIT_1, KEYPAD_1)
        person.sees_trouble(person.texts.num_lock)
        person.keys(KEYPAD_POINT)
        person.keys(NUM_LOCK_KEY, KEYPAD_1)
        person.sees(DOT * 2)  # the point has deleted nothing
        person.keys(NUM_LOCK_KEY)


@pytest.mark.slow
@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("layout", "key"),
    [("ara -variant digits", DIGIT_1), ("th", DIGIT_1), ("fr", DIGIT_2), ("vn", DIGIT_6)],
    ids=["arabic", "thai", "french", "vietnamese-accent"],
)
def test_a_key_that_no_pin_has_is_said_to_write_nothing(
    desktop: Desktop, layout: str, key: str, language: Language
) -> None:
    with typing(desktop, layout, language) as person:
        person.keys(key)
        person.sees_trouble(person.texts.layout)
        desktop.do("setxkbmap", "us")
        person.keys(DIGIT_1)
        person.sees(DOT)


@pytest.mark.slow
@pytest.mark.parametrize("language", Language)
def test_letters_and_capitals_are_noticed_for_as_long_as_they_matter(
    desktop: Desktop, language: Language
) -> None:
    with typing(desktop, "us", language) as person:
        person.keys(CAPS_LOCK_KEY, DIGIT_1)
        person.sees_trouble(person.texts.capitals)
        person.keys(CAPS_LOCK_KEY, LETTER_A)
        person.sees_trouble(person.texts.no_digit)
        person.keys(DIGIT_1)
        person.sees(DOT * 3)
        person.keys("BackSpace", "BackSpace")
        person.sees(person.texts.pin_hint.format(least=6, most=8))


def pressed(keysym: str, character: str = "", state: int = 0, number: int = 0xFF00) -> object:
    return SimpleNamespace(keysym=keysym, char=character, state=state, keysym_num=number)


@pytest.mark.parametrize(
    ("event", "trouble"),
    [
        (pressed("KP_End"), Trouble.NUM_LOCK),
        (pressed("KP_Begin", state=CAPS_LOCK), Trouble.NUM_LOCK),
        (pressed("KP_Delete"), Trouble.NUM_LOCK),
        (pressed("KP_End", state=SHIFT), None),
        (pressed("KP_End", state=NUM_LOCK), None),
        (pressed("KP_1", "1", NUM_LOCK, 0xFFB1), None),
        (pressed("End"), None),
        (pressed("KP_Enter", "\r"), None),
        (pressed("1", "1", number=0x31), None),
        (pressed("space", " ", number=0x20), None),
        (pressed("A", "A", CAPS_LOCK, 0x41), Trouble.CAPITALS),
        *((pressed("??", each, number=0), Trouble.LAYOUT) for each in "\uff11\u0663\u3105é１٣國"),
        (pressed("Arabic_1", number=0x01000661), Trouble.LAYOUT),
        (pressed("Thai_lakkhangyao", number=0x0DE5), Trouble.LAYOUT),
        (pressed("dead_acute", number=0xFE51), Trouble.LAYOUT),
        (pressed("ISO_Level3_Shift", number=0xFE03), None),
        (pressed("Shift_L", number=0xFFE1), None),
        (pressed("Tab", "\t", number=0xFF09), None),
        (pressed("XF86AudioMute", number=0x1008FF12), None),
    ],
    ids=lambda value: getattr(value, "keysym", ""),
)
def test_what_a_key_tells(event: object, trouble: Trouble | None) -> None:
    assert trouble_of(event) is trouble


@pytest.mark.parametrize(
    ("state", "num_lock", "trouble"),
    [(0, 0, Trouble.NUM_LOCK), (0, 1, None), (EXTENDED, 0, None)],
    ids=["off", "on", "arrow keys"],
)
def test_windows_is_asked_whether_num_lock_is_on(
    state: int, num_lock: int, trouble: Trouble | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    user32 = SimpleNamespace(GetKeyState=lambda key: num_lock if key == 0x90 else 0)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(user32=user32), raising=False)
    assert trouble_of(pressed("End", state=state)) is trouble
