"""Make the proof of a signed document last: timestamps, certificates, revocation lists.

The card has signed by then, so nothing here may cost a signature: what cannot be had is told, and
the document stays at the level that it has reached.
"""

import asyncio
import hashlib
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from agent.cms.errors import CmsError
from agent.cms.signed import signature_in, with_timestamp
from agent.documents.copies import WorkFolder
from agent.documents.evidence_lists import EvidenceLists
from agent.documents.known_proof import KnownProof, MoreTrust, known_of
from agent.documents.levels import ProofSettings, SignatureLevel
from agent.documents.pdf_worker import PdfAsker
from agent.documents.proven_time import TimeFacts, find_times
from agent.documents.time_service import TimeService, now
from agent.errors import AgentError, ErrorCode
from agent.files import private_opener
from agent.pdf.hole import begins_with, fill
from agent.pdf.wire import (
    AddEvidence,
    Changes,
    ExaminePdf,
    FoundSignature,
    PdfError,
    PdfEvidence,
    PdfExamination,
    PreparedPdf,
    PrepareTimestamp,
    ReadEvidence,
    WrittenPdf,
)
from agent.pki import crl
from agent.pki.chain import parse_chain_certificate
from agent.pki.path import PathResult
from agent.pki.reading import read_certificate
from agent.pki.report import Inputs
from agent.pki.result import PathStatus
from agent.pki.revocation import RevocationSource
from agent.turns import in_turn

_HARMLESS = frozenset({Changes.NONE, Changes.EVIDENCE, Changes.FORMS})


