"""The windows as a short-lived process: one request into its standard input, one answer out.

The process ends when the answer is given or when its standard input closes, whichever comes
first; so no window outlives its question, and none outlives the agent.
"""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import Final, TypeVar

import structlog

from agent.consent.questions import EnterPin, Prompt, UnaskedError, unshown
from agent.consent.wire import (
    MAX_ANSWER,
    NO_DISPLAY,
    NO_TOOLKIT,
    decode_answer,
    encode_request,
)
from agent.errors import AgentError, ErrorCode
from agent.secret import SecretBytes
from agent.seldom import SeldomLog
from agent.words.language import SYSTEM

A = TypeVar("A")
ANSWER_SECONDS: Final = 120.0
"""How long a window waits for the citizen."""
END_SECONDS: Final = 1.0
"""How long a window may take to close by itself."""
PROMPT_ARGUMENT: Final = "--prompt"
"""The first argument that turns the installed program into a prompt process."""
_NO_WINDOW: Final = "no window can be shown here"
_REASONS: Final = {
    NO_DISPLAY: "there is no display",
    NO_TOOLKIT: "Python's tkinter is not installed; ankong doctor names its package",
}

_log = structlog.get_logger(__name__)
_seldom = SeldomLog(__name__)


def prompt_command() -> tuple[str, ...]:
    """Find how the prompt process is started: the installed program itself, or this checkout's."""
    if getattr(sys, "frozen", False):
        return sys.executable, PROMPT_ARGUMENT
    # -P: what happens to be called "tray" in the folder that we run in is not ours.
    return sys.executable, "-P", "-m", "tray.prompt.process"


def has_display() -> bool:
    """Return whether a window could be opened here: always, but for Unix without X."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY"))


class ProcessPrompter:
    """Starts a process for each question."""

    def __init__(
        self,
        command: Sequence[str],
        language: Callable[[], str] = lambda: SYSTEM,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Remember how.

        Args:
            command: that starts the prompt process.
            language: that the citizen chose, as a BCP 47 tag or "system".
            seconds: how long a window waits for the citizen.

        """
        self._command = tuple(command)
        self._language = language
        self._seconds = seconds

    def can_ask(self) -> bool:
        """Return whether there is a display."""
        return has_display()

    def pin_unasked(self) -> ErrorCode:
        """Tell that a window is missing, not the page's PIN."""
        return EnterPin.unshown

    async def ask(self, prompt: Prompt[A]) -> A:
        """Show a window and wait for the answer; cancelling the task closes it.

        Raises:
            AgentError: ``unshown`` of the prompt when no window can be opened, ``user_cancelled``,
                ``origin_blocked``, ``timeout``.

        """
        if not has_display():
            raise _no_window(prompt, _REASONS[NO_DISPLAY])
        request = encode_request(prompt, self._language())
        reading, writing = os.pipe()
        try:
            process = await self._start(prompt, writing)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        try:
            async with asyncio.timeout(self._seconds):
                answer = await _converse(process, request, reading)
        except TimeoutError as error:
            raise AgentError("nobody answered the window", code=ErrorCode.TIMEOUT) from error
        finally:
            await _end(process)
        if not answer:
            raise _failure(prompt, process.returncode)
        return decode_answer(prompt, answer)

    async def _start(self, prompt: Prompt[A], writing: int) -> Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=writing, stderr=DEVNULL
            )
        except OSError as error:
            raise _no_window(prompt, f"its program cannot be started: {error}") from error


async def _converse(process: Process, request: bytes, reading: int) -> bytearray:
    """Put the question and wait for the answer; empty when the process ended without one."""
    buffer = bytearray(MAX_ANSWER)
    # In a thread, straight into a buffer that can be wiped: a stream would make bytes of it.
    answering = asyncio.get_running_loop().run_in_executor(None, _read_answer, reading, buffer)
    try:
        if process.stdin is not None:
            with suppress(ConnectionError):  # it has ended; what it said is read below
                process.stdin.write(request)
                await process.stdin.drain()
        length = await asyncio.shield(answering)
    except BaseException:
        answering.add_done_callback(lambda _: SecretBytes(buffer).wipe())
        raise
    with SecretBytes(buffer):
        return bytearray(memoryview(buffer)[:length])


def _read_answer(reading: int, buffer: bytearray) -> int:
    """Read until the other end closes or the buffer is full; return how many bytes."""
    room = memoryview(buffer)
    length = 0
    with open(reading, "rb", buffering=0) as pipe:
        while length < len(room) and (count := pipe.readinto(room[length:])):
            length += count
    return length


async def _end(process: Process) -> None:
    """Close the window, kindly at first, and leave no process behind."""
    if process.stdin is not None:
        process.stdin.close()
    ending = asyncio.ensure_future(process.wait())
    try:
        # No asyncio.timeout: before Python 3.11.3 none is told in a task that is cancelled already.
        await asyncio.wait((ending,), timeout=END_SECONDS)
    finally:
        if not ending.done():
            with suppress(ProcessLookupError):
                process.kill()
    await ending


def _failure(prompt: Prompt[A], status: int | None) -> AgentError:
    if status in _REASONS:
        return _no_window(prompt, _REASONS[status])
    _log.warning("a window ended without an answer", status=status)
    return AgentError("the window ended without an answer")


def _no_window(prompt: Prompt[A], reason: str) -> UnaskedError:
    """Log why, though not at each request of a page that asks all the time."""
    _seldom.note(_NO_WINDOW, reason=reason)
    return unshown(prompt, _NO_WINDOW)
