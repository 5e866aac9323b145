"""What is odd about the keyboard, told from the key that was pressed: people type a PIN blind."""

import ctypes
import sys
from enum import Enum, auto, unique
from typing import Any, Final

# Bits of the state of a key event (Tk's bind manual; those of Windows are in its tkWinInt.h).
SHIFT: Final = 0x0001
CAPS_LOCK: Final = 0x0002
CONTROL: Final = 0x0004
NUM_LOCK: Final = 0x0010  # X11's Mod2, which every keyboard map has NumLock on
EXTENDED: Final = 0x40000  # Windows: not one of the keypad
_VK_NUMLOCK: Final = 0x90  # <winuser.h>
_KEYPAD: Final = "KP_"  # before a keypad key's name on X11
_WITHOUT_NUM_LOCK: Final = frozenset(
    (
        *("Home", "Up", "Prior", "Left", "Begin", "Clear", "Right"),
        *("End", "Down", "Next", "Insert", "Delete"),
    )
)
"""What a keypad's digits and its point are while NumLock is off."""
_DEAD_KEYS: Final = range(0xFE50, 0xFEA0)  # <X11/keysymdef.h>: accents that wait for a letter
_OTHER_SCRIPTS: Final = (range(0x00A0, 0x3000), range(0x01000100, 0x01110000))
"""Keysyms of characters outside ASCII: the old tables of X11, and Unicode."""


@unique
class Trouble(Enum):
    """Why what is typed is not what was meant, the gravest first."""

    NUM_LOCK = auto()  # the keypad moves instead of writing digits
    LAYOUT = auto()  # the key writes what no PIN has: Zhuyin, full-width or Arabic digits, accents
    CAPITALS = auto()


def trouble_of(event: Any) -> Trouble | None:
    """Return what is odd about a key event of Tk, None where nothing is."""
    state = int(event.state)
    if not event.char and _is_keypad_without_digits(event.keysym, state):
        return Trouble.NUM_LOCK
    if _is_foreign(event.char, int(event.keysym_num)):
        return Trouble.LAYOUT
    return Trouble.CAPITALS if state & CAPS_LOCK else None


def _is_keypad_without_digits(keysym: str, state: int) -> bool:
    if sys.platform == "win32":
        is_keypad = keysym in _WITHOUT_NUM_LOCK and not state & EXTENDED
        return is_keypad and not ctypes.windll.user32.GetKeyState(_VK_NUMLOCK) & 1
    is_keypad = keysym.removeprefix(_KEYPAD) in _WITHOUT_NUM_LOCK and keysym.startswith(_KEYPAD)
    # With Shift, a keypad does the opposite of what NumLock says.
    return is_keypad and not state & (NUM_LOCK | SHIFT)


def _is_foreign(character: str, keysym: int) -> bool:
    """Return whether a key writes a character outside ASCII, or is an accent that waits for one.

    Tk without input methods gives no character for the keys of most scripts, only their number.
    """
    if character:
        return character.isprintable() and not character.isascii()
    return keysym in _DEAD_KEYS or any(keysym in script for script in _OTHER_SCRIPTS)
