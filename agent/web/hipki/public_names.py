"""Names of readers as any site may know them: without the serial number of the device.

pcsc-lite composes a name of manufacturer, product, ``[interface]``, ``(USB serial number)`` and two
numbers of the slot. A serial number tells one person's computer from all others; the rest is shared
by everybody with the same reader.
"""

import re
from typing import Final

_BEFORE_SLOT: Final = re.compile(r"\s*\([^()]*\)(?=(?: [0-9A-F]{2}){1,2}$)")
_GROUP: Final = re.compile(r"\s*[(\[{][^()\[\]{}]*[)\]}]")
_LONG: Final = re.compile(r"[0-9A-Za-z]+(?:[-_:.][0-9A-Za-z]+)*")
_SHORTEST: Final = 8  # characters of what is taken for a serial number outside of its own place
_FEWEST_DIGITS: Final = 4


def public_reader_name(name: str) -> str:
    """Return the name without what looks like a serial number."""
    name = _BEFORE_SLOT.sub("", name)
    name = _GROUP.sub(lambda group: "" if _has_serial(group.group()) else group.group(), name)
    without = _LONG.sub(lambda word: "" if _is_serial(word.group()) else word.group(), name)
    return " ".join(without.split())


def _has_serial(text: str) -> bool:
    return any(_is_serial(word) for word in _LONG.findall(text))


def _is_serial(word: str) -> bool:
    digits = sum(character.isdigit() for character in word)
    return len(word) >= _SHORTEST and digits >= _FEWEST_DIGITS
