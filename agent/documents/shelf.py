"""Documents that pages of ours handed over: private copies, each for its page and for a while."""

import asyncio
import secrets
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from agent.documents.copies import LEFT_SECONDS, PrivateCopy, WorkFolder, receive_into
from agent.documents.evidence_lists import EvidenceLists
from agent.documents.known_proof import MoreTrust
from agent.documents.levels import ProofSettings, SignatureLevel
from agent.documents.pdf_verification import VerifiedPdf, verify_copy
from agent.documents.pdf_worker import PdfWorker
from agent.documents.proving import PdfProver
from agent.documents.signing import CardAsker, OpenPdf, PdfSigner, SignatureWish, SignedPdf
from agent.documents.unfinished import PartlySignedError, UnfinishedPdf
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.host.settings.config import Settings
from agent.origin import LOCAL_USER
from agent.pdf.wire import InspectPdf, PdfFacts
from agent.pki.report import Inputs

MAX_OF_OWNER: Final = 20
"""More than are signed at once: others are verified beside them."""
MAX_IN_ALL: Final = 32
_ID_SIZE: Final = 16  # bytes


@dataclass(slots=True, eq=False)
class ShelvedDocument:
    """A document on the shelf.

    Attributes:
        id: 32 hexadecimal digits that nobody guesses.
        owner: who handed it over.
        copy: of it.
        facts: what it is; None where it was not handed over to be signed.
        signed: the copy with a signature; None where it has none yet.
        verified: what was found; None before that.
        level: that the signature has reached; None before there is one.
        lacks: the code that says why that is not what was wanted; None where it is.
        unfinished: where the card signed it, and it could not be finished; None where it could.
        failed: the code that says why; None where it could.

    """

    id: str
    owner: bytes
    copy: PrivateCopy
    facts: PdfFacts | None
    work: WorkFolder = field(repr=False)
    signed: Path | None = None
    verified: VerifiedPdf | None = None
    level: SignatureLevel | None = None
    lacks: ErrorCode | None = None
    unfinished: UnfinishedPdf | None = field(default=None, repr=False)
    failed: ErrorCode | None = None
    is_used: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)


