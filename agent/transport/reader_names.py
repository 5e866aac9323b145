"""The names of readers: what the PC/SC service says, made fit for people and for pages.

A device chooses its name, and the service passes it on as bytes: any bytes, of any length, and the
same ones twice. People, pages and settings files get printable text instead, of which each text
stands for one reader.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from agent.harmless import is_harmful

MAX_LENGTH: Final = 127
"""Bytes of UTF-8; as long as pcsclite's own names, without the NUL at their end."""

_ESCAPE: Final = "\N{REPLACEMENT CHARACTER}"
_DIGEST_DIGITS: Final = 8


def shown_names(listed: Sequence[bytes]) -> tuple[str, ...]:
    """Return a name for each reader that the service lists, in the same order.

    They are printable, differ from each other, and have 1 to 127 bytes as UTF-8. A name that is
    printable UTF-8 already stays as it is. Elsewhere U+FFFD and two hexadecimal digits stand for
    each byte that is no UTF-8 or shows nothing, so that different names stay different. A number
    follows where the service lists the same name again.

    Args:
        listed: names as the service gives them, without NUL and not empty.

    """
    plain = [_shown(name) for name in listed]
    taken = set(plain)
    seen: set[str] = set()
    numbers: dict[str, int] = {}  # that each name had last
    names = []
    for name in plain:
        unique = name if name not in seen else _numbered(name, taken, numbers)
        seen.add(unique)
        taken.add(unique)
        names.append(unique)
    return tuple(names)


def model_name(name: str) -> str:
    """Return a reader's name without serial numbers: no brackets, no words with four digits."""
    plain = re.sub(r"[\[(].*?(?:[\])]|$)", " ", name)
    words = [word for word in plain.split() if len(re.findall(r"[0-9]", word)) < 4]
    return " ".join(words)[:80]


def _shown(name: bytes) -> str:
    text = name.decode("utf-8", "surrogateescape")
    shown = "".join(character if _is_kept(character) else _escaped(character) for character in text)
    if len(shown.encode()) <= MAX_LENGTH:
        return shown
    return _cut(shown, f"… {sha256(name).hexdigest()[:_DIGEST_DIGITS]}")


def _is_kept(character: str) -> bool:
    """Return whether a character may be shown; U+FFFD may not, because it begins an escape."""
    return character != _ESCAPE and not is_harmful(character)


def _escaped(character: str) -> str:
    return "".join(f"{_ESCAPE}{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


def _numbered(name: str, taken: set[str], numbers: dict[str, int]) -> str:
    """Return a name with a number behind it; what is listed often is not counted from the start."""
    number = numbers.get(name, 1) + 1
    while (numbered := _cut(name, f" ({number})")) in taken:
        number += 1
    numbers[name] = number
    return numbered


def _cut(text: str, tail: str) -> str:
    """Return ``text``, as much of it as there is room for, and ``tail``."""
    room = MAX_LENGTH - len(tail.encode())
    return text.encode()[:room].decode("utf-8", "ignore") + tail
