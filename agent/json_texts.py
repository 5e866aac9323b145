"""Find the texts in JSON before anybody decodes it: long requests consist of them.

No step takes more than a piece, however long the JSON is: a call into C keeps the interpreter from
every other thread.
"""

import re
from collections.abc import Iterator
from typing import Final

PIECE: Final = 32 * 1024  # characters
MAX_TEXTS: Final = 4096  # names and values in one request
MAX_BESIDE: Final = 64 * 1024  # characters of JSON that are in no text

SHORT: Final = 1024  # bytes; a longer text is left out where only the rest of a JSON matters

_INSIDE: Final = re.compile(r'(?:[^"\\]+|\\.)*', re.DOTALL)


def json_texts(text: str) -> Iterator[tuple[int, int]]:
    """Find the texts in JSON: for each, where it begins and ends, its quotation marks included.

    Raises:
        ValueError: the last one has no end, there are too many of them, or there is much beside
            them: millions of empty lists would become a gigabyte of objects.

    """
    at = beside = 0
    for count, (start, end) in enumerate(_texts(text)):
        beside += start - at
        if count >= MAX_TEXTS or beside > MAX_BESIDE:
            raise ValueError("more than requests have")
        yield start, end
        at = end
    if beside + len(text) - at > MAX_BESIDE:
        raise ValueError("more than requests have")


def without_long_texts(raw: bytes | bytearray) -> bytes:
    """Put something short for each long text, which is what makes a message long.

    Raises:
        ValueError: it is not its texts that make it long.

    """
    text = raw.decode("latin-1")  # octet by octet: the marks of JSON are what they are in UTF-8
    parts: list[str] = []
    at = 0
    for start, end in json_texts(text):
        parts.append(text[at:start])
        parts.append(text[start:end] if end - start <= SHORT else f'"{start}"')
        at = end
    return "".join((*parts, text[at:])).encode("latin-1")


def _texts(text: str) -> Iterator[tuple[int, int]]:
    start, escape = text.find('"'), text.find("\\")
    while start >= 0:
        end = text.find('"', start + 1)
        if 0 <= escape <= start:
            escape = text.find("\\", start + 1)
        if 0 <= escape < end:
            end = _end_of_json_text(text, escape)
        if end < 0:
            raise ValueError("a text without an end")
        yield start, end + 1
        start = text.find('"', end + 1)


def _end_of_json_text(text: str, at: int) -> int:
    """Return where the quotation mark is that ends a text; -1 for none.

    Args:
        text: JSON.
        at: in that text, before no half of an escape.

    """
    while at < len(text) and text[at] != '"':
        found = _INSIDE.match(text, at, at + PIECE)
        if found is None or found.end() == at:
            return -1
        at = found.end()
    return at if at < len(text) else -1
