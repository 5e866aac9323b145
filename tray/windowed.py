"""Show the errors of a program without a console in a message box.

On Windows the program that the citizen starts has no standard error: without the box, one that
fails would end without a word.
"""

import io
import sys
from collections.abc import Callable
from typing import Final

_TITLE: Final = "Ankong"
_MAX_TEXT: Final = 1000  # characters
_ERROR: Final = 0x10  # MB_ICONERROR, winuser.h


class _Tail(io.TextIOBase):
    """A text file that keeps the last ``_MAX_TEXT`` characters written to it."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Append ``text``; return its length."""
        self.text = (self.text + text)[-_MAX_TEXT:]
        return len(text)


def run_windowed(work: Callable[[], int], show: Callable[[str], None] | None = None) -> int:
    """Call ``work`` and return its exit status; if it failed, show what it wrote to sys.stderr.

    Args:
        work: returns an exit status, or raises SystemExit.
        show: shows a text and waits until the citizen closes it; None for :func:`message_box`.

    """
    output = _Tail()
    before, sys.stderr = sys.stderr, output
    try:
        status = work()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stderr = before
    if status and output.text.strip():
        (show or message_box)(f"{_heading()}\n\n{output.text.strip()}")
    return status


def _heading() -> str:
    """Return the sentence that the program could not run, in each reviewed language."""
    from agent.words import REVIEWED, say  # noqa: PLC0415  # most runs need no box

    try:
        return "\n".join(say(language, "product.failed", {}) for language in REVIEWED)
    except (OSError, ValueError, KeyError):  # the installation may be what is broken
        return _TITLE


def message_box(text: str) -> None:
    """Show a text in a box and wait until it is closed; do nothing where it is not Windows."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # Windows only

        ctypes.windll.user32.MessageBoxW(None, text, _TITLE, _ERROR)
