"""The features that a reader reports (PC/SC part 10, §2.3): whether it has a keypad."""

from collections.abc import Iterator
from typing import Final

GET_FEATURE_REQUEST: Final = 3400
"""The function number of the control code that asks for the features."""
VERIFY_PIN_START: Final = 0x01
VERIFY_PIN_DIRECT: Final = 0x06
_ENTRY: Final = 6  # bytes: tag, length 4, control code
_CODE: Final = 4  # bytes


def features(answer: bytes) -> Iterator[int]:
    """Yield the tags of the features, up to the first malformed entry.

    Args:
        answer: to GET_FEATURE_REQUEST: entries of tag, length 04 and a control code.

    """
    for start in range(0, len(answer) - _ENTRY + 1, _ENTRY):
        if answer[start + 1] != _CODE:
            return
        yield answer[start]


def has_keypad(answer: bytes) -> bool:
    """Return whether the reader says that a PIN can be entered on it."""
    return not {VERIFY_PIN_START, VERIFY_PIN_DIRECT}.isdisjoint(features(answer))
