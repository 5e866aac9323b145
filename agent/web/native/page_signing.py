"""PDFs of pages: looked at, prepared, signed with one PIN together with what else a page has.

The card is asked after every PDF is prepared for it, through the same door as for anything else:
consent, PIN window, queue and history are the same. What the card has signed is answered, also
where another document of the request cannot be finished.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from msgspec import UNSET
from msgspec.structs import replace as replace_fields

from agent.cms.document import Document
from agent.documents.copies import WorkFolder, clear_for_sure, receive_into
from agent.documents.evidence_lists import EvidenceLists
from agent.documents.levels import ProofSettings
from agent.documents.page_shelf import PagePdf, PageShelf
from agent.documents.pdf_worker import PdfWorker
from agent.documents.proving import PdfProver
from agent.documents.shelved import text_of
from agent.documents.signing import OpenPdf, PdfSigner, ReadyPdf, SignedPdf
from agent.documents.site_turns import SiteTurns
from agent.documents.unfinished import PartlySignedError
from agent.errors import AgentError, BadRequestError, KeyNotFoundError
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.pdf.wire import InspectPdf, PdfFacts
from agent.secret import SecretBytes
from agent.signing.model import (
    CardCertificate,
    CertificateListing,
    SignatureRequest,
    SignatureResult,
)
from agent.web.front.refusal import failure, unexpected
from agent.web.native import convert
from agent.web.native.pades_wishes import PadesWishes, PdfItem
from agent.web.native.pdf_messages import Lack, SignDocumentsResult, SignedItem, SignPdfResult
from agent.web.offered_views import OfferedViews, ViewedPdf
from agent.web.service import Service

Tell = Callable[[str], None]
"""Told how far a request is, by the name of its event."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A PDF of a request, and the upload that it is; None where it came with the request."""

    item: PdfItem
    pdf: OpenPdf
    upload: PagePdf | None


