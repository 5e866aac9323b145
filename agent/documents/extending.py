"""Make the proof of a document last that is signed already; no card is asked."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError
from agent.cms.signed import timestamp_in
from agent.documents.copies import PrivateCopy, WorkFolder, copy_into
from agent.documents.levels import SignatureLevel
from agent.documents.pdf_worker import PdfWorker
from agent.documents.proven_time import RangesContent, cms_in
from agent.documents.proving import PdfProver, as_lack, is_unharmed
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.pdf.hole import fill, has_room
from agent.pdf.wire import ExaminePdf, FoundSignature, PdfError, PdfExamination, PreparedPdf


@dataclass(frozen=True, slots=True)
class ExtendedPdf:
    """A document with more proof than it had.

    Attributes:
        original: as it was.
        file: with more, in the private folder.
        level: that is reached.
        lacks: why it is not the one that was wanted; None where it is.
        refilled: whether the last signature got a timestamp of its own: the octets of its hole are
            others then, and all others those of the original.

    """

    original: PrivateCopy
    file: Path
    level: SignatureLevel
    lacks: AgentError | None
    refilled: bool

    @property
    def grown(self) -> int:
        """By how many bytes it is longer than it was.

        Raises:
            OSError: it is gone.

        """
        return self.file.stat().st_size - self.original.size


class PdfExtender:
    """Extends documents of one person, in one private folder."""

    def __init__(self, prover: PdfProver, worker: PdfWorker, work: WorkFolder) -> None:
        """Get ready.

        Args:
            prover: that makes proof last.
            worker: that reads and writes PDFs.
            work: the private folder, gone afterwards.

        """
        self._prover = prover
        self._worker = worker
        self._work = work

    async def extend(self, source: Path, level: SignatureLevel) -> ExtendedPdf:
        """Give a document a timestamp, and what else the level has; new ones where it has some.

        Args:
            source: the document.
            level: above B-B.

        Raises:
            BadRequestError: nobody here could see to the level, or there is nothing to do.
            PdfError: the document cannot be read, or is encrypted.
            AgentError: ``timestamp_failed`` or ``evidence_missing``, and nothing was gained.
            OSError: it cannot be read.

        """
        self._prover.settings.require(level)
        copy = await asyncio.to_thread(copy_into, self._work, source)
        found = await self._examined(copy.file, copy.size)
        _require_extensible(copy, found)
        bare = await asyncio.to_thread(_without_time, copy.file, found.signatures)
        if level is SignatureLevel.B_T and not bare:
            raise BadRequestError(
                "it has a timestamp", said=("cli.error.extend_nothing", {"name": copy.name})
            )
        file, refilled = copy.file, False
        if bare:
            file, refilled = await self._with_time(copy, found, bare)
        if level is SignatureLevel.B_T:
            return ExtendedPdf(copy, file, level, None, refilled)
        if bare:
            found = await self._examined(file, copy.size)
        proven = await self._prover.raised(file, found, level)
        if proven.lacks is not None and proven.file == copy.file:
            raise proven.lacks
        return ExtendedPdf(copy, proven.file, proven.level, proven.lacks, refilled)

    async def _with_time(
        self, copy: PrivateCopy, found: PdfExamination, bare: Sequence[FoundSignature]
    ) -> tuple[Path, bool]:
        """Return a copy whose signatures have a timestamp, and whether the hole was filled again.

        Raises:
            AgentError: ``timestamp_failed``.

        """
        last = found.signatures[-1]
        if list(bare) == [last] and last.ends == copy.size and last.revision == found.revisions:
            refilled = await self._refilled(copy, found, last)
            if refilled is not None:
                return refilled, True
        return await self._prover.sealed(copy.file, found), False

    async def _refilled(
        self, copy: PrivateCopy, found: PdfExamination, last: FoundSignature
    ) -> Path | None:
        """Return a copy whose last signature has a timestamp of its own; None for no room.

        Raises:
            AgentError: ``timestamp_failed``.

        """
        start, length, end, _ = last.ranges
        content = RangesContent(copy.file, last.ranges)
        try:
            digest = await asyncio.to_thread(content.digest, HashAlgorithm.SHA256)
            prepared = PreparedPdf(digest, start + length, end, last.field)
            cms = await asyncio.to_thread(cms_in, copy.file, last)
            stamped = await self._prover.stamped(cms)
            if not has_room(prepared, stamped):
                return None
            out = self._work.name(".signed")
            await asyncio.to_thread(_copy, copy.file, out)
            await asyncio.to_thread(fill, out, prepared, stamped, again=True)
            after = await self._examined(out, copy.size)
        except CmsError:
            return None  # not in a form that we would write
        except (AgentError, OSError) as error:
            raise as_lack(error, ErrorCode.TIMESTAMP_FAILED) from error
        if not is_unharmed(found, after):
            raise AgentError("a signature would be harmed", code=ErrorCode.TIMESTAMP_FAILED)
        return out

    async def _examined(self, file: Path, size: int) -> PdfExamination:
        return await self._worker.ask(ExaminePdf(str(file)), PdfExamination, size)


def _require_extensible(copy: PrivateCopy, found: PdfExamination) -> None:
    """Refuse a document that has nothing to extend, or nothing that is worth it.

    Raises:
        BadRequestError: it has no signature, or one that is not good.
        PdfError: ``document_unsupported``, it is encrypted.

    """
    if found.facts.encrypted:
        raise PdfError(
            f"{copy.name} is encrypted",
            code=ErrorCode.DOCUMENT_UNSUPPORTED,
            said=("cli.error.level_encrypted", {"name": copy.name}),
        )
    if all(each.is_timestamp for each in found.signatures):
        raise BadRequestError(
            "it has no signature", said=("cli.error.extend_unsigned", {"name": copy.name})
        )
    if not is_unharmed(found, found, every=True):
        raise BadRequestError(
            "a signature is not good", said=("cli.error.extend_bad", {"name": copy.name})
        )


def _without_time(file: Path, signatures: Sequence[FoundSignature]) -> list[FoundSignature]:
    """Return the signatures that have no timestamp, and behind which no document timestamp is."""
    found: list[FoundSignature] = []
    for each in signatures:
        if each.is_timestamp:
            found.clear()
        elif not _has_token(file, each):
            found.append(each)
    return found


def _has_token(file: Path, found: FoundSignature) -> bool:
    try:
        return timestamp_in(cms_in(file, found)) is not None
    except CmsError:
        return False


def _copy(source: Path, target: Path) -> None:
    # another way: too large to be held in memory, for nobody else, and gone with the work
    with source.open("rb") as read, target.open("xb") as written:
        shutil.copyfileobj(read, written, 1024 * 1024)