class DocumentShelf:
    """All of them; belongs to one event loop."""

    def __init__(
        self,
        folder: Path,
        service: CardAsker,
        *,
        seconds: float = LEFT_SECONDS,
        settings: Settings | None = None,
    ) -> None:
        """Begin empty.

        Args:
            folder: of the private copies, made with the first.
            service: that asks the card.
            seconds: after which a document is gone.
            settings: of this computer: who proves, and who is trusted; None for nobody.

        """
        self._proof = ProofSettings.of(settings or Settings())
        self._lists = EvidenceLists(self._proof.evidence_urls)
        self._folder = folder
        self._service = service
        self._seconds = seconds
        self._worker = PdfWorker()
        self._documents: dict[str, ShelvedDocument] = {}
        self._taking: set[bytes] = set()
        self._removals: set[asyncio.Task[None]] = set()

    async def take(
        self, owner: bytes, name: str, content: AsyncIterable[bytes], *, is_to_sign: bool
    ) -> ShelvedDocument:
        """Take a document, and look at it where it is to be signed.

        Raises:
            PdfError: it cannot be signed; nothing is kept.
            AgentError: ``busy``, there are too many, or another one is on its way; or it is too
                large.
            OSError: it cannot be written.

        """
        theirs = [each for each in self._documents.values() if each.owner == owner]
        if owner in self._taking:
            raise AgentError("another document is on its way", code=ErrorCode.BUSY)
        if len(theirs) >= MAX_OF_OWNER or len(self._documents) + len(self._taking) >= MAX_IN_ALL:
            raise AgentError("there are too many documents", code=ErrorCode.BUSY)
        self._taking.add(owner)
        work = WorkFolder(self._folder)
        try:
            await asyncio.to_thread(work.open)
            copy = await receive_into(work, name, content)
            facts = await self._inspected(copy) if is_to_sign else None
        except BaseException:
            await asyncio.to_thread(work.clear)
            raise
        finally:
            self._taking.discard(owner)
        document = ShelvedDocument(secrets.token_hex(_ID_SIZE), owner, copy, facts, work)
        self._documents[document.id] = document
        self._wait(document)
        return document

    def find(self, owner: bytes, identifier: str) -> ShelvedDocument:
        """Return a document of this owner.

        Raises:
            BadRequestError: there is none, or no more.

        """
        found = self._documents.get(identifier)
        if found is None or found.owner != owner:
            raise BadRequestError("there is no such document")
        return found

    def proof_of(self, document: ShelvedDocument) -> dict[str, Any]:
        """Return the level that a document is signed at if nobody says otherwise, for JSON.

        With it the name of the server that proves the time; None where none does.
        """
        is_open = document.facts is None or not document.facts.encrypted
        level = self._proof.level if is_open else SignatureLevel.B_B
        is_timed = level.reaches(SignatureLevel.B_T)
        return {"level": level, "host": (self._proof.host or None) if is_timed else None}

    async def sign(
        self, owner: bytes, identifiers: Sequence[str], wish: SignatureWish
    ) -> list[ShelvedDocument]:
        """Sign documents with one PIN, which our own window asks for.

        What the card has signed before and could not be finished is finished without it.

        Returns:
            The documents; some may not be finished.

        Raises:
            AgentError: nothing was signed; of any code.

        """
        chosen = [self.find(owner, each) for each in dict.fromkeys(identifiers)]
        if any(each.facts is None for each in chosen):
            raise BadRequestError("it was not handed over to be signed")
        batch = WorkFolder(self._folder)
        self._use(chosen)
        try:
            await asyncio.to_thread(batch.open)
            prover = PdfProver(self._proof, self._worker, batch, lists=self._lists)
            signer = PdfSigner(self._service, self._worker, batch, LOCAL_USER, prover)
            waiting = [each for each in chosen if each.unfinished is not None]
            for each in waiting:
                await self._finish(signer, each)
            await self._sign(signer, [each for each in chosen if each not in waiting], wish)
        finally:
            self._unuse(chosen)
            await asyncio.to_thread(batch.clear)
        return chosen

    @staticmethod
    async def _finish(signer: PdfSigner, document: ShelvedDocument) -> None:
        if document.unfinished is None:
            return
        try:
            await _take(document, await signer.finish(document.unfinished))
        except OSError as error:
            raise AgentError(str(error)) from error

    async def _sign(
        self, signer: PdfSigner, documents: Sequence[ShelvedDocument], wish: SignatureWish
    ) -> None:
        if not documents:
            return
        opened = {
            each.copy.file: OpenPdf(each.copy, each.facts) for each in documents if each.facts
        }
        places = {each.copy.file: each for each in documents}
        try:
            signed = await signer.sign(list(opened.values()), wish, None)
        except PartlySignedError as partly:
            signed = list(partly.signed)
            for failed in partly.unfinished:
                await _keep(places[failed.ready.original.copy.file], failed)
            if not signed:
                raise
        for made in signed:
            await _take(places[made.original.copy.file], made)

    async def verify(self, owner: bytes, identifier: str, at: datetime) -> dict[str, Any]:
        """Return the report on a document; trusted is whom the settings name.

        Raises:
            AgentError: it cannot be read.

        """
        document = self.find(owner, identifier)
        self._use([document])
        try:
            inputs = Inputs(document.copy.file, anchors=self._proof.document_anchors)
            lists = self._lists if self._proof.document_anchors else None
            more = MoreTrust(self._proof.timestamp_anchors, lists)
            document.verified = await verify_copy(
                self._worker, document.copy, inputs, at, more=more
            )
        finally:
            self._unuse([document])
        return document.verified.report

    async def remove(self, owner: bytes, identifier: str | None = None) -> None:
        """Put away one document of an owner, or all; what is being used stays."""
        for each in list(self._documents.values()):
            if each.owner == owner and identifier in {None, each.id}:
                await self._remove(each)

    async def close(self) -> None:
        """Put everything away, and end the worker."""
        for each in list(self._documents.values()):
            each.is_used = False
            await self._remove(each)
        await asyncio.gather(*self._removals)
        await self._worker.close()

    async def _inspected(self, copy: PrivateCopy) -> PdfFacts:
        return await self._worker.ask(InspectPdf(str(copy.file)), PdfFacts, copy.size)

    def _use(self, documents: Sequence[ShelvedDocument]) -> None:
        """Keep documents from going.

        Raises:
            AgentError: ``busy``.

        """
        if any(each.is_used for each in documents):
            raise AgentError("something is being done with it", code=ErrorCode.BUSY)
        for each in documents:
            each.is_used = True

    @staticmethod
    def _unuse(documents: Sequence[ShelvedDocument]) -> None:
        for each in documents:
            each.is_used = False

    def _wait(self, document: ShelvedDocument) -> None:
        loop = asyncio.get_running_loop()
        document.timer = loop.call_later(self._seconds, self._expire, document)

    def _expire(self, document: ShelvedDocument) -> None:
        if document.is_used:
            self._wait(document)
            return
        task = asyncio.ensure_future(self._remove(document))
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)

    async def _remove(self, document: ShelvedDocument) -> None:
        if document.is_used or self._documents.pop(document.id, None) is None:
            return
        if document.timer is not None:
            document.timer.cancel()
        await asyncio.to_thread(document.work.clear)
        if not self._documents:
            self._lists.forget()


async def _take(document: ShelvedDocument, made: SignedPdf) -> None:
    """Keep what was signed as long as its document."""
    target = document.work.name(".signed")
    await asyncio.to_thread(made.file.replace, target)
    document.signed, document.level = target, made.level
    document.lacks = None if made.lacks is None else made.lacks.code
    document.unfinished = document.failed = None


async def _keep(document: ShelvedDocument, failed: UnfinishedPdf) -> None:
    """Keep what the card signed until somebody tries again, or puts the document away."""
    target = document.work.name(".signed")
    await asyncio.to_thread(failed.ready.file.replace, target)
    ready = replace(failed.ready, file=target)
    document.unfinished = replace(failed, ready=ready)
    error = failed.error
    document.failed = error.code if isinstance(error, AgentError) else ErrorCode.INTERNAL
