"""Sign PDFs with a card: prepared before the card is asked, filled after it (PAdES).

The card is asked once for all of them, with one PIN. What was signed is examined again before
anybody gets it, and it begins with all octets of the document as it was. A signature that was made
is never thrown away: a document lacks a timestamp rather than its signature, and one that cannot be
finished takes nothing from the others.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.documents.copies import PrivateCopy, WorkFolder, copy_into
from agent.documents.levels import ProofSettings, SignatureLevel, highest
from agent.documents.mark_lines import mark_for
from agent.documents.pdf_worker import PdfAsker
from agent.documents.proving import PdfProver, ProvenPdf, as_lack
from agent.documents.unfinished import PartlySignedError, UnfinishedPdf
from agent.errors import AgentError, ErrorCode, KeyNotFoundError
from agent.origin import Origin
from agent.pdf.hole import begins_with, fill, has_room
from agent.pdf.wire import (
    Changes,
    DrawnMark,
    ExaminePdf,
    FoundSignature,
    HashName,
    InspectPdf,
    KnownPdf,
    MarkPlace,
    PdfError,
    PdfExamination,
    PdfFacts,
    PreparedPdf,
    PreparePdf,
)
from agent.secret import SecretBytes
from agent.signing.certificate_key import usual_hash
from agent.signing.model import (
    CardCertificate,
    CertificateListing,
    SignatureFormat,
    SignatureRequest,
    SignatureResult,
)
from agent.words.language import Language, system_language

_HOLE: Final = 8192
"""Octets for the signature and its certificate; more for each certificate that goes with it."""
_STAMPED_HOLE: Final = 16384
"""The same, with a timestamp; it comes after the card, so that too small a hole costs it."""
_ID_CA: Final = "CACert"
_HASH_NAMES: Final[dict[HashAlgorithm, HashName]] = {
    HashAlgorithm.SHA256: "sha256",
    HashAlgorithm.SHA384: "sha384",
    HashAlgorithm.SHA512: "sha512",
}


@dataclass(frozen=True, slots=True)
class OpenPdf:
    """A document that could be signed.

    Attributes:
        copy: of it.
        facts: what it is.
        password: that opened it; None where it needed none.

    """

    copy: PrivateCopy
    facts: PdfFacts
    password: str | None = None

    @property
    def name(self) -> str:
        """The file's name, as its owner sees it."""
        return self.copy.name


@dataclass(frozen=True, slots=True)
class SignatureWish:
    """What a person wants of their signature.

    Attributes:
        reason: why they sign, at most 255 characters; None says nothing.
        location: where, likewise.
        field: the empty signature field to use; None for the first, or a new one.
        reader: only a card in this reader; None for any.
        mark: where the signature is to be seen; None for nowhere.
        language: of the mark; None for the system's.
        level: how long the proof is to last; None for what the settings say.
        certificate: SHA-256 thumbprint of the one to sign with; None for that of the card's signing
            key.

    """

    reason: str | None = None
    location: str | None = None
    field: str | None = None
    reader: str | None = None
    mark: MarkPlace | None = None
    language: Language | None = None
    level: SignatureLevel | None = None
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class SignedPdf:
    """A document with its signature.

    Attributes:
        original: as it was.
        file: with the signature, in the private folder.
        signer: whose card signed it.
        field: where the signature is.
        mark: what became of the visible mark; None where none was wanted.
        level: that it has reached.
        lacks: why it has not reached the one that was wanted: ``timestamp_failed`` or
            ``evidence_missing``; None where it has.
        wanted: that level.
        grown: by how many bytes it is longer than it was.

    """

    original: OpenPdf
    file: Path
    signer: CardCertificate
    field: str
    mark: DrawnMark | None = None
    level: SignatureLevel = SignatureLevel.B_B
    lacks: AgentError | None = None
    wanted: SignatureLevel = SignatureLevel.B_B
    grown: int = 0


