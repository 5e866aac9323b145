"""What proves when a document was signed: timestamps of signatures, and of the document.

Read by our own code from the octets of the file; the worker only said where they stand. The last
timestamp is believed as of now, and what stands before it as of its time.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError
from agent.cms.signed import signature_in, timestamp_in
from agent.cms.timestamp import Timestamp, read_token
from agent.documents.time_service import judge_timestamp
from agent.pdf.hole import Ranges, digests_around
from agent.pdf.wire import MAX_OCTETS, FoundSignature, PdfExamination
from agent.pki import ocsp
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts, KeyUsage
from agent.pki.chain import find_chains
from agent.pki.path import PathResult, judge_path
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus
from agent.pki.revocation import RevocationData

_TRUSTED: Final = (PathStatus.VALID, PathStatus.UNKNOWN, PathStatus.STALE)
_MOMENTS: Final = 8
"""At so many moments lists are looked at: their number is the document's choice."""


class CoveredOctets:
    """What signatures of a file cover: hashed for all of them when the first is asked for."""

    def __init__(self, file: Path, ranges: Iterable[Ranges]) -> None:
        """Remember what may be asked for."""
        self._file = file
        self._ranges = frozenset(ranges)
        self._known: dict[HashAlgorithm, dict[Ranges, bytes]] = {}

    def digest(self, ranges: Ranges, algorithm: HashAlgorithm) -> bytes:
        """Return the digest of what one of them covers.

        Raises:
            OSError: the file cannot be read.

        """
        if algorithm not in self._known:
            with self._file.open("rb") as file:
                found = digests_around(file, self._ranges, algorithm.hashlib_name)
            self._known[algorithm] = found
        return self._known[algorithm][ranges]


class RangesContent:
    """The octets of a file that one signature covers."""

    def __init__(self, file: Path, ranges: Ranges, shared: CoveredOctets | None = None) -> None:
        """Remember where they are; ``shared`` knows those of other signatures too."""
        self._ranges = ranges
        self._shared = shared or CoveredOctets(file, [ranges])

    def digest(self, algorithm: HashAlgorithm) -> bytes:
        """Return their digest.

        Raises:
            OSError: the file cannot be read.

        """
        return self._shared.digest(self._ranges, algorithm)


