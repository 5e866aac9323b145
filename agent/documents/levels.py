"""How long the proof of a signed document lasts (ETSI EN 319 142-1 §6), and who sees to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from agent.errors import BadRequestError, ErrorCode
from agent.host.settings.config import Settings
from agent.pdf.wire import PdfError


@unique
class SignatureLevel(StrEnum):
    """What a signature brings along, the least first; each has all that those before it have."""

    B_B = "B-B"  # the signature
    B_T = "B-T"  # and a timestamp of it
    B_LT = "B-LT"  # and certificates and revocation lists
    B_LTA = "B-LTA"  # and a timestamp of all that

    @property
    def container(self) -> str:
        """What the history calls it."""
        return f"pades-{self.lower()}"

    def reaches(self, other: "SignatureLevel") -> bool:
        """Return whether it has all that another one has."""
        known = list(SignatureLevel)
        return known.index(self) >= known.index(other)


def highest(levels: Iterable[SignatureLevel]) -> SignatureLevel:
    """Return the highest of at least one level."""
    return max(levels, key=list(SignatureLevel).index)


@dataclass(frozen=True, slots=True)
class ProofSettings:
    """Whom documents are proven by, as the settings or a policy say; nobody by default.

    Attributes:
        level: of signatures, where nobody says otherwise.
        timestamp_url: of the authority for timestamps; "" for none.
        timestamp_anchors: files or folders of authorities that are trusted for the time.
        evidence_urls: of revocation lists.
        document_anchors: files or folders of authorities that are trusted for signatures, and of
            those in between.

    """

    level: SignatureLevel = SignatureLevel.B_B
    timestamp_url: str = ""
    timestamp_anchors: Sequence[Path] = ()
    evidence_urls: Sequence[str] = ()
    document_anchors: Sequence[Path] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take them out of the settings of this computer."""
        return cls(
            SignatureLevel(settings.document_level),
            settings.timestamp_url,
            tuple(map(Path, settings.timestamp_anchors)),
            settings.evidence_urls,
            tuple(map(Path, settings.document_anchors)),
        )

    @property
    def host(self) -> str:
        """The name of the authority's server, for people; "" for none."""
        return urlsplit(self.timestamp_url).hostname or ""

    def level_of(
        self, name: str, wanted: SignatureLevel | None, *, encrypted: bool
    ) -> SignatureLevel:
        """Return the level that a document is to be signed at.

        Args:
            name: of the document's file.
            wanted: by whoever signs; None for what is set.
            encrypted: whether the document's content is.

        Raises:
            PdfError: ``document_unsupported``, an encrypted one gets no timestamps.
            BadRequestError: nobody here could see to it.

        """
        if not encrypted:
            level = wanted or self.level
            self.require(level)
            return level
        if wanted not in {None, SignatureLevel.B_B}:
            raise PdfError(
                f"{name} is encrypted",
                code=ErrorCode.DOCUMENT_UNSUPPORTED,
                said=("cli.error.level_encrypted", {"name": name}),
            )
        return SignatureLevel.B_B

    @property
    def top(self) -> SignatureLevel:
        """The highest level that somebody here could see to."""
        found = SignatureLevel.B_B
        for level in SignatureLevel:
            try:
                self.require(level)
            except BadRequestError:
                break
            found = level
        return found

    def require(self, level: SignatureLevel) -> None:
        """Refuse a level that nobody here could see to, before a card is asked.

        Raises:
            BadRequestError: no timestamps, or no revocation lists, are set.

        """
        if level.reaches(SignatureLevel.B_T) and not (
            self.timestamp_url and self.timestamp_anchors
        ):
            raise BadRequestError(
                "timestamp_url and timestamp_anchors are not set",
                said=("cli.error.no_time_service", {"level": level}),
            )
        if level.reaches(SignatureLevel.B_LT) and not (
            self.evidence_urls and self.document_anchors
        ):
            raise BadRequestError(
                "evidence_urls and document_anchors are not set",
                said=("cli.error.no_evidence_source", {"level": level}),
            )
