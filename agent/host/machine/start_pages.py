"""Give back to the system the pages that only a program's start needed.

A start runs through most of what the libraries hold: their tables are relocated, their algorithms
registered, their modules initialised. An agent that waits for pages touches a small part of that
again. Linux keeps the rest mapped until memory runs short; task managers count it as the agent's.

Windows and macOS count what a program alone holds, which has none of it: nothing is done there.
"""

import ctypes
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_SMAPS: Final = Path("/proc/self/smaps")
_STATM: Final = Path("/proc/self/statm")
_MADV_DONTNEED: Final = 4  # <asm-generic/mman-common.h>
# Addresses, what may be done with the pages; offset, device, inode, path: proc(5), "maps".
_HEAD: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \d+ *(.*)")
_READ_ONLY: Final = frozenset({"r-xp", "r--p"})
# Pages that the process has changed: those in memory, and those that went to the swap.
_COUNTS: Final = ("Anonymous", "Swap")
_COUNT: Final = re.compile(rf"({'|'.join(_COUNTS)}): +(\d+) kB")


class Mapping(NamedTuple):
    """Pages of a file that are all as they are in the file.

    Attributes:
        address: of the first.
        size: in bytes.
        path: of the file.

    """

    address: int
    size: int
    path: str


def give_back() -> int:
    """Unmap the unchanged pages of program files, and return free pages of the heap; best effort.

    A page that is needed again is mapped again, mostly from the system's cache of files. To be
    called when a program is ready; takes some milliseconds.

    Returns:
        How many mappings were unmapped; 0 on other systems than Linux.

    """
    if not sys.platform.startswith("linux"):
        return 0
    library = ctypes.CDLL(None)
    with suppress(AttributeError):  # a C library other than GNU's has none
        library.malloc_trim(ctypes.c_size_t(0))
    return sum(
        library.madvise(ctypes.c_void_p(each.address), ctypes.c_size_t(each.size), _MADV_DONTNEED)
        == 0
        for each in lasting(_told)
    )


def resident_size() -> int:
    """Return how many bytes of this process are in memory; 0 where the system does not tell."""
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _told() -> str:
    try:
        return _SMAPS.read_text("utf-8", "surrogateescape")
    except OSError:  # no /proc here, or one that shows nobody the mappings
        return ""


def lasting(told: Callable[[], str]) -> Iterator[Mapping]:
    """Yield mappings that nothing unmaps any more.

    Another thread may unload a library between a look and what follows it, and the system may have
    given its addresses to something else. Therefore the second look: it is at files that stay.

    Args:
        told: looks at what the system says of this process; called twice.

    """
    program = os.path.realpath("/proc/self/exe")
    paths = {each.path for each in unchanged(told())}
    lasting = {path for path in paths if path == program or _is_kept(path)}
    return (each for each in unchanged(told()) if each.path in lasting)


def _is_kept(path: str) -> bool:
    """Keep a library for as long as the process lives; say False of a file that is none."""
    try:
        ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)  # is never closed: see its source
    except OSError:
        return False
    return True


def unchanged(told: str) -> Iterator[Mapping]:
    """Yield the mappings of files that nobody can write to and of which no page was changed.

    A page that a relocation or a debugger changed would be lost, wherever it is now. A mapping of
    which the system does not say both is left out.

    Args:
        told: what the system says of a process: proc(5), "smaps".

    """
    current: Mapping | None = None
    told_of: list[str] = []
    for line in told.splitlines():
        if head := _HEAD.fullmatch(line):
            start, end, allowed, path = head.groups()
            first = int(start, 16)
            found = Mapping(first, int(end, 16) - first, path)
            current = found if allowed in _READ_ONLY and path.startswith("/") else None
            told_of.clear()
        elif current is not None and (count := _COUNT.fullmatch(line)):
            told_of.append(count[1])
            if int(count[2]):
                current = None
            elif tuple(told_of) == _COUNTS:
                yield current
