"""PDFs that web sites handed over: each for its site alone, one a site, and not for long.

What a person has signed and its page has not fetched yet gives way to nothing newer.
"""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.documents.copies import WorkFolder, receive_into
from agent.documents.document_store import DocumentStore, StoredDocument
from agent.documents.site_turns import SiteTurns
from agent.domain import group_of
from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.pdf.wire import InspectPdf, PdfError, PdfFacts

MAX_OF_DOMAIN: Final = 2
"""Documents of all sites below one registrable domain; a site has one."""
MAX_IN_ALL: Final = 6
KEPT_SECONDS: Final = 600.0
LAIN_SECONDS: Final = 60.0
"""After which a document that nobody does anything with gives way to one of another site."""


@dataclass(slots=True, eq=False)
class PagePdf(StoredDocument[Origin]):
    """A document of a site.

    Attributes:
        facts: what it is; None where it needs a password to be looked at.
        since: when it was handed over, on the event loop's clock.
        is_fetched: whether the site has got the signed one, to its end.

    """

    facts: PdfFacts | None
    since: float = field(repr=False)
    is_fetched: bool = False

    @property
    def gives_way(self) -> bool:
        """Whether a newer document of the site may take its place."""
        return not self.is_used and (self.signed is None or self.is_fetched)


class PageShelf(DocumentStore[Origin, PagePdf]):
    """All of them; belongs to one event loop."""

    def __init__(self, folder: Path, turns: SiteTurns, *, seconds: float = KEPT_SECONDS) -> None:
        """Begin empty.

        Args:
            folder: of the private copies, made with the first.
            turns: of the sites with the worker that reads them.
            seconds: after which a document is gone.

        """
        super().__init__(folder, seconds)
        self._turns = turns

    async def take(self, site: Origin, content: AsyncIterable[bytes]) -> PagePdf:
        """Take a document in place of the site's last one, and look at it.

        One that needs a password is kept without: it is told with what is to be signed.

        Raises:
            PdfError: it cannot be signed; nothing is kept.
            AgentError: ``busy``, another one is on its way, is being signed or waits to be fetched,
                or other sites have too many; or it is too large.
            OSError: it cannot be written.

        """
        removals = [self._let_go(each) for each in self._giving_way(site)]

        async def received(identifier: str, work: WorkFolder) -> PagePdf:
            await asyncio.gather(*(each for each in removals if each is not None))
            copy = await receive_into(work, "", content)
            request = InspectPdf(str(copy.file))
            try:
                facts = await self._turns.of(site).ask(request, PdfFacts, copy.size)
            except PdfError as error:
                if error.code is not ErrorCode.DOCUMENT_ENCRYPTED:
                    raise
                facts = None
            return PagePdf(identifier, site, copy, work, facts, self._now())

        return await self._receive(site, received)

    def _giving_way(self, site: Origin) -> list[PagePdf]:
        """Return what goes for a newer document of a site: its own, or what lies for nothing.

        Raises:
            AgentError: ``busy``, there is no place.

        """
        theirs = self.of(site)
        if site in self._taking or not all(each.gives_way for each in theirs):
            raise AgentError("a document of this site is on its way", code=ErrorCode.BUSY)
        others = [each for each in self._documents.values() if each.owner != site]
        group = group_of(site)
        neighbours = [each for each in others if group_of(each.owner) == group]
        taking = sum(group_of(each) == group for each in self._taking)
        leaving = list(theirs)
        if len(neighbours) + taking >= MAX_OF_DOMAIN:
            leaving.append(self._lying(neighbours))
        elif len(others) + len(self._taking) >= MAX_IN_ALL:
            leaving.append(self._lying(others))
        return leaving

    def _lying(self, documents: list[PagePdf]) -> PagePdf:
        """Return the one that has lain here for longest.

        Raises:
            AgentError: ``busy``, all are new, or not done with.

        """
        latest = self._now() - LAIN_SECONDS
        lying = [each for each in documents if each.gives_way and each.since <= latest]
        if not lying:
            raise AgentError("other sites have documents here", code=ErrorCode.BUSY)
        return min(lying, key=lambda each: each.since)

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

    def take_signed(self, document: PagePdf, signed: Path) -> None:
        """Keep what a document has become, for the whole time that its site has to fetch it."""
        document.signed = signed
        self._wait(document)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
