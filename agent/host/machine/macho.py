"""For which processors a program of macOS is made, from the first bytes of its file.

A file is for one processor, or it is a table of such files (Apple's ``mach-o/loader.h`` and
``mach-o/fat.h``). No tool of Apple's is asked: ``lipo`` comes with the developers' tools only.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agent.files import regular_opener

HEAD: Final = 1024  # bytes: what the longest table takes
_THIN: Final = {
    b"\xfe\xed\xfa\xce": ">",
    b"\xfe\xed\xfa\xcf": ">",
    b"\xce\xfa\xed\xfe": "<",
    b"\xcf\xfa\xed\xfe": "<",
}
"""How such a file begins, 32 or 64 bits, by the order of its bytes."""
_TABLES: Final = {b"\xca\xfe\xba\xbe": 20, b"\xca\xfe\xba\xbf": 32}
"""How a table begins, and the length of a row; its numbers always have the highest byte first."""
_MOST: Final = 30  # rows; programs for Java begin like a table, and have more where its count is
_NAMES: Final = {
    0x0000_0007: "i386",
    0x0100_0007: "x86_64",
    0x0000_000C: "arm",
    0x0100_000C: "arm64",
    0x0000_0012: "ppc",
    0x0100_0012: "ppc64",
}


def processors(head: bytes) -> tuple[str, ...]:
    """Return what a file is made for, as ``uname -m`` calls it; empty where it is no such file.

    Args:
        head: how the file begins, at least :data:`HEAD` bytes where it has as many.

    """
    mark, rest = head[:4], head[4:HEAD]
    try:
        if mark in _THIN:
            return (_name(*struct.unpack_from(f"{_THIN[mark]}I", rest)),)
        if mark in _TABLES:
            return tuple(dict.fromkeys(_rows(rest, _TABLES[mark])))
    except struct.error:  # it ends before it has said so
        pass
    return ()


def processors_of(path: Path) -> tuple[str, ...]:
    """Return what a file is made for; empty where that cannot be seen, for whatever reason."""
    try:
        with open(path, "rb", opener=regular_opener) as file:
            return processors(file.read(HEAD))
    except (OSError, ValueError):  # such as a name with NUL in it
        return ()


def _rows(rest: bytes, length: int) -> Iterator[str]:
    (count,) = struct.unpack_from(">I", rest)
    for row in range(count if count <= _MOST else 0):
        yield _name(*struct.unpack_from(">I", rest, 4 + row * length))


def _name(number: int) -> str:
    return _NAMES.get(number, f"{number:#x}")
