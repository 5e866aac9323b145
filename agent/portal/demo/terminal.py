"""What the demos print, in the language of the person, and how they are stopped."""

import contextlib
import shlex
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Final
from unicodedata import east_asian_width

from agent import words
from agent.words.language import system_language

_POLL_INTERVAL: Final = 1.0  # seconds


class Stopped(Exception):  # noqa: N818  # the user stopped the demo; it is no error
    """Raised on SIGINT and SIGTERM."""


def stop_on_signals() -> None:
    """Let SIGINT and SIGTERM end what goes on from now on, once.

    Raises:
        Stopped: later, when one of them comes.

    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second signal must not interrupt the end
        raise Stopped

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def report(step: str) -> None:
    """Print what is done now."""
    print(f"· {step}", flush=True)  # noqa: T201  # this is a command-line tool


def say(key: str, **facts: object) -> str:
    """Return a text of the demo in the system's language."""
    return words.say(system_language(), f"demo.{key}", facts)


def columns(rows: Sequence[tuple[str, object]]) -> list[str]:
    """Return a line for each label and what belongs to it, the latter straight below each other."""
    widest = max(width(label) for label, _ in rows)
    return [f"{label}{' ' * (widest - width(label))}  {fact}" for label, fact in rows]


def trust_lines(authority_file: Path) -> list[str]:
    """Return the text on how to make another browser trust the agent of this demo."""
    authority = shlex.quote(str(authority_file))
    return [
        "",
        say("trust"),
        str(authority_file),
        say("trust_chromium"),
        'mkdir -p "$HOME/.pki/nssdb"',
        f"certutil -d \"sql:$HOME/.pki/nssdb\" -A -t C,, -n 'Ankong demo' -i {authority}",
        say("remove", command="certutil -d \"sql:$HOME/.pki/nssdb\" -D -n 'Ankong demo'"),
    ]


def boxed(lines: Sequence[str]) -> list[str]:
    """Return the lines in a box; wide characters (Unicode Annex 11) take two columns."""
    inner = max(map(width, lines))
    body = [f"│ {line}{' ' * (inner - width(line))} │" for line in lines]
    return [f"┌{'─' * (inner + 2)}┐", *body, f"└{'─' * (inner + 2)}┘"]


def width(text: str) -> int:
    """Return the columns that a text takes on a terminal."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def wait_while(go_on: Callable[[], bool]) -> None:
    """Wait while ``go_on`` returns True, or until a signal."""
    never = threading.Event()
    with contextlib.suppress(KeyboardInterrupt):
        while go_on():
            never.wait(_POLL_INTERVAL)
