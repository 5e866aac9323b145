"""Versions of this program: two to four numbers, compared as numbers."""

import re
from typing import Final

_VERSION: Final = re.compile(r"(0|[1-9][0-9]{0,4})(\.(0|[1-9][0-9]{0,4})){1,3}")
_PARTS: Final = 4


def parse(text: str) -> tuple[int, ...]:
    """Read a version, such as ``0.1.0``; give four numbers.

    Raises:
        ValueError: it is none.

    """
    if not text.isascii() or _VERSION.fullmatch(text) is None:
        raise ValueError("not a version")
    parts = [int(part) for part in text.split(".")]
    return tuple(parts + [0] * (_PARTS - len(parts)))


def is_older(one: str, other: str) -> bool:
    """Return whether ``one`` is older than ``other``.

    Raises:
        ValueError: one of them is no version.

    """
    return parse(one) < parse(other)