class CardAsker(Protocol):
    """The part of the use cases that signing a document needs (see ``signing.service``)."""

    async def certificates(self, site: Origin, reader: str | None = None) -> CertificateListing:
        """Read the certificates on one card, or on all."""

    async def sign(
        self, site: Origin, request: SignatureRequest, entered: SecretBytes | None, /
    ) -> SignatureResult:
        """Sign with a card."""


@dataclass(frozen=True, slots=True)
class PdfCertificates:
    """Whose card signs.

    Attributes:
        signer: the certificate of the card's signing key.
        chain: DER of what the card has between it and a root.

    """

    signer: CardCertificate
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReadyPdf:
    """A document that waits for its signature.

    Attributes:
        original: as it was.
        file: with the room for it, in the private folder.
        prepared: where that is.
        level: that is wanted.

    """

    original: OpenPdf
    file: Path
    prepared: PreparedPdf
    level: SignatureLevel = SignatureLevel.B_B


class PdfSigner:
    """Signs documents of one person, in one private folder.

    Attributes:
        prover: that makes proof last.

    """

    def __init__(
        self,
        service: CardAsker,
        worker: PdfAsker,
        work: WorkFolder,
        site: Origin,
        prover: PdfProver | None = None,
    ) -> None:
        """Get ready.

        Args:
            service: that asks the card.
            worker: that reads and writes PDFs.
            work: the private folder, gone afterwards.
            site: on whose behalf.
            prover: that makes proof last; None for signatures alone.

        """
        self.prover = prover or PdfProver(ProofSettings(), worker, work)
        self._service = service
        self._worker = worker
        self._work = work
        self._site = site

    async def open(self, source: Path, password: str | None = None) -> OpenPdf:
        """Read a document, and say what it is.

        Raises:
            PdfError: it cannot be signed; the code says why.
            AgentError: it is no file, or too large.
            OSError: it cannot be read.

        """
        return await self.look(await asyncio.to_thread(copy_into, self._work, source), password)

    async def look(self, copy: PrivateCopy, password: str | None = None) -> OpenPdf:
        """Say what a document is of which there is a private copy.

        Raises:
            PdfError: it cannot be signed; the code says why.

        """
        request = InspectPdf(str(copy.file), password)
        facts = await self._worker.ask(request, PdfFacts, copy.size)
        if facts.signatures:
            await self._rehearse(copy, password, facts)
        return OpenPdf(copy, facts, password if facts.encrypted else None)

    async def _rehearse(self, copy: PrivateCopy, password: str | None, facts: PdfFacts) -> None:
        """Find out whether earlier signatures allow another, which only an attempt can tell.

        Raises:
            PdfError: ``document_forbids_signing``.

        """
        out = self._work.name(".signed")
        known = KnownPdf(copy.digest, facts)
        request = PreparePdf(str(copy.file), password, out=str(out), known=known)
        await self._worker.ask(request, PreparedPdf, copy.size)
        out.unlink()

    async def sign(
        self, documents: Sequence[OpenPdf], wish: SignatureWish, entered: SecretBytes | None
    ) -> list[SignedPdf]:
        """Sign documents with one PIN.

        Args:
            documents: at least one.
            wish: how.
            entered: the PIN, wiped before this returns, however it returns; None has the citizen
                type it in our own window.

        Raises:
            PartlySignedError: the card signed, but not every document could be finished.
            AgentError: nothing is signed; of any code, ``document_changed`` where an original is
                another one by now.

        """
        try:
            chosen = await self.choose(wish.reader, wish.certificate)
            ready = [await self.prepare(each, wish, chosen) for each in documents]
        except BaseException:
            if entered is not None:
                entered.wipe()
            raise
        return await self.sign_prepared(ready, chosen, entered)

    async def sign_prepared(
        self, documents: Sequence[ReadyPdf], chosen: PdfCertificates, entered: SecretBytes | None
    ) -> list[SignedPdf]:
        """Sign documents that :meth:`prepare` returned, for the same certificate.

        Args:
            documents: at least one.
            chosen: the certificate.
            entered: as for :meth:`sign`.

        Raises:
            PartlySignedError: as for :meth:`sign`.
            AgentError: likewise.

        """
        try:
            for each in documents:
                await asyncio.to_thread(each.original.copy.require_unchanged)
        except BaseException:
            if entered is not None:
                entered.wipe()
            raise
        request = SignatureRequest(
            documents=tuple(map(_to_sign, documents)),
            hash=usual_hash(chosen.signer.facts),
            format=SignatureFormat.CMS_DETACHED,
            certificate=chosen.signer.facts.thumbprint,
            found_here=True,
            reader=chosen.signer.reader,
            signing_time=False,  # a PDF has a place of its own for it
            chain=chosen.chain,
            container=highest(each.level for each in documents).container,
        )
        result = await self._service.sign(self._site, request, entered)
        signed, unfinished = [], []
        for each, signature in zip(documents, result.signatures, strict=True):
            try:
                signed.append(await self._finish(each, signature, result.certificate))
            except (AgentError, OSError) as error:
                unfinished.append(UnfinishedPdf(each, signature, result.certificate, error))
        if unfinished:
            raise PartlySignedError(signed, unfinished)
        return signed

    async def finish(self, unfinished: UnfinishedPdf) -> SignedPdf:
        """Try once more to finish a document that the card signed; the card is not asked.

        Raises:
            AgentError: it cannot be finished.
            OSError: likewise.

        """
        return await self._finish(
            unfinished.ready, unfinished.signature, unfinished.signer, again=True
        )

    async def choose(self, reader: str | None, certificate: bytes | None = None) -> PdfCertificates:
        """Return the certificate that will sign, and what goes with it; needs no PIN.

        Args:
            reader: only a card in this reader; None for any.
            certificate: as in :class:`SignatureWish`.

        Raises:
            AgentError: no card has one, several have, or a card cannot be read.

        """
        listing = await self._service.certificates(self._site, reader)
        signer = _signer(listing, certificate)
        chain = (
            each.facts.der
            for each in listing.certificates
            if each.id == _ID_CA and each.card_serial == signer.card_serial
        )
        return PdfCertificates(signer, tuple(chain))

    async def prepare(
        self, document: OpenPdf, wish: SignatureWish, chosen: PdfCertificates
    ) -> ReadyPdf:
        """Make room for a signature in a copy; the card is not asked.

        Raises:
            PdfError: the document does not take another signature, or not in that field.
            BadRequestError: nobody here could see to the level that is wanted.

        """
        level = self.prover.settings.level_of(
            document.name, wish.level, encrypted=document.facts.encrypted
        )
        hole = _STAMPED_HOLE if level.reaches(SignatureLevel.B_T) else _HOLE
        out = self._work.name(".signed")
        at = datetime.now().astimezone().replace(microsecond=0)
        signer = chosen.signer.facts
        mark = None
        if wish.mark is not None:
            told = (wish.mark, signer, at, wish.language or system_language())
            citizen = chosen.signer.is_on_citizen_card
            mark = await asyncio.to_thread(mark_for, *told, citizen_card=citizen)
        request = PreparePdf(
            file=str(document.copy.file),
            password=document.password,
            out=str(out),
            field=wish.field,
            name=signer.subject_cn,
            reason=wish.reason,
            location=wish.location,
            mark=mark,
            known=KnownPdf(document.copy.digest, document.facts),
            time=at,
            hole=hole + sum(map(len, chosen.chain)),
            hash=_HASH_NAMES[usual_hash(signer)],
        )
        try:
            prepared = await self._worker.ask(request, PreparedPdf, document.copy.size)
        except PdfError as error:  # of several documents, which one
            raise PdfError(f"{document.name}: {error.detail}", code=error.code) from error
        return ReadyPdf(document, out, prepared, level)

    async def _finish(
        self, ready: ReadyPdf, signature: bytes, signer: CardCertificate, *, again: bool = False
    ) -> SignedPdf:
        document, file, prepared = ready.original, ready.file, ready.prepared
        level, lacks = SignatureLevel.B_B, None
        if ready.level.reaches(SignatureLevel.B_T):
            try:
                signature = await self._stamped(signature, prepared)
                level = SignatureLevel.B_T
            except AgentError as error:
                lacks = as_lack(error, ErrorCode.TIMESTAMP_FAILED)
        await asyncio.to_thread(fill, file, prepared, signature, again=again)
        found = await self._examined(ready)
        _require_good(found, prepared, signer)
        if not await asyncio.to_thread(begins_with, file, document.copy.file):
            raise _not_as_meant("it does not begin with the original")
        proven = ProvenPdf(file, level, lacks)
        if lacks is None and ready.level.reaches(SignatureLevel.B_LT):
            proven = await self.prover.raised(file, found, ready.level, {prepared.field})
        size = (await asyncio.to_thread(proven.file.stat)).st_size
        made = (prepared.field, prepared.mark, proven.level, proven.lacks, ready.level)
        return SignedPdf(document, proven.file, signer, *made, grown=size - document.copy.size)

    async def _stamped(self, signature: bytes, prepared: PreparedPdf) -> bytes:
        stamped = await self.prover.stamped(signature)
        if not has_room(prepared, stamped):
            raise AgentError("the timestamp is too long", code=ErrorCode.TIMESTAMP_FAILED)
        return stamped

    async def _examined(self, ready: ReadyPdf) -> PdfExamination:
        """Look at a signed document; a worker that fails there has one successor.

        The card has signed by then, and nobody should have to ask it again.
        """
        request = ExaminePdf(str(ready.file), ready.original.password)
        size = ready.original.copy.size
        try:
            return await self._worker.ask(request, PdfExamination, size)
        except PdfError:
            return await self._worker.ask(request, PdfExamination, size)