class PagePdfs:
    """Everything that pages ask of PDFs; belongs to one event loop.

    Attributes:
        shelf: what was handed over.
        proof: who proves the time of signatures.

    """

    def __init__(
        self, service: Service, folder: Path, views: OfferedViews, settings: Settings
    ) -> None:
        """Begin with no documents, and no worker.

        Args:
            service: that asks the card.
            folder: of private copies.
            views: what the citizen can have shown.
            settings: of this computer: who proves the time.

        """
        self.proof = ProofSettings.of(settings)
        self._lists = EvidenceLists(self.proof.evidence_urls)
        self._service = service
        self._folder = folder
        self._views = views
        self._worker = PdfWorker()
        self._turns = SiteTurns(self._worker)
        self.shelf = PageShelf(folder, self._turns)

    async def sign(
        self, site: Origin, wishes: PadesWishes, entered: SecretBytes | None, tell: Tell
    ) -> SignDocumentsResult:
        """Sign all of a request with one PIN, or nothing of it.

        A document that cannot be finished, though the card has signed it, takes nothing from the
        others: in its place is the error.

        Args:
            site: who asks.
            wishes: what for; its passwords are wiped before this returns.
            entered: the PIN as the page handed it over, wiped before this returns; None has the
                citizen type it in our own window.
            tell: told how far it is.

        Raises:
            AgentError: any code.

        """
        work = WorkFolder(self._folder)
        try:
            named = [each for each in wishes.items if isinstance(each, PdfItem)]
            uploads = {
                each.identifier: self._unsigned(site, each.identifier)
                for each in named
                if each.identifier is not None
            }
            with self._turns.request(site), self.shelf.used(tuple(uploads.values())):
                await asyncio.to_thread(work.open)
                opened = [await self._open(site, each, uploads, work) for each in named]
                result = await self._sign_opened(site, wishes, opened, work, entered, tell)
        finally:
            if entered is not None:
                entered.wipe()
            for each in wishes.items:
                if isinstance(each, PdfItem) and each.password is not None:
                    each.password.wipe()
            await clear_for_sure(work)
        return result

    async def close(self) -> None:
        """Put everything away, and end the worker."""
        await self.shelf.close()
        await self._worker.close()

    def _unsigned(self, site: Origin, identifier: str) -> PagePdf:
        found = self.shelf.find(site, identifier)
        if found.signed is not None:
            raise BadRequestError("this document is signed already")
        return found

    async def _open(
        self, site: Origin, item: PdfItem, uploads: dict[str, PagePdf], work: WorkFolder
    ) -> _Opened:
        upload = None if item.identifier is None else uploads[item.identifier]
        if upload is not None and upload.facts is not None:
            return _Opened(item, OpenPdf(upload.copy, upload.facts), upload)
        if upload is None:
            copy = await receive_into(work, "", _whole(item.data or b""))
        else:
            copy = upload.copy
        password = text_of(item.password)
        request = InspectPdf(str(copy.file), password)
        facts = await self._turns.of(site).ask(request, PdfFacts, copy.size)
        return _Opened(item, OpenPdf(copy, facts, password if facts.encrypted else None), upload)

    async def _sign_opened(  # noqa: PLR0913, PLR0917  # one request's way, from its one caller
        self,
        site: Origin,
        wishes: PadesWishes,
        opened: Sequence[_Opened],
        work: WorkFolder,
        entered: SecretBytes | None,
        tell: Tell,
    ) -> SignDocumentsResult:
        asker = _WithTheRest(self._service, wishes, tell)
        worker = self._turns.of(site)
        prover = PdfProver(self.proof, worker, work, lists=self._lists)
        signer = PdfSigner(asker, worker, work, site, prover)
        made = await self._signed(signer, asker, opened, entered)
        pairs = zip(opened, made, strict=True)
        given = [await self._given(each, pdf) for each, pdf in pairs]
        failed = [each for each in given if isinstance(each, AgentError)]
        if len(failed) == len(wishes.items):
            raise failed[0]
        pdfs, others = iter(given), iter(asker.others)
        items = tuple(
            _as_item(next(pdfs))
            if isinstance(each, PdfItem)
            else SignedItem(signature=next(others))
            for each in wishes.items
        )
        tell("document_signed")
        used = asker.used
        assert used is not None  # noqa: S101  # something is signed
        return SignDocumentsResult(
            items=items,
            algorithm=convert.algorithm(asker.algorithm),
            certificate=used.facts.der,
            thumbprint=used.facts.thumbprint.hex(),
            reader=used.reader,
            card_serial=used.card_serial,
        )

    async def _signed(
        self,
        signer: PdfSigner,
        asker: "_WithTheRest",
        opened: Sequence[_Opened],
        entered: SecretBytes | None,
    ) -> list[SignedPdf | AgentError]:
        """Prepare for the card that is there, and have it sign; once more where another one came.

        That it is another one is found before any PIN is sent to it. A PIN of the page's was meant
        for the card of before, so then nothing is tried again.
        """
        wishes = asker.wishes
        may_repeat = entered is None and wishes.certificate is None
        while True:
            chosen = await signer.choose(wishes.reader, wishes.certificate)
            ready = [await signer.prepare(each.pdf, each.item.wish, chosen) for each in opened]
            views = [_viewed(each, made) for each, made in zip(opened, ready, strict=True)]
            try:
                with self._views.offered(views) as asker.view:
                    return [*await signer.sign_prepared(ready, chosen, entered)]
            except PartlySignedError as partly:
                return await _finished(signer, partly, ready)
            except KeyNotFoundError:
                if not may_repeat:
                    raise
                may_repeat = False

    async def _given(
        self, opened: _Opened, made: SignedPdf | AgentError
    ) -> SignedItem | AgentError:
        """Give a signed PDF out, or lay it where its site fetches it; or say why not."""
        if isinstance(made, AgentError):
            return made
        lacks = UNSET if made.lacks is None else _lack(made.lacks)
        item = SignedItem(field=made.field, level=made.level.value, lacks=lacks)
        upload = opened.upload
        try:
            if upload is None:
                octets = await asyncio.to_thread(made.file.read_bytes)
                return replace_fields(item, pdf=octets)
            target = upload.work.name(".signed")
            await asyncio.to_thread(made.file.replace, target)
        except OSError as error:
            return unexpected(error)
        self.shelf.take_signed(upload, target)
        return replace_fields(item, document=upload.id)


