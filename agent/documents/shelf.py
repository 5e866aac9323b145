"""Documents that pages of ours handed over: private copies, each for its page and for a while."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from agent.documents.baskets import BasketFile
from agent.documents.copies import (
    PrivateCopy,
    WorkFolder,
    clear_for_sure,
    copy_chosen,
    receive_into,
)
from agent.documents.document_store import DocumentStore
from agent.documents.evidence_lists import EvidenceLists
from agent.documents.extending import PdfExtender
from agent.documents.known_proof import MoreTrust
from agent.documents.levels import ProofSettings, SignatureLevel
from agent.documents.pdf_verification import VerifiedPdf, verify_copy
from agent.documents.pdf_worker import PdfWorker
from agent.documents.places import save_again, save_beside
from agent.documents.proving import PdfProver, growth_of
from agent.documents.shelved import ShelvedDocument, SignedBatch, sign_shelved, text_of
from agent.documents.signing import CardAsker, PdfSigner, SignatureWish
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.host.machine.document_copies import LEFT_SECONDS
from agent.host.machine.umask import users_own_mask
from agent.host.settings.config import Settings
from agent.origin import LOCAL_USER
from agent.pdf.wire import PdfError, PdfFacts
from agent.pki.report import Inputs
from agent.secret import SecretBytes

MAX_OF_OWNER: Final = 20
"""More than are signed at once: others are verified beside them."""
MAX_IN_ALL: Final = 32


class DocumentShelf(DocumentStore[bytes, ShelvedDocument]):
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
        super().__init__(folder, seconds)
        self._proof = ProofSettings.of(settings or Settings())
        self._lists = EvidenceLists(self._proof.evidence_urls)
        self._service = service
        self._worker = PdfWorker()

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
        return await self._take(
            owner, lambda work: receive_into(work, name, content), is_to_sign=is_to_sign
        )

    async def take_chosen(self, owner: bytes, chosen: BasketFile) -> ShelvedDocument:
        """Take a document of a basket, to be signed, and look at it.

        Raises:
            PdfError: it cannot be signed, or is another file by now; nothing is kept.
            AgentError: as for :meth:`take`.
            OSError: it cannot be read or copied.

        """
        return await self._take(
            owner, lambda work: asyncio.to_thread(copy_chosen, work, chosen), is_to_sign=True
        )

    async def _take(
        self,
        owner: bytes,
        receive: Callable[[WorkFolder], Awaitable[PrivateCopy]],
        *,
        is_to_sign: bool,
    ) -> ShelvedDocument:
        if owner in self._taking:
            raise AgentError("another document is on its way", code=ErrorCode.BUSY)
        is_full = len(self._documents) + len(self._taking) >= MAX_IN_ALL
        if is_full or len(self.of(owner)) >= MAX_OF_OWNER:
            raise AgentError("there are too many documents", code=ErrorCode.BUSY)

        async def received(identifier: str, work: WorkFolder) -> ShelvedDocument:
            copy = await receive(work)
            facts = await self._look(work, copy) if is_to_sign else None
            is_locked = is_to_sign and facts is None
            return ShelvedDocument(identifier, owner, copy, work, facts, is_locked)

        return await self._receive(owner, received)

    def list_to_sign(self, owner: bytes) -> list[ShelvedDocument]:
        """Return what an owner has that could be signed, or could once it is unlocked."""
        return [each for each in self.of(owner) if each.facts is not None or each.is_locked]

    async def unlock(self, owner: bytes, identifier: str, password: SecretBytes) -> ShelvedDocument:
        """Open a document that is to be signed with its own password.

        Args:
            owner: who handed it over.
            identifier: of the document.
            password: in UTF-8; wiped when the document goes, or before this raises.

        Raises:
            PdfError: ``document_password_incorrect``, or why it cannot be signed.
            AgentError: it does not wait for a password.

        """
        try:
            document = self._locked(owner, identifier)
            with self.used([document]):
                document.facts = await self._look(document.work, document.copy, password)
            self.find(owner, identifier)  # or everything was put away meanwhile
        except BaseException:
            password.wipe()
            raise
        document.is_locked, document.password = False, password
        return document

    def _locked(self, owner: bytes, identifier: str) -> ShelvedDocument:
        document = self.find(owner, identifier)
        if not document.is_locked:
            raise BadRequestError("it is not locked")
        return document

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
    ) -> SignedBatch:
        """Sign documents with one PIN, which our own window asks for.

        One that does not take the signature is left out, before anybody enters a PIN. What the
        card has signed before and could not be finished is finished without it.

        Raises:
            AgentError: of any code: none was signed.

        """
        chosen = [self.find(owner, each) for each in dict.fromkeys(identifiers)]
        opened = [each.opened() for each in chosen]
        fields = opened[0].facts.fields if len(opened) == 1 else ()
        if wish.field is not None and wish.field not in fields:
            raise BadRequestError("there is no such empty field, or there are several documents")
        batch = WorkFolder(self._folder)
        with self.used(chosen):
            try:
                await asyncio.to_thread(batch.open)
                prover = PdfProver(self._proof, self._worker, batch, lists=self._lists)
                signer = PdfSigner(self._service, self._worker, batch, LOCAL_USER, prover)
                return await sign_shelved(signer, chosen, wish)
            finally:
                for each in chosen:
                    self._wait(each)  # what was signed, or is left to finish, has its whole time
                await clear_for_sure(batch)

    async def extend(self, owner: bytes, identifier: str) -> ShelvedDocument:
        """Try once more to prove a signed document for as long as was wanted; no card is asked.

        Where it was saved beside its original, and nobody changed it there, it is replaced there.

        Raises:
            BadRequestError: there is no such document, or it lacks nothing.
            AgentError: ``timestamp_failed`` or ``evidence_missing``, and nothing was gained.
            OSError: it cannot be kept.

        """
        document = self.find(owner, identifier)
        if document.signed is None or document.lacks is None or document.wanted is None:
            raise BadRequestError("it lacks nothing")
        batch = WorkFolder(self._folder)
        with self.used([document]):
            try:
                await asyncio.to_thread(batch.open)
                self._lists.retry()
                prover = PdfProver(self._proof, self._worker, batch, lists=self._lists)
                made = await PdfExtender(prover, self._worker, batch).extend(
                    document.signed, document.wanted
                )
                saved = document.saved
                is_saved = saved is not None and await asyncio.to_thread(
                    _save_again, made.file, saved, document.signed
                )
                await document.take_extended(made)
                if is_saved:
                    document.saved = saved
            finally:
                self._wait(document)
                await clear_for_sure(batch)
        return document

    async def growth(self) -> int:
        """Return about how many bytes the evidence adds to each document that is signed now.

        0 where the settings want none. The lists are fetched where they are not at hand; signing
        takes the same.
        """
        if not self._proof.level.reaches(SignatureLevel.B_LT):
            return 0
        return await growth_of(self._lists)

    async def save_beside(self, owner: bytes, identifier: str, mark: str) -> Path | None:
        """Save a signed document beside its original, over nothing; None where it has none here.

        Args:
            owner: whose it is.
            identifier: of the document.
            mark: what is put behind its name.

        Raises:
            PdfError: ``document_changed``, the original is another one by now.
            BadRequestError: there is no such document, or it is not signed.
            OSError: it cannot be written there.

        """
        document = self.find(owner, identifier)
        if document.signed is None:
            raise BadRequestError("it is not signed")
        copy = document.copy
        if copy.handed_over_as is not None or document.saved is not None:
            return document.saved
        with self.used([document]):
            await asyncio.to_thread(copy.require_unchanged)
            document.saved = await asyncio.to_thread(
                _save_beside, document.signed, copy.source, mark
            )
        return document.saved

    async def verify(
        self, owner: bytes, identifier: str, at: datetime, password: SecretBytes | None = None
    ) -> dict[str, Any]:
        """Return the report on a document; trusted is whom the settings name.

        Args:
            owner: who handed it over.
            identifier: of the document.
            at: the moment at which certificates are judged.
            password: that opens it, in UTF-8; wiped before this returns, however it returns.

        Raises:
            AgentError: it cannot be read.

        """
        try:
            document = self.find(owner, identifier)
            with self.used([document]):
                document.verified = await self._verified(document, at, password)
        finally:
            if password is not None:
                password.wipe()
        return document.verified.report

    async def _verified(
        self, document: ShelvedDocument, at: datetime, password: SecretBytes | None
    ) -> VerifiedPdf:
        inputs = Inputs(document.copy.file, anchors=self._proof.document_anchors)
        lists = self._lists if self._proof.document_anchors else None
        more = MoreTrust(self._proof.timestamp_anchors, lists)
        return await verify_copy(
            self._worker, document.copy, inputs, at, text_of(password), more=more
        )

    async def remove(self, owner: bytes, identifier: str | None = None) -> None:
        """Put away one document of an owner, or all; what is being used stays."""
        for each in self.of(owner):
            if identifier in {None, each.id}:
                await self._remove(each)

    async def close(self) -> None:
        """Put everything away, and end the worker."""
        await super().close()
        await self._worker.close()

    async def _look(
        self, work: WorkFolder, copy: PrivateCopy, password: SecretBytes | None = None
    ) -> PdfFacts | None:
        """Return what a document is; None where it needs a password and none is given.

        Raises:
            PdfError: it cannot be signed.

        """
        signer = PdfSigner(self._service, self._worker, work, LOCAL_USER)
        try:
            return (await signer.look(copy, text_of(password))).facts
        except PdfError as error:
            if password is None and error.code is ErrorCode.DOCUMENT_ENCRYPTED:
                return None
            raise

    def _has_gone(self, document: ShelvedDocument) -> None:
        if document.password is not None:
            document.password.wipe()
        if not self._documents:
            self._lists.forget()


def _save_again(signed: Path, saved: Path, before: Path) -> bool:
    """Replace what was saved; return False where it is not ours any more, or cannot be."""
    with users_own_mask(), suppress(OSError):
        return save_again(signed, saved, before)
    return False


def _save_beside(signed: Path, source: Path, mark: str) -> Path:
    with users_own_mask():  # it is the person's file, and none of the agent's
        return save_beside(signed, source, mark)