def _to_sign(ready: ReadyPdf) -> Document:
    original, mark = ready.original, ready.prepared.mark
    return Document(
        digest=ready.prepared.digest,
        name=original.name,
        whole=original.copy.digest,
        pages=original.facts.pages,
        mark=None if mark is None else mark.page,
    )


def _signer(listing: CertificateListing, named: bytes | None) -> CardCertificate:
    """Return the certificate of the signing key, of one card, a valid one first; or the named one.

    Raises:
        AgentError: ``key_not_found``, there is none, or several cards have one.

    """
    found = [
        each
        for each in listing.certificates
        if (each.signs if named is None else each.facts.thumbprint == named)
    ]
    if not found:
        raise KeyNotFoundError("no card here has a certificate to sign with")
    if len({each.reader for each in found}) > 1:
        raise AgentError(
            "several cards could sign: name the reader",
            code=ErrorCode.KEY_NOT_FOUND,
            said=("cli.error.several_cards", {}),
        )
    now = datetime.now().astimezone()  # an old certificate may lie beside the one that is valid
    valid = (each for each in found if each.facts.not_before <= now <= each.facts.not_after)
    return next(valid, found[0])


def _require_good(found: PdfExamination, prepared: PreparedPdf, signer: CardCertificate) -> None:
    """Refuse to hand out what would not be found good by whoever gets it.

    Raises:
        PdfError: ``document_damaged``.

    """
    ours = [each for each in found.signatures if each.field == prepared.field]
    if len(ours) != 1 or not _is_good(ours[0], signer):
        raise _not_as_meant("its own signature is not good")


def _is_good(found: FoundSignature, signer: CardCertificate) -> bool:
    return (
        not found.integrity.problem
        and found.integrity.certificate == signer.facts.der
        and found.covers
        and found.changes is Changes.NONE
    )


def _not_as_meant(detail: str) -> PdfError:
    return PdfError(f"the signed document: {detail}", code=ErrorCode.DOCUMENT_DAMAGED)
