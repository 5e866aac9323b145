"""Make pictures anew in child processes: few at once, the others wait, too many are sent away."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Final

from agent.portal.errors import PortalCode, PortalError
from agent.portal.pictures.limits import WAIT_SECONDS
from agent.portal.pictures.process import ChildProcess
from agent.portal.pictures.spool import SealedSpool

WAITING: Final = 128
"""How many pictures may wait, on disk, besides those that are being made."""

Pictures = tuple[bytes, ...]


class Reencoder:
    """Makes pictures anew, each in a process of its own."""

    def __init__(self, at_once: int = 2, waiting: int = WAITING) -> None:
        """Begin with nothing to do.

        Args:
            at_once: child processes that may run at the same time.
            waiting: pictures that may wait for one.

        """
        self._most = at_once + waiting
        self._is_closed = False
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="pictures")
        self._jobs: set[Future[Pictures]] = set()
        self._children: set[ChildProcess] = set()

    async def reencode(self, file: SealedSpool) -> Pictures:
        """Return one JPEG for a picture, one for each page of a PDF.

        The file is closed, whatever comes of it.

        Raises:
            PortalError: it cannot be taken, or ``picture_busy``, ``unavailable``.

        """
        if self._is_closed or len(self._jobs) >= self._most:
            await asyncio.to_thread(file.close)
            raise PortalError(PortalCode.PICTURE_BUSY)
        job = self._threads.submit(self._make, file)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        job.add_done_callback(lambda _: file.close())  # also one that never had its turn
        made = asyncio.wrap_future(job)
        try:
            await asyncio.wait({made}, timeout=WAIT_SECONDS)
            if not made.done() or made.cancelled():
                raise PortalError(PortalCode.PICTURE_BUSY, "waited")
            return made.result()
        finally:
            made.cancel()

    async def close(self) -> None:
        """End what runs, refuse what waits."""
        self._is_closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in tuple(self._children):
            child.end()
        await asyncio.to_thread(self._threads.shutdown)

    def _make(self, file: SealedSpool) -> Pictures:
        """Run in a thread of the pool."""
        try:
            with closing(file):
                return self._run_child(file)
        except OSError as error:  # no process, no memory, or the disk
            raise PortalError(PortalCode.UNAVAILABLE, type(error).__name__) from error

    def _run_child(self, file: SealedSpool) -> Pictures:
        child = ChildProcess()
        self._children.add(child)
        try:
            if self._is_closed:
                child.end()
            return child.run(file.pieces())
        except PortalError as error:
            if self._is_closed:  # what was killed was not too much
                raise PortalError(PortalCode.PICTURE_BUSY, "closing") from error
            raise
        finally:
            self._children.discard(child)