class _WithTheRest:
    """The use cases as :class:`PdfSigner` asks them, with what a page signs beside its PDFs.

    Attributes:
        wishes: of the page.
        view: what names the documents for whoever looks at them.
        others: the signatures of that, in their order.
        algorithm: of all signatures, as :class:`SignatureResult` names it.
        used: the certificate; None before there are any.

    """

    def __init__(self, service: Service, wishes: PadesWishes, tell: Tell) -> None:
        self._service = service
        self.wishes = wishes
        self.view = ""
        self._tell = tell
        self.others: tuple[bytes, ...] = ()
        self.algorithm = ""
        self.used: CardCertificate | None = None

    async def certificates(self, site: Origin, reader: str | None = None) -> CertificateListing:
        """Read the certificates; of one card only where the page names its certificate."""
        listing = await self._service.certificates(site, reader)
        wanted = self.wishes.certificate
        if wanted is None:
            return listing
        for named in listing.certificates:
            if named.facts.thumbprint == wanted:
                kept = (each for each in listing.certificates if each.reader == named.reader)
                return replace(listing, certificates=tuple(kept))
        raise KeyNotFoundError("no card here has that certificate")

    async def sign(
        self, site: Origin, request: SignatureRequest, entered: SecretBytes | None, /
    ) -> SignatureResult:
        """Sign the PDFs and the rest; answer with the signatures of the PDFs."""
        self._tell("document_prepared")
        wishes = self.wishes
        prepared = iter(request.documents)
        documents = tuple(
            replace(next(prepared), name=each.name, remark=each.remark)
            if isinstance(each, PdfItem)
            else each
            for each in wishes.items
        )
        whole = replace(
            request,
            found_here=wishes.certificate is None,
            documents=documents,
            format=wishes.format,
            signing_time=wishes.signing_time,
            view=self.view,
        )
        result = await self._service.sign(site, whole, entered)
        signed = list(zip(wishes.items, result.signatures, strict=True))
        self.algorithm, self.used = result.algorithm, result.certificate
        self.others = tuple(made for each, made in signed if isinstance(each, Document))
        pdfs = tuple(made for each, made in signed if isinstance(each, PdfItem))
        return replace(result, signatures=pdfs)


def single(result: SignDocumentsResult) -> SignPdfResult:
    """Return the answer about the one PDF of a request."""
    (item,) = result.items
    level = item.level
    assert level is not UNSET  # noqa: S101  # it is of a PDF
    return SignPdfResult(
        pdf=item.pdf,
        document=item.document,
        field=str(item.field),
        level=level,
        lacks=item.lacks,
        algorithm=result.algorithm,
        certificate=result.certificate,
        thumbprint=result.thumbprint,
        reader=result.reader,
        card_serial=result.card_serial,
    )


def _viewed(opened: _Opened, ready: ReadyPdf) -> ViewedPdf:
    copy, facts, prepared = opened.pdf.copy, opened.pdf.facts, ready.prepared
    return ViewedPdf(
        name=opened.item.name,
        file=copy.file,
        size=copy.size,
        digest=copy.digest,
        pages=facts.pages,
        warnings=facts.warnings,
        mark=None if prepared.mark is None else prepared.mark.page,
        field=prepared.field if prepared.field in facts.fields else None,
        remark=opened.item.remark,
        password=opened.pdf.password,
    )


def _as_item(given: SignedItem | AgentError) -> SignedItem:
    return SignedItem(error=failure(given)) if isinstance(given, AgentError) else given


def _lack(error: AgentError) -> Lack:
    known: Lack = msgspec.convert(error.code, Lack)
    return known


async def _finished(
    signer: PdfSigner, partly: PartlySignedError, ready: Sequence[ReadyPdf]
) -> list[SignedPdf | AgentError]:
    """Finish what the card signed, without asking it again; give what cannot be as its error."""
    made: dict[Path, SignedPdf | AgentError] = {
        each.original.copy.file: each for each in partly.signed
    }
    for each in partly.unfinished:
        try:
            done: SignedPdf | AgentError = await signer.finish(each)
        except AgentError as error:
            done = error
        except OSError as error:
            done = unexpected(error)
        made[each.ready.original.copy.file] = done
    return [made[each.original.copy.file] for each in ready]


async def _whole(octets: bytes) -> AsyncIterator[bytes]:
    yield octets
