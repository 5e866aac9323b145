"""The prompt process: one question on standard input, one window, one answer on standard output.

    python -m tray.prompt.process        the installed program does the same with ``--prompt``

A request may ask for what a page would say instead of a window; that is the answer then.
It ends when the question is answered, or when its standard input is closed: then the agent no
longer waits for the answer. The exit status is 0, 2 for an invalid question, 3 where no display
is found, 4 where Python has no tkinter. With ``--check`` nothing is asked: the exit status alone
says whether a window could be opened. With ``--wait`` all that a window needs is made ready
before the question comes, which is acknowledged by one byte when it is read.
"""

import gc
import os
import sys
import threading
from collections.abc import Sequence

import msgspec

from agent.consent.wire import (
    CHECK,
    MAX_REQUEST,
    NO_DISPLAY,
    NO_TOOLKIT,
    TAKEN,
    WAIT,
    WindowRequest,
    decode_request,
)
from agent.errors import BadRequestError
from agent.host.machine.memory import leave_no_core, shut_others_out
from agent.secret import SecretBytes
from agent.words.language import chosen_language
from tray.prompt.texts import PromptTexts, load_texts

EXIT_OK = 0
EXIT_USAGE = 2
_INPUT = 0
_OUTPUT = 1


def main(arguments: Sequence[str] = ()) -> int:
    """Ask the question on standard input; return the exit status."""
    leave_no_core()
    shut_others_out()
    if list(arguments) == [CHECK]:
        return _check()
    if list(arguments) == [WAIT]:
        return _wait()
    try:
        request = decode_request(_read_line())
    except BadRequestError:
        return EXIT_USAGE
    language = chosen_language(request.language)
    if request.as_page:
        from tray.prompt.page import question_page  # noqa: PLC0415  # a window does not need it

        _write_all(
            msgspec.json.encode(question_page(request.prompt, language, request.administrator))
        )
        return EXIT_OK
    return _say(_ask(request, load_texts(language)))


def _say(answer: bytearray | int) -> int:
    """Write an answer, and wipe it; return the exit status, which ``answer`` may be itself."""
    if isinstance(answer, int):
        return answer
    with SecretBytes(answer):
        os.write(_OUTPUT, answer)
    return EXIT_OK


def _wait() -> int:
    """Get ready, wait for the question, and ask it; return the exit status."""
    _load_words()
    try:
        from tkinter import TclError  # noqa: PLC0415  # not every Python has it

        from tray.prompt.ready import ReadyWindow  # noqa: PLC0415  # likewise
    except ImportError:
        return NO_TOOLKIT
    try:
        ready = ReadyWindow(_read_line, _wait_for_end)
        line = ready.wait()
        if not line:
            return EXIT_OK  # nobody asks any more
        request = decode_request(line)
        if ready.is_stale():
            return NO_DISPLAY  # a new process sees the screen as it is
        os.write(_OUTPUT, TAKEN)
        return _say(ready.show(request, load_texts(chosen_language(request.language))))
    except TclError:
        return NO_DISPLAY
    except BadRequestError:
        return EXIT_USAGE


def _check() -> int:
    """Connect to the display and leave it again; return the exit status."""
    try:
        from tkinter import TclError  # noqa: PLC0415  # not every Python has it

        from tray.prompt.window import open_root  # noqa: PLC0415  # likewise
    except ImportError:
        return NO_TOOLKIT
    try:
        open_root().destroy()
    except TclError:
        return NO_DISPLAY
    return EXIT_OK


def _write_all(content: bytes) -> None:
    while content:
        content = content[os.write(_OUTPUT, content) :]


def _load_words() -> None:
    """Make ready what needs no display.

    It comes first: what it gives back, megabytes of catalogues, is room for what comes later.
    """
    from agent.domain import registrable_domain  # noqa: PLC0415  # only who waits has the time
    from agent.words import catalogue  # noqa: PLC0415  # likewise
    from tray.prompt.names import imitates_us  # noqa: PLC0415  # likewise

    imitates_us("")  # reads the windows' texts in every language, and keeps those
    registrable_domain("site.example")
    catalogue.load.cache_clear()
    gc.collect()


def _read_line() -> bytes:
    # Not through sys.stdin: its buffer could swallow the end that _wait_for_end waits for.
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < MAX_REQUEST:
        piece = os.read(_INPUT, MAX_REQUEST - len(line))
        if not piece:
            break
        line += piece
    return bytes(line)


def _ask(request: WindowRequest, texts: PromptTexts) -> bytearray | int:
    """Show the window and return the answer; or the exit status where no window can be opened."""
    try:
        from tkinter import TclError  # noqa: PLC0415  # not every Python has it

        from tray.prompt.views import show  # noqa: PLC0415  # likewise
        from tray.prompt.window import open_root  # noqa: PLC0415  # likewise
    except ImportError:
        return NO_TOOLKIT
    try:
        root = open_root()
    except TclError:
        return NO_DISPLAY
    cancelled = threading.Event()
    threading.Thread(target=_wait_for_end, args=(cancelled,), daemon=True).start()
    return show(root, request.prompt, texts, cancelled, request.administrator)


def _wait_for_end(cancelled: threading.Event) -> None:
    """Set ``cancelled`` when standard input is closed."""
    while os.read(_INPUT, 1):
        pass
    cancelled.set()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
