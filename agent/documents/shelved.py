"""A document on the shelf, and what becomes of it when it is signed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.documents.document_store import StoredDocument
from agent.documents.extending import ExtendedPdf
from agent.documents.levels import SignatureLevel
from agent.documents.pdf_verification import VerifiedPdf
from agent.documents.signing import (
    OpenPdf,
    PdfCertificates,
    PdfSigner,
    ReadyPdf,
    SignatureWish,
    SignedPdf,
)
from agent.documents.unfinished import PartlySignedError, UnfinishedPdf
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.pdf.wire import DrawnMark, PdfError, PdfFacts
from agent.secret import SecretBytes


@dataclass(slots=True, eq=False)
class ShelvedDocument(StoredDocument[bytes]):
    """A document on the shelf; its owner is a session of the panel.

    Attributes:
        facts: what it is; None where it was not handed over to be signed, or is locked.
        is_locked: whether it was handed over to be signed, and waits for its password.
        password: that opened it; None where it needed none. Wiped when the document goes.
        saved: where that was saved beside the original; None where it was not.
        verified: what was found; None before that.
        level: that the signature has reached; None before there is one.
        lacks: the code that says why that is not what was wanted; None where it is.
        wanted: the level that was; None before there is a signature.
        grown: by how many bytes the signed copy is longer than the document.
        mark: what became of the visible mark; None where none was wanted.
        unfinished: where the card signed it, and it could not be finished; None where it could.
        failed: the code that says why; None where it could.

    """

    facts: PdfFacts | None
    is_locked: bool = False
    password: SecretBytes | None = field(default=None, repr=False)
    saved: Path | None = None
    verified: VerifiedPdf | None = None
    level: SignatureLevel | None = None
    lacks: ErrorCode | None = None
    wanted: SignatureLevel | None = None
    grown: int = 0
    mark: DrawnMark | None = None
    unfinished: UnfinishedPdf | None = field(default=None, repr=False)
    failed: ErrorCode | None = None

    def opened(self) -> OpenPdf:
        """Return it as something that could be signed.

        Raises:
            BadRequestError: it was not handed over for that, or nobody has its password.

        """
        if self.facts is None:
            raise BadRequestError("it is not to be signed, or still locked")
        return OpenPdf(self.copy, self.facts, text_of(self.password))

    async def take_signed(self, made: SignedPdf) -> None:
        """Keep what was signed as long as the document.

        Raises:
            OSError: it cannot be kept.

        """
        await self._keep(made)
        self.mark, self.wanted = made.mark, made.wanted
        self.unfinished = self.failed = None

    async def take_extended(self, made: ExtendedPdf) -> None:
        """Keep what has more proof now, in the place of what was signed.

        Raises:
            OSError: it cannot be kept.

        """
        before = self.signed
        await self._keep(made)
        if before is not None:
            await asyncio.to_thread(before.unlink, missing_ok=True)

    async def _keep(self, made: SignedPdf | ExtendedPdf) -> None:
        target = self.work.name(".signed")
        await asyncio.to_thread(made.file.replace, target)
        size = (await asyncio.to_thread(target.stat)).st_size
        self.signed, self.saved, self.level = target, None, made.level
        self.lacks = None if made.lacks is None else made.lacks.code
        self.grown = size - self.copy.size

    async def keep_unfinished(self, failed: UnfinishedPdf) -> None:
        """Keep what the card signed until somebody tries again, or puts the document away.

        Raises:
            OSError: it cannot be kept.

        """
        target = self.work.name(".signed")
        await asyncio.to_thread(failed.ready.file.replace, target)
        self.unfinished = replace(failed, ready=replace(failed.ready, file=target))
        error = failed.error
        self.failed = error.code if isinstance(error, AgentError) else ErrorCode.INTERNAL


@dataclass(frozen=True, slots=True)
class SignedBatch:
    """What became of documents that were to be signed together.

    Attributes:
        signed: those that have a signature now.
        failed: the others, each with the code that says why.

    """

    signed: list[ShelvedDocument]
    failed: list[tuple[ShelvedDocument, ErrorCode]]


async def sign_shelved(
    signer: PdfSigner, documents: Sequence[ShelvedDocument], wish: SignatureWish
) -> SignedBatch:
    """Sign what can be prepared; what the card has signed before is finished without it.

    Args:
        signer: that works in a folder of its own.
        documents: at least one; each is open.
        wish: how.

    Raises:
        AgentError: nothing was signed; of any code.
        OSError: what cannot be finished cannot be kept either.

    """
    waiting = [each for each in documents if each.unfinished is not None]
    others = [each for each in documents if each not in waiting]
    failed = await _finish_all(signer, waiting)
    is_any_done = len(failed) < len(waiting)
    codes = [(document, error.code) for document, error in failed]
    if others:
        try:
            codes += await _sign(signer, others, wish)
        except AgentError as error:
            if not is_any_done:
                raise
            codes += [(document, error.code) for document in others]
    elif not is_any_done:
        raise failed[0][1]
    left = [document for document, _ in codes]
    return SignedBatch([each for each in documents if each not in left], codes)


async def _finish_all(
    signer: PdfSigner, waiting: Sequence[ShelvedDocument]
) -> list[tuple[ShelvedDocument, AgentError]]:
    """Finish what the card signed before; return what cannot be, each with the reason."""
    failed = []
    for each in waiting:
        try:
            await _finish(signer, each)
        except AgentError as error:
            failed.append((each, error))
    return failed


async def _finish(signer: PdfSigner, document: ShelvedDocument) -> None:
    if document.unfinished is None:
        return
    try:
        await document.take_signed(await signer.finish(document.unfinished))
    except OSError as error:
        raise AgentError(str(error)) from error


async def _sign(
    signer: PdfSigner, documents: Sequence[ShelvedDocument], wish: SignatureWish
) -> list[tuple[ShelvedDocument, ErrorCode]]:
    """Sign all that can be prepared; return the others, each with the code that says why.

    Raises:
        AgentError: nothing can, or the card does not sign.

    """
    chosen = await signer.choose(wish.reader, wish.certificate)
    ready: dict[Path, tuple[ShelvedDocument, ReadyPdf]] = {}
    failed: list[tuple[ShelvedDocument, AgentError]] = []
    for document in documents:
        try:
            ready[document.copy.file] = document, await _prepared(signer, document, wish, chosen)
        except AgentError as error:
            failed.append((document, error))
    if not ready:
        raise failed[0][1]
    codes = [(document, error.code) for document, error in failed]
    try:
        made = await signer.sign_prepared([each for _, each in ready.values()], chosen, None)
    except PartlySignedError as partly:
        made = list(partly.signed)
        for each in partly.unfinished:
            document, _ = ready[each.ready.original.copy.file]
            await document.keep_unfinished(each)
            codes.append((document, document.failed or ErrorCode.INTERNAL))
        if not made:
            raise
    for signed in made:
        document, _ = ready[signed.original.copy.file]
        try:
            await document.take_signed(signed)
        except OSError:  # which takes nothing from the others
            codes.append((document, ErrorCode.INTERNAL))
    return codes


async def _prepared(
    signer: PdfSigner, document: ShelvedDocument, wish: SignatureWish, chosen: PdfCertificates
) -> ReadyPdf:
    opened = document.opened()
    if opened.copy.source != opened.copy.file:  # else nobody but us can have changed it
        await asyncio.to_thread(opened.copy.require_unchanged)
    return await signer.prepare(opened, wish, chosen)


def text_of(password: SecretBytes | None) -> str | None:
    """Return a password as the worker is told it.

    Raises:
        PdfError: ``document_password_incorrect``, it is no text.

    """
    try:
        return None if password is None else password.buffer.decode()
    except UnicodeDecodeError as error:
        raise PdfError(
            "the password is no text", code=ErrorCode.DOCUMENT_PASSWORD_INCORRECT
        ) from error
