"""PDFs that web sites handed over: each for its site alone, one a site, and not for long.

What a person has signed and its page has not fetched yet gives way to nothing newer.
"""

import asyncio
import secrets
from collections.abc import AsyncIterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.documents.copies import PrivateCopy, WorkFolder, clear_for_sure, receive_into
from agent.documents.pdf_worker import PdfWorker
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import Origin
from agent.pdf.wire import InspectPdf, PdfFacts

MAX_IN_ALL: Final = 2
"""Documents of all sites; a site has one."""
KEPT_SECONDS: Final = 600.0
"""After which a document is gone, unless something is being done with it."""
_ID_SIZE: Final = 16  # bytes


@dataclass(slots=True, eq=False)
class PagePdf:
    """A document of a site.

    Attributes:
        id: 32 hexadecimal digits that nobody guesses.
        site: whose it is.
        copy: of it.
        facts: what it is.
        work: the private folder, with what became of it.
        signed: the copy with a signature; None where it has none yet.
        is_fetched: whether the site has got that one, to its end.

    """

    id: str
    site: Origin
    copy: PrivateCopy
    facts: PdfFacts
    work: WorkFolder = field(repr=False)
    signed: Path | None = None
    is_fetched: bool = False
    is_used: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def gives_way(self) -> bool:
        """Whether a newer document of the site may take its place."""
        return not self.is_used and (self.signed is None or self.is_fetched)


class PageShelf:
    """All of them; belongs to one event loop."""

    def __init__(self, folder: Path, worker: PdfWorker, *, seconds: float = KEPT_SECONDS) -> None:
        """Begin empty.

        Args:
            folder: of the private copies, made with the first.
            worker: that reads them.
            seconds: after which a document is gone.

        """
        self._folder = folder
        self._worker = worker
        self._seconds = seconds
        self._documents: dict[str, PagePdf] = {}
        self._taking: set[Origin] = set()
        self._removals: set[asyncio.Task[None]] = set()

    async def take(self, site: Origin, content: AsyncIterable[bytes]) -> PagePdf:
        """Take a document in place of the site's last one, and look at it.

        Raises:
            PdfError: it cannot be signed; nothing is kept.
            AgentError: ``busy``, another one is on its way, is being signed or waits to be fetched,
                or other sites have too many; or it is too large.
            OSError: it cannot be written.

        """
        earlier = self._giving_way(site)
        self._taking.add(site)
        work = WorkFolder(self._folder)
        try:
            for each in earlier:
                await self._remove(each)
            await asyncio.to_thread(work.open)
            copy = await receive_into(work, "", content)
            facts = await self._worker.ask(InspectPdf(str(copy.file)), PdfFacts, copy.size)
        except BaseException:
            await clear_for_sure(work)
            raise
        finally:
            self._taking.discard(site)
        document = PagePdf(secrets.token_hex(_ID_SIZE), site, copy, facts, work)
        self._documents[document.id] = document
        self._wait(document)
        return document

    def _giving_way(self, site: Origin) -> list[PagePdf]:
        """Return the documents of a site that a newer one takes the place of.

        Raises:
            AgentError: ``busy``, there is no place.

        """
        theirs = [each for each in self._documents.values() if each.site == site]
        if site in self._taking or not all(each.gives_way for each in theirs):
            raise AgentError("a document of this site is on its way", code=ErrorCode.BUSY)
        others = len(self._documents) - len(theirs) + len(self._taking)
        if others >= MAX_IN_ALL:
            raise AgentError("other sites have documents here", code=ErrorCode.BUSY)
        return theirs

    def find(self, site: Origin, identifier: str) -> PagePdf:
        """Return a document of this site.

        Raises:
            BadRequestError: there is none, or no more.

        """
        found = self._documents.get(identifier)
        if found is None or found.site != site:
            raise BadRequestError("this site has no such document here")
        return found

    @contextmanager
    def used(self, documents: Sequence[PagePdf]) -> Iterator[None]:
        """Keep documents from going, and from being used twice, while the context lasts.

        Raises:
            AgentError: ``busy``.

        """
        if any(each.is_used for each in documents):
            raise AgentError("something is being done with it", code=ErrorCode.BUSY)
        for each in documents:
            each.is_used = True
            each.work.renew()  # else another work would take it for what a killed process left
        try:
            yield
        finally:
            for each in documents:
                each.is_used = False
                if each.signed is not None:
                    self._wait(each)  # its site has the whole time to fetch it

    async def remove(self, site: Origin, identifier: str) -> None:
        """Put a document away.

        Raises:
            BadRequestError: the site has none of that name.
            AgentError: ``busy``, something is being done with it.

        """
        document = self.find(site, identifier)
        with self.used([document]):
            pass  # or it is refused
        await self._remove(document)

    async def close(self) -> None:
        """Put everything away."""
        for each in list(self._documents.values()):
            await self._remove(each)
        await asyncio.gather(*self._removals)

    def _wait(self, document: PagePdf) -> None:
        loop = asyncio.get_running_loop()
        if document.timer is not None:
            document.timer.cancel()
        document.timer = loop.call_later(self._seconds, self._expire, document)

    def _expire(self, document: PagePdf) -> None:
        if document.is_used:
            document.work.renew()
            self._wait(document)
            return
        task = asyncio.ensure_future(self._remove(document))
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)

    async def _remove(self, document: PagePdf) -> None:
        if self._documents.pop(document.id, None) is None:
            return
        if document.timer is not None:
            document.timer.cancel()
        await clear_for_sure(document.work)
