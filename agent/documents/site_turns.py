"""One worker for the PDFs of all sites, which take it in turns.

A site is counted by its registrable domain: who is slow has as many names below it as they like.
What the citizen does in the panel or on the command line has workers of its own, before which no
page stands.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from agent.documents.pdf_worker import A, PdfAsker
from agent.domain import group_of
from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.pdf.wire import AnyPdfRequest

MAX_REQUESTS: Final = 4
"""Requests of a site that are under way; of these, one document is in work."""


class SiteTurns:
    """Who has the worker, and who is next; belongs to one event loop."""

    def __init__(self, worker: PdfAsker) -> None:
        """Share a worker."""
        self._worker = worker
        self._is_taken = False
        # The first has the next turn; who has had one and waits for more comes last.
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        self._requests: dict[str, int] = {}

    def of(self, site: Origin) -> "SiteWorker":
        """Return the worker as a site has it."""
        return SiteWorker(self, group_of(site))

    @contextmanager
    def request(self, site: Origin) -> Iterator[None]:
        """Count a request while the context lasts: each has at most one document in the line.

        Raises:
            AgentError: ``busy``, the site has too many.

        """
        group = group_of(site)
        if self._requests.get(group, 0) >= MAX_REQUESTS:
            raise AgentError("the site has other PDFs under way", code=ErrorCode.BUSY)
        self._requests[group] = self._requests.get(group, 0) + 1
        try:
            yield
        finally:
            self._requests[group] -= 1
            if not self._requests[group]:
                del self._requests[group]

    async def ask(self, group: str, request: AnyPdfRequest, kind: type[A], size: int) -> A:
        """Ask the worker when it is a group's turn; otherwise as :meth:`PdfWorker.ask`.

        Raises:
            PdfError: as there.
            AgentError: as there.

        """
        await self._begin(group)
        try:
            return await self._worker.ask(request, kind, size)
        finally:
            self._end(group)

    async def _begin(self, group: str) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        turn = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(group, deque())
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it came all the same, and nobody takes it
                self._end(group)
            raise

    def _end(self, group: str) -> None:
        """Give the worker to whoever is next; ``group`` has had it."""
        if group in self._lines:
            self._lines[group] = self._lines.pop(group)
        while self._lines:
            group, line = next(iter(self._lines.items()))
            del self._lines[group]
            turn = line.popleft()
            if line:
                self._lines[group] = line
            if not turn.done():  # else whoever waited has left
                turn.set_result(None)
                return
        self._is_taken = False


class SiteWorker:
    """The worker of all sites, as one of them has it."""

    def __init__(self, turns: SiteTurns, group: str) -> None:
        """Wait among ``turns``, under the name that the site is counted by."""
        self._turns = turns
        self._group = group

    async def ask(self, request: AnyPdfRequest, kind: type[A], size: int = 0) -> A:
        """Wait for the site's turn; otherwise as :meth:`PdfWorker.ask`.

        Raises:
            PdfError: as there.
            AgentError: as there.

        """
        return await self._turns.ask(self._group, request, kind, size)
