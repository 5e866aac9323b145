"""Start the child process that makes one picture anew, and judge what it answers."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Final

import msgspec

from agent.portal.errors import PortalCode, PortalError
from agent.portal.pictures.jpeg import is_plain_jpeg
from agent.portal.pictures.limits import MAX_PDF_PAGES, MAX_RESULT_BYTES, WALL_SECONDS
from agent.strict_json import UNREADABLE

_LOG: Final = logging.getLogger(__name__)
_MODULE: Final = "agent.portal.pictures.child"
_EXHAUSTED: Final = tuple(-each for each in signal.Signals if each.name in {"SIGKILL", "SIGXCPU"})
"""How a process ends that used more CPU time than it may, or all memory; Windows does not count."""
_REFUSALS: Final = frozenset(code for code in PortalCode if code.startswith("picture_"))


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line of an answer."""

    refused: PortalCode | None = None
    sizes: tuple[int, ...] = ()


class ChildProcess:
    """One child process, for one picture.

    A crash of it is a refusal. What it answers is taken only if it is what :mod:`child` makes:
    the picture may have taken the process over.
    """

    def __init__(self, arguments: tuple[str, ...] = ("-m", _MODULE)) -> None:
        """Start it.

        Raises:
            OSError: the system has no room for another process.

        """
        self._is_over = False
        self._process = subprocess.Popen(  # noqa: S603  # this Python, and a module of ours
            [sys.executable, "-S", "-P", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,  # Ctrl-C on a terminal is for the service alone
        )

    def run(self, pieces: Iterable[bytes]) -> tuple[bytes, ...]:
        """Give it a file and return the pictures; blocks, at most as long as the wall clock allows.

        Raises:
            PortalError: it cannot be taken; the code says why.
            OSError: the pieces cannot be read.

        """
        timer = threading.Timer(WALL_SECONDS, self.end)
        timer.start()
        with self._process as process:
            assert process.stdin is not None  # noqa: S101  # a pipe, as it was asked for
            assert process.stdout is not None  # noqa: S101  # likewise
            try:
                _send(process.stdin, pieces)
                answer = process.stdout.read(MAX_RESULT_BYTES + 1)
                process.stdout.close()  # who says more than that is not listened to
                process.wait()
            finally:
                timer.cancel()
                process.kill()
        return self._judge(answer)

    def end(self) -> None:
        """Kill it; what it was asked for is refused as too complex."""
        self._is_over = True
        self._process.kill()

    def _judge(self, answer: bytes) -> tuple[bytes, ...]:
        status = self._process.returncode
        if self._is_over or status in _EXHAUSTED:
            raise PortalError(PortalCode.PICTURE_TOO_COMPLEX, "killed")
        if len(answer) > MAX_RESULT_BYTES:
            raise PortalError(PortalCode.PICTURE_DAMAGED, "too long an answer")
        if status < 0:
            _LOG.warning("the process that makes pictures anew was ended by signal %d", -status)
            raise PortalError(PortalCode.PICTURE_DAMAGED, f"signal {-status}")
        if status > 0:  # it never came to the picture, such as for lack of a library
            _LOG.error("the process that makes pictures anew ended with status %d", status)
            raise PortalError(PortalCode.UNAVAILABLE, "child process")
        return read_answer(answer)


def read_answer(answer: bytes) -> tuple[bytes, ...]:
    """Return the pictures of an answer.

    Raises:
        PortalError: what the child refused with; ``picture_damaged``, it is not an answer.

    """
    line, _, rest = answer.partition(b"\n")
    try:
        head = msgspec.json.decode(line, type=_Answer)
    except UNREADABLE as error:
        raise PortalError(PortalCode.PICTURE_DAMAGED, "no answer") from error
    if head.refused in _REFUSALS:
        raise PortalError(head.refused, "child")
    pictures = []
    for size in head.sizes[:MAX_PDF_PAGES]:
        pictures.append(rest[:size])
        rest = rest[size:]
    if not pictures or rest or not all(map(is_plain_jpeg, pictures)):
        raise PortalError(PortalCode.PICTURE_DAMAGED, "answer")
    return tuple(pictures)


def _send(target: IO[bytes], pieces: Iterable[bytes]) -> None:
    """Write the pieces; one that refuses early, or dies, reads no further."""
    with suppress(BrokenPipeError), target:
        for piece in pieces:
            target.write(piece)


def _environment() -> dict[str, str]:
    """Return where modules are found, and nothing of this process' secrets."""
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUTF8": "1"}
    kept = ("SYSTEMROOT", "LD_LIBRARY_PATH")  # without which Windows, or some Pythons, start none
    return environment | {name: os.environ[name] for name in kept if name in os.environ}