def cms_in(file: Path, found: FoundSignature) -> bytes:
    """Return the CMS that stands in a signature's hole, without what fills the hole up.

    Raises:
        CmsError: there is none.
        OSError: the file cannot be read.

    """
    start, length, second, _ = found.ranges
    begin = start + length
    if not found.covers or not 0 < second - begin <= 2 * MAX_OCTETS + 2:
        raise CmsError("no signature stands there")
    with file.open("rb") as read:
        read.seek(begin + 1)
        digits = read.read(second - begin - 2)
    with suppress(ValueError):
        octets = bytes.fromhex(digits.decode("ascii"))
        if octets[:1] == b"\x30" and octets[1:2] and octets[1] & 0x80 and len(octets) > octets[1]:
            size = int.from_bytes(octets[2 : 2 + (octets[1] & 0x7F)], "big")
            return octets[: 2 + (octets[1] & 0x7F) + size]
    raise CmsError("no signature stands there")


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What is known of one timestamp.

    Attributes:
        timestamp: that was read; None for one that does not hold.
        path: of its authority's certificate; None where nobody was asked about it.
        problem: why it does not hold; "" where it does.

    """

    timestamp: Timestamp | None
    path: PathResult | None = None
    problem: str = ""

    @property
    def proves(self) -> bool:
        """Whether its time is to be believed."""
        return self.path is not None and self.path.status is PathStatus.VALID

    @property
    def is_trusted(self) -> bool:
        """Whether it is by an authority that is trusted, if perhaps nobody tells of revocation."""
        return self.path is not None and self.path.status in _TRUSTED


@dataclass(frozen=True, slots=True)
class TimeFacts:
    """What proves when a signature was there.

    Attributes:
        own: its own timestamp, or of a document timestamp itself; None where it has none.
        time: from when on it is proven to have been there; None for no such.
        by_document: whether a document timestamp says so, and not its own.
        sealed: the last revision of which a believed document timestamp tells; 0 for none.
        is_stamped: whether it has a timestamp of an authority that is trusted, its own or the
            document's: one that proves nothing where nobody tells whether that was revoked.

    """

    own: TokenFacts | None
    time: datetime | None
    by_document: bool
    sealed: int
    is_stamped: bool = False


def find_times(
    file: Path,
    found: PdfExamination,
    store: TrustStore | None,
    data: RevocationData,
    at: datetime,
) -> list[TimeFacts]:
    """Return what proves the time of each signature, in their order; not for an event loop.

    An authority has to be cleared at its timestamp's own time or any later one, by data of the
    document or others; data that say that it was revoked by the time that its timestamp is known
    to have been there count more.

    Args:
        file: the document.
        found: its signatures, by their revisions.
        store: who is trusted for the time; None for nobody.
        data: revocation lists and responses, of the document and others.
        at: now.

    Raises:
        OSError: the file cannot be read.

    """
    facts: list[TimeFacts] = []
    known, by_document, sealed = at, False, 0
    is_stamped = False
    shared = CoveredOctets(file, (each.ranges for each in found.signatures if each.is_timestamp))
    for each in reversed(found.signatures):
        own = _token(file, each, shared)
        if own is not None and own.timestamp is not None and store is not None:
            path = _judged(own.timestamp, store, data, known, at)
            own = TokenFacts(own.timestamp, path)
        time = known if by_document else None
        if own is not None and own.timestamp is not None and own.proves:
            time = own.timestamp.time
            if each.is_timestamp:
                known, by_document, sealed = time, True, max(sealed, each.revision)
        is_own = own is not None and own.proves
        is_dated = own is not None and own.is_trusted
        facts.append(
            TimeFacts(own, time, by_document and not is_own, sealed, is_stamped or is_dated)
        )
        is_stamped |= is_dated and each.is_timestamp
    return facts[::-1]


def _token(file: Path, found: FoundSignature, shared: CoveredOctets) -> TokenFacts | None:
    """Read the timestamp that a signature has, or is."""
    if found.integrity.problem or not found.covers:
        return None
    try:
        cms = cms_in(file, found)
        if found.is_timestamp:
            return TokenFacts(read_token(cms, RangesContent(file, found.ranges, shared)))
        token = timestamp_in(cms)
        return None if token is None else TokenFacts(read_token(token, signature_in(cms)))
    except CmsError as error:
        return TokenFacts(None, problem=error.detail)


def _judged(
    found: Timestamp, store: TrustStore, data: RevocationData, at: datetime, now: datetime
) -> PathResult | None:
    """Judge a timestamp at a moment, by lists of any moment since it was made."""
    results = []
    try:
        signer = read_certificate(found.certificate)
        moments = _moments(signer, store.with_hints(found.others), data, min(found.time, at), now)
    except CmsError:
        return None
    for moment in moments:
        with suppress(CmsError):
            results.append(judge_timestamp(found, store, data, at, moment))
    return _telling(results) if results else None


def judge_at(  # noqa: PLR0913  # each is a part of the question
    signer: CertificateFacts,
    store: TrustStore,
    data: RevocationData,
    at: datetime,
    *,
    usage: KeyUsage,
    now: datetime,
) -> PathResult:
    """Judge a signer at a proven moment, by lists of that moment or any since.

    A list that says that the certificate was revoked by then counts more than all that do not.

    Raises:
        CmsError: the certificate is too malformed to be judged.

    """
    return _telling(
        [
            judge_path(signer, store, data, at, usage, known_at=moment)
            for moment in _moments(signer, store, data, at, now)
        ]
    )


def _moments(
    signer: CertificateFacts, store: TrustStore, data: RevocationData, at: datetime, now: datetime
) -> list[datetime]:
    """Return the moments at which lists and responses are looked at.

    Only what may be by an authority above the signer counts: a document brings along what it likes,
    and must not have so much of it that the moment is passed over at which it is told otherwise.

    Raises:
        CmsError: the signer's certificate, or a list, is malformed.

    """
    chains = [*find_chains(signer, store, at), *find_chains(signer, store, now)]
    above = {each.facts.der: each for chain in chains for each in chain[1:]}
    dates = ocsp.moments_of(data.ocsps, above.values())
    for each in data.crls:
        if any(each.is_signed_by(issuer.certificate) for issuer in above.values()):
            dates.add(each.this_update)
    later = {each for each in dates if at < each <= now}
    return [at, *sorted({*later, now}, reverse=True)[: _MOMENTS - 1]]


def _telling(results: Sequence[PathResult]) -> PathResult:
    """Return one that says revoked, else one that says valid, else the first."""
    for wanted in (PathStatus.REVOKED, PathStatus.VALID):
        for each in results:
            if each.status is wanted:
                return each
    return results[0]
