"""A program without a console: what it would complain there is shown in a box instead.

On Windows the program that the citizen starts has no standard error, and one that ended in
silence would leave them looking at nothing.
"""

import io
import sys
from collections.abc import Callable
from typing import Final

_TITLE: Final = "Ankong"
_MAX_TEXT: Final = 1000  # characters
_ERROR: Final = 0x10  # MB_ICONERROR, winuser.h


class _Tail(io.TextIOBase):
    """Keeps the end of what is written."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        """Return True: whoever writes need not ask further."""
        return True

    def write(self, text: str) -> int:
        """Keep ``text``; return its length."""
        self.text = (self.text + text)[-_MAX_TEXT:]
        return len(text)


def run_windowed(work: Callable[[], int], show: Callable[[str], None] | None = None) -> int:
    """Do ``work`` and return its exit status; show its complaints where it failed.

    Args:
        work: returns an exit status, or raises SystemExit.
        show: opens a box with a text and waits until it is closed; None for this system's.

    """
    said = _Tail()
    before, sys.stderr = sys.stderr, said
    try:
        status = work()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stderr = before
    if status and said.text.strip():
        (show or message_box)(f"{_head()}\n\n{said.text.strip()}")
    return status


def _head() -> str:
    """Return that the program could not run, in each reviewed language."""
    from agent.words import REVIEWED, say  # noqa: PLC0415  # most runs need no box

    try:
        return "\n".join(say(language, "product.failed", {}) for language in REVIEWED)
    except (OSError, ValueError, KeyError):  # a broken installation is what the box may tell of
        return _TITLE


def message_box(text: str) -> None:
    """Open a box and wait until it is closed; nothing on systems other than Windows."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # Windows only

        ctypes.windll.user32.MessageBoxW(None, text, _TITLE, _ERROR)
