"""The PDF worker, seen from the agent: started when it is needed, limited, and ended when idle."""

import asyncio
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import Final, Protocol, TypeVar

import structlog

from agent.errors import AgentError, ErrorCode
from agent.pdf.wire import (
    MAX_ANSWER,
    AnyPdfRequest,
    PdfAnswer,
    PdfError,
    RefusedPdf,
    decode_answer,
    encode,
)

A = TypeVar("A", bound=PdfAnswer)
WORKER_ARGUMENT: Final = "--pdf-worker"
"""The first argument that turns the installed program into a worker."""
SECONDS: Final = 20.0
"""For any document, however small."""
SECONDS_A_MEGABYTE: Final = 1.0
IDLE_SECONDS: Final = 30.0
BUSY_SECONDS: Final = 120.0
"""After so much work a new process takes over: the processor time of one is limited."""
_NO_WINDOW: Final = getattr(subprocess, "CREATE_NO_WINDOW", 0)

_log = structlog.get_logger(__name__)


def worker_command() -> tuple[str, ...]:
    """Find how a worker is started: the installed program itself, or this checkout's."""
    if getattr(sys, "frozen", False):
        return sys.executable, WORKER_ARGUMENT
    # -P: what happens to be called "agent" in the folder that we run in is not ours.
    return sys.executable, "-P", "-m", "agent.pdf.pdf_child"


class PdfAsker(Protocol):
    """Whoever takes requests for a worker."""

    async def ask(self, request: AnyPdfRequest, kind: type[A], size: int = 0) -> A:
        """Put a request, and wait for its answer (see :class:`PdfWorker`)."""


class PdfWorker:
    """One process at a time, one document at a time; belongs to one event loop."""

    def __init__(self, command: Sequence[str] | None = None, seconds: float = SECONDS) -> None:
        """Remember how a worker is started.

        Args:
            command: its program and arguments; None for our own.
            seconds: that the smallest document may take.

        """
        self._command = tuple(command or worker_command())
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._worked = 0.0

    async def ask(self, request: AnyPdfRequest, kind: type[A], size: int = 0) -> A:
        """Put a request, and wait for its answer.

        Args:
            request: what is wanted.
            kind: of the answer.
            size: of the document, in bytes: a larger one may take longer.

        Raises:
            PdfError: the document is not taken, or the worker did not get through it
                (``document_damaged``).
            AgentError: ``internal``, no worker can be started.

        """
        async with self._turn:
            self._rest()
            process = await self._started()
            began = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(self._seconds + SECONDS_A_MEGABYTE * size / 1e6):
                    answer = await _converse(process, request)
            except BaseException as error:
                await self._end()
                if isinstance(error, (TimeoutError, OSError, ValueError)):
                    _log.warning("a document was too much for the worker", error=repr(error))
                    raise _too_much(repr(error)) from error
                raise
            self._worked += asyncio.get_running_loop().time() - began
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._leave)
        if isinstance(answer, RefusedPdf):
            raise PdfError(answer.detail, code=answer.code)
        if not isinstance(answer, kind):
            raise _too_much(f"the worker answered {type(answer).__name__}")
        return answer

    async def close(self) -> None:
        """End the process, if there is one."""
        async with self._turn:
            await self._end()

    async def _started(self) -> Process:
        if self._worked > BUSY_SECONDS:
            self._leave()
        process = self._process
        if process is not None and process.returncode is None:
            return process
        self._worked = 0.0
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                limit=MAX_ANSWER,
                creationflags=_NO_WINDOW,
            )
        except OSError as error:
            raise AgentError(f"the PDF worker: {error}", code=ErrorCode.INTERNAL) from error
        return process

    def _leave(self) -> None:
        """Let an idle worker end by itself: nothing more comes in."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()

    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def _end(self) -> None:
        self._rest()
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _converse(process: Process, request: AnyPdfRequest) -> PdfAnswer:
    """Write one line and read one.

    Raises:
        OSError: the worker has ended.
        ValueError: its line is too long.

    """
    to, back = process.stdin, process.stdout
    if to is None or back is None:
        raise BrokenPipeError
    to.write(encode(request))
    await to.drain()
    line = await back.readline()
    if not line.endswith(b"\n"):
        raise BrokenPipeError("the worker ended")
    return decode_answer(line)


def _too_much(detail: str) -> PdfError:
    return PdfError(detail, code=ErrorCode.DOCUMENT_DAMAGED)
