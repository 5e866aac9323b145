"""The file mode mask (umask(2)) of this process: private files for us, the user's own for others.

Every file of ours is opened with a private mode of its own; the mask holds also for what a library
makes.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PRIVATE: Final = 0o077
_before: list[int] = []
_lending = threading.Lock()
_borrowers: set[object] = set()


@contextmanager
def private_files() -> Iterator[None]:
    """Give no rights to group and others in the files that are made while the context lasts."""
    before = os.umask(_PRIVATE)
    _before.append(before)
    try:
        yield
    finally:
        _before.pop()
        os.umask(before)


@contextmanager
def users_own_mask() -> Iterator[None]:
    """Restore the mask with which this process was started, for starting another program.

    A process has one mask for all threads: the last that starts something takes it back.
    """
    if not _before:
        yield
        return
    me = object()
    with _lending:
        _borrowers.add(me)
        os.umask(_before[0])
    try:
        yield
    finally:
        with _lending:
            _borrowers.discard(me)
            if _before and not _borrowers:
                os.umask(_PRIVATE)
