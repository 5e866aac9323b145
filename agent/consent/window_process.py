"""One prompt process from its start to its end: the question goes in, one answer comes out."""

import asyncio
import io
import os
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import Final, Self

from agent.consent.wire import LOOK, MAX_ANSWER, READING_SECONDS, TAKEN
from agent.secret import SecretBytes

END_SECONDS: Final = 1.0
"""How long a window may take to close by itself."""
TAKE_SECONDS: Final = 1.0
"""How long a process that waits may take to say that it has read its question."""
START_SECONDS: Final = 10.0
"""How old it may be and still be busy with its own start."""


class NotTakenError(Exception):
    """A process that waited did not take its question, and shows no window: it has ended."""


class WindowProcess:
    """A prompt process that was started; whoever holds it ends it."""

    def __init__(self, process: Process, reading: int, *, waits: bool) -> None:
        self._process = process
        self._reading = reading
        self._waits = waits
        self._born = time.monotonic()

    @classmethod
    async def start(cls, command: Sequence[str], *, waits: bool = False) -> Self:
        """Start one.

        Args:
            command: its program and arguments.
            waits: whether it says that it has taken its question.

        Raises:
            OSError: there is no such program, or no room for another process.

        """
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=writing, stderr=DEVNULL
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return cls(process, reading, waits=waits)

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.returncode

    async def ended(self) -> None:
        """Return when it has ended."""
        await self._process.wait()

    async def converse(
        self, request: bytes, seconds: float, look: Callable[[], None] = lambda: None
    ) -> bytearray:
        """Put the question, once, and wait for the answer.

        Args:
            request: one line.
            seconds: for the answer.
            look: called in the event loop each time the citizen wants to see the documents, which
                gives them more time.

        Returns:
            It, for the caller to wipe; empty where the process ended without one.

        Raises:
            NotTakenError: it did not take the question.
            TimeoutError: nobody answered.

        """
        buffer = bytearray(MAX_ANSWER)
        taken = asyncio.Event()
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(seconds)

        def looks() -> None:
            if not answering.done() and not limit.expired():
                limit.reschedule(loop.time() + READING_SECONDS)
                look()

        def read() -> int:
            with io.FileIO(reading) as pipe:
                if self._waits:
                    if pipe.read(1) != TAKEN:
                        return 0
                    loop.call_soon_threadsafe(taken.set)
                return _read_into(pipe, buffer, lambda: loop.call_soon_threadsafe(looks))

        reading, self._reading = self._reading, -1
        # In a thread, straight into a buffer that can be wiped: a stream would make bytes of it.
        answering = loop.run_in_executor(None, read)
        try:
            async with limit:
                await self._write(request)
                if self._waits:
                    await self._until_taken(taken, answering)
                length = await asyncio.shield(answering)
        except BaseException:
            answering.add_done_callback(lambda _: SecretBytes(buffer).wipe())
            raise
        with SecretBytes(buffer):
            return bytearray(memoryview(buffer)[:length])

    async def _write(self, request: bytes) -> None:
        if self._process.stdin is not None:
            with suppress(ConnectionError):  # it has ended; what it said is read all the same
                self._process.stdin.write(request)
                if not self._waits:
                    await self._process.stdin.drain()

    async def _until_taken(self, taken: asyncio.Event, answering: asyncio.Future[int]) -> None:
        """Wait for the sign; one that has not come when the time is over never counts."""
        age = time.monotonic() - self._born
        waiting = asyncio.ensure_future(taken.wait())
        try:
            timeout = max(TAKE_SECONDS, START_SECONDS - age)
            await asyncio.wait(
                (waiting, answering), timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiting.cancel()
        if not taken.is_set():
            await self.end(at_once=True)
            raise NotTakenError

    async def end(self, *, at_once: bool = False) -> None:
        """Close the window, kindly at first, and leave no process behind."""
        process = self._process
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1
        if process.stdin is not None:
            process.stdin.close()
        ending = asyncio.ensure_future(process.wait())
        try:
            if not at_once:
                # No asyncio.timeout: before Python 3.11.3 none is told in a task that is
                # cancelled already.
                await asyncio.wait((ending,), timeout=END_SECONDS)
        finally:
            if not ending.done():
                with suppress(ProcessLookupError):
                    process.kill()
        await ending


def _read_into(pipe: io.FileIO, buffer: bytearray, look: Callable[[], object]) -> int:
    """Read until the other end closes or the buffer is full; return how many bytes.

    What stands before the answer is told to ``look``, octet by octet.
    """
    room = memoryview(buffer)
    while (length := pipe.readinto(room[:1])) and buffer.startswith(LOOK):
        look()
    while 0 < length < len(room) and (count := pipe.readinto(room[length:])):
        length += count
    return length