@dataclass(frozen=True, slots=True)
class ProvenPdf:
    """A signed document, and how long its proof lasts.

    Attributes:
        file: in the private folder.
        level: that it has reached.
        lacks: why it has not reached more; None where it has what was wanted.

    """

    file: Path
    level: SignatureLevel
    lacks: AgentError | None = None


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What goes into a document."""

    certificates: tuple[bytes, ...]
    lists: tuple[bytes, ...]


class PdfProver:
    """Works for one person's documents, in one private folder; belongs to one event loop.

    Attributes:
        settings: who proves.

    """

    def __init__(
        self,
        settings: ProofSettings,
        worker: PdfAsker,
        work: WorkFolder,
        *,
        lists: RevocationSource | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """Get ready.

        Args:
            settings: who proves.
            worker: that reads and writes PDFs.
            work: the private folder.
            lists: of revocation; None for those of the settings.
            clock: this computer's, with a time zone.

        """
        self.settings = settings
        self._worker = worker
        self._work = work
        self._lists = lists or EvidenceLists(settings.evidence_urls, clock=clock)
        self._clock = clock
        self._time = TimeService(settings.timestamp_url, settings.timestamp_anchors, clock=clock)
        self._failure: AgentError | None = None

    @property
    def is_clock_wrong(self) -> bool:
        """Whether the authority's clock and this computer's are far apart."""
        return self._time.apart is not None

    async def growth(self) -> int:
        """Return about how many bytes the evidence for a document takes."""
        return await growth_of(self._lists)

    async def stamped(self, cms: bytes) -> bytes:
        """Return a signature with a timestamp of it.

        Raises:
            AgentError: ``timestamp_failed``. Whoever failed once is not asked again.

        """
        digest = hashlib.sha256(signature_in(cms)).digest()
        return with_timestamp(cms, await self._token(digest))

    async def _token(self, digest: bytes) -> bytes:
        if self._failure is not None:
            raise self._failure
        try:
            return (await self._time.stamp(digest)).token
        except AgentError as error:
            self._failure = error
            raise

    async def raised(
        self,
        file: Path,
        found: PdfExamination,
        level: SignatureLevel,
        wanted: Collection[str] | None = None,
    ) -> ProvenPdf:
        """Raise a document that has a timestamp to B-LT or B-LTA.

        Args:
            file: the document, in the private folder; it stays as it is.
            found: its signatures.
            level: that is wanted.
            wanted: the fields of the signatures that have to reach it; None for all.

        """
        try:
            evident = await self._with_evidence(file, found, wanted)
            lacks = None
            if level is SignatureLevel.B_LTA:
                try:
                    sealed = await self.sealed(evident, found)
                    return ProvenPdf(sealed, SignatureLevel.B_LTA)
                except AgentError as error:
                    lacks = error
            await self._require_unharmed(evident, file, found)
        except (AgentError, OSError) as error:
            return ProvenPdf(file, SignatureLevel.B_T, as_lack(error, ErrorCode.EVIDENCE_MISSING))
        return ProvenPdf(evident, SignatureLevel.B_LT, lacks)

    async def sealed(self, file: Path, found: PdfExamination) -> Path:
        """Return a copy with a document timestamp.

        Args:
            file: the document, in the private folder.
            found: its signatures, which the copy has unharmed.

        Raises:
            AgentError: ``timestamp_failed``.

        """
        out = self._work.name(".signed")
        try:
            size = await asyncio.to_thread(_size, file)
            request = PrepareTimestamp(str(file), out=str(out))
            prepared = await self._worker.ask(request, PreparedPdf, size)
            token = await self._token(prepared.digest)
            await asyncio.to_thread(fill, out, prepared, token)
            after = await self._require_unharmed(out, file, found)
            mine = [each for each in after.signatures if each.field == prepared.field]
            if len(mine) != 1 or not mine[0].is_timestamp or not _is_good(mine[0]):
                raise PdfError("its timestamp is not good", code=ErrorCode.DOCUMENT_DAMAGED)
        except (AgentError, OSError) as error:
            raise as_lack(error, ErrorCode.TIMESTAMP_FAILED) from error
        return out

    async def _with_evidence(
        self, file: Path, found: PdfExamination, wanted: Collection[str] | None
    ) -> Path:
        """Return a copy with all that proves the signatures of a document.

        Raises:
            AgentError: ``evidence_missing``.

        """
        try:
            size = await asyncio.to_thread(_size, file)
            own = PdfEvidence()
            if found.evidence:
                own = await self._worker.ask(ReadEvidence(str(file)), PdfEvidence, size)
            inputs = Inputs(file, anchors=self.settings.document_anchors)
            more = MoreTrust(self.settings.timestamp_anchors, self._lists)
            known = await known_of(inputs, more, own)
            evidence = await in_turn(_evidence, file, found, known, self._clock(), wanted)
            out = self._work.name(".signed")
            request = AddEvidence(
                str(file),
                out=str(out),
                certificates=await self._written(evidence.certificates),
                lists=await self._written(evidence.lists),
            )
            await self._worker.ask(request, WrittenPdf, size + sum(map(len, evidence.lists)))
        except (AgentError, OSError) as error:
            raise as_lack(error, ErrorCode.EVIDENCE_MISSING) from error
        return out

    async def _written(self, pieces: Iterable[bytes]) -> tuple[str, ...]:
        """Put octets into files that the worker reads."""
        names = []
        for octets in pieces:
            file = self._work.name(".signed")
            await asyncio.to_thread(_write, file, octets)
            names.append(str(file))
        return tuple(names)

    async def _require_unharmed(
        self, file: Path, before: Path, found: PdfExamination
    ) -> PdfExamination:
        """Refuse a copy whose earlier signatures are worse than they were.

        Raises:
            PdfError: ``document_damaged``.

        """
        size = await asyncio.to_thread(_size, file)
        after = await self._worker.ask(ExaminePdf(str(file)), PdfExamination, size)
        is_prefix = await asyncio.to_thread(begins_with, file, before)
        if not is_prefix or not is_unharmed(found, after):
            raise PdfError("a signature would be harmed", code=ErrorCode.DOCUMENT_DAMAGED)
        return after


async def growth_of(source: RevocationSource) -> int:
    """Return about how many bytes lists add to a document that they are put into, packed."""
    data = await source.current()
    return await asyncio.to_thread(_packed, [each.der for each in data.crls])


def _packed(lists: Iterable[bytes]) -> int:
    return sum(len(zlib.compress(each)) for each in lists)


def is_unharmed(before: PdfExamination, after: PdfExamination, *, every: bool = False) -> bool:
    """Return whether all signatures that were good are so still.

    Args:
        before: what was found in a document.
        after: what is found in its copy.
        every: whether all of them have to be good.

    """
    good = {each.field for each in before.signatures if every or _is_good(each)}
    return good <= {each.field for each in after.signatures if _is_good(each)}


def as_lack(error: AgentError | OSError, code: ErrorCode) -> AgentError:
    """Return an error with one of the codes that say what a signed document has not got."""
    if isinstance(error, AgentError) and error.code in {
        ErrorCode.TIMESTAMP_FAILED,
        ErrorCode.EVIDENCE_MISSING,
    }:
        return error
    return AgentError(error.detail if isinstance(error, AgentError) else str(error), code=code)


def _evidence(
    file: Path,
    found: PdfExamination,
    known: KnownProof,
    at: datetime,
    wanted: Collection[str] | None,
) -> _Evidence:
    """Collect the paths of all signers and authorities, and the lists that clear them.

    Raises:
        AgentError: ``evidence_missing``, one that is wanted cannot be proven.

    """
    certificates: dict[bytes, None] = {}
    lists: dict[bytes, None] = {}
    times = find_times(file, found, known.times, known.data, at)
    for each, time in zip(found.signatures, times, strict=True):
        for path in _paths(each, time, known, at):
            if path.status is not PathStatus.VALID:
                if wanted is None or each.field in wanted:
                    raise _missing(each, path)
                continue
            certificates |= dict.fromkeys(facts.der for facts in path.chain)
            lists |= dict.fromkeys(_lists_of(path, known, at))
    return _Evidence(tuple(certificates), tuple(lists))


def _paths(
    found: FoundSignature, time: TimeFacts, known: KnownProof, at: datetime
) -> list[PathResult]:
    """Return the paths of a signature's signer, and of its timestamp's authority."""
    paths = []
    if not found.is_timestamp:
        try:
            signer = read_certificate(found.integrity.certificate)
        except CmsError:
            return []
        paths.append(known.judge_signer(signer, found.integrity.others, time.time, at))
    if time.own is not None and time.own.timestamp is not None:
        paths.append(known.judge_authority(time.own.timestamp, at))
    return paths


def _lists_of(path: PathResult, known: KnownProof, at: datetime) -> Sequence[bytes]:
    """Return the lists that say of each certificate of a path whether it is revoked."""
    chain = [parse_chain_certificate(facts) for facts in path.chain]
    return [
        each.der
        for item, issuer in pairwise(chain)
        for each in crl.status(item, issuer, known.data.crls, at).usable
        if each.is_fresh(at)
    ]


def _missing(found: FoundSignature, path: PathResult) -> AgentError:
    detail = f"{found.field}: the certificate is {path.status} {path.verdict.detail}"
    return AgentError(detail.strip(), code=ErrorCode.EVIDENCE_MISSING)


def _is_good(found: FoundSignature) -> bool:
    is_whole = found.covers and found.allowed and found.changes in _HARMLESS
    return is_whole and not found.integrity.problem


def _size(file: Path) -> int:
    return file.stat().st_size


def _write(file: Path, octets: bytes) -> None:
    # another way: for the worker alone, and gone with the work
    with open(file, "xb", opener=private_opener) as written:
        written.write(octets)
