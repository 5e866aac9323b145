"""PDFs of pages, where nothing is loaded before a page has one."""

import asyncio
from collections.abc import AsyncIterable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import BadRequestError
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.web.native import messages
from agent.web.native.convert import AnySignParams
from agent.web.native.pdf_messages import SignDocumentsResult, SignPdfResult
from agent.web.offered_views import OfferedViews
from agent.web.service import Service
from agent.words.language import SYSTEM, chosen_language

if TYPE_CHECKING:
    from agent.documents.page_shelf import PagePdf
    from agent.web.native.page_signing import PagePdfs


class PageDocuments:
    """The one place of an agent for them; belongs to its event loop."""

    def __init__(
        self,
        service: Service,
        folder: Path | None,
        views: OfferedViews | None = None,
        settings: Settings | None = None,
        language: Callable[[], str] = lambda: SYSTEM,
    ) -> None:
        """Remember where things are.

        Args:
            service: that asks the card.
            folder: of private copies; None where no PDF is taken.
            views: what the citizen can have shown.
            settings: of this computer: who proves the time; None for nobody.
            language: the person's choice, one of :data:`agent.words.CHOICES`.

        """
        self._service = service
        self._folder = folder
        self._views = views or OfferedViews()
        self._settings = settings or Settings()
        self._language = language
        self._made: PagePdfs | None = None

    async def take(self, site: Origin, content: AsyncIterable[bytes]) -> "PagePdf":
        """Take a document of a site; errors as of :meth:`PageShelf.take`."""
        return await (await self._pdfs()).shelf.take(site, content)

    def find(self, site: Origin, identifier: str) -> "PagePdf":
        """Return a document of a site.

        Raises:
            BadRequestError: it has none of that name.

        """
        if self._made is None:
            raise BadRequestError("no site has a document here")
        return self._made.shelf.find(site, identifier)

    async def remove(self, site: Origin, identifier: str) -> None:
        """Put a document of a site away.

        Raises:
            AgentError: it has none of that name, or something is being done with it.

        """
        self.find(site, identifier)
        await (await self._pdfs()).shelf.remove(site, identifier)

    async def sign(
        self,
        site: Origin,
        params: AnySignParams,
        entered: SecretBytes | None,
        tell: Callable[[str], None],
    ) -> SignDocumentsResult | SignPdfResult:
        """Sign what a request with PDFs has; arguments and errors as of :meth:`PagePdfs.sign`."""
        pdfs = await self._pdfs()
        from agent.web.native.pades_wishes import read_wishes  # noqa: PLC0415  # loaded by now
        from agent.web.native.page_signing import single  # noqa: PLC0415  # likewise

        # A page has no word in it: what a mark says is for the person whose name is in it.
        language = await asyncio.to_thread(chosen_language, self._language())
        wishes = read_wishes(params, pdfs.proof.top, language)
        made = await pdfs.sign(site, wishes, entered, tell)
        return single(made) if isinstance(params, messages.SignParams) else made

    async def close(self) -> None:
        """Put everything away."""
        if self._made is not None:
            await self._made.close()

    async def _pdfs(self) -> "PagePdfs":
        if self._folder is None:
            raise BadRequestError("no PDF is signed here")
        if self._made is None:
            made = await asyncio.to_thread(_load)
            if self._made is None:
                self._made = made(self._service, self._folder, self._views, self._settings)
        return self._made


def _load() -> "type[PagePdfs]":
    import agent.web.native.pades_wishes  # noqa: F401, PLC0415  # with its own imports
    from agent.web.native.page_signing import PagePdfs  # noqa: PLC0415  # most never need it

    return PagePdfs
