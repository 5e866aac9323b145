"""A document to sign: its content, or only its digest."""

from dataclasses import dataclass, field
from typing import BinaryIO, Final, Self

from agent.cms.digest import HashAlgorithm
from agent.cms.login import RESERVED
from agent.errors import BadRequestError

PIECE: Final = 1024 * 1024
"""Bytes that are held at once of content that is read piece by piece."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document to sign; its digest is computed once and kept.

    Attributes:
        data: the content, any length; or None.
        digest: its digest under the hash of the request, of exactly that hash's length; or None.
        name: as the citizen is shown it; None where it has none.
        found_reserved: whether a login's reserved octets were found when the content was read piece
            by piece; None where it was not.
        whole: SHA-256 of the file that the signature goes into, which people are told instead of
            the digest of the part that is signed: it is what they can compare. None where the
            content is the file.
        pages: of that file; None where that is not known, or where the content is the file.
        mark: the page of that file, from 1, on which the signature is to be seen; None for none.
        remark: what goes into that file beside the signature, by whoever asks; None for nothing.

    """

    data: bytes | None = None
    digest: bytes | None = None
    name: str | None = None
    found_reserved: bool | None = None
    whole: bytes | None = None
    pages: int | None = None
    mark: int | None = None
    remark: str | None = None
    _digests: dict[HashAlgorithm, bytes] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse both and neither.

        Raises:
            BadRequestError: not exactly one of ``data`` and ``digest`` is given.

        """
        if (self.data is None) == (self.digest is None):
            raise BadRequestError("exactly one of data and digest is needed")

    @classmethod
    def read(cls, stream: BinaryIO, algorithm: HashAlgorithm, name: str | None = None) -> Self:
        """Read a document of any length for its digest, and hold a piece of it at a time.

        Args:
            stream: at its beginning.
            algorithm: of the digest.
            name: as the citizen is shown it.

        Raises:
            OSError: it cannot be read.

        """
        hasher = algorithm.hasher()
        found = False
        end = b""
        while piece := stream.read(PIECE):
            hasher.update(piece)
            found = found or RESERVED in end + piece[: len(RESERVED)] or RESERVED in piece
            end = (end + piece)[-len(RESERVED) :]
        return cls(digest=hasher.digest(), name=name, found_reserved=found)

    @property
    def is_known(self) -> bool:
        """Whether the content itself was given, and not only a digest that somebody else made."""
        return self.data is not None or self.found_reserved is not None

    def holds_reserved(self) -> bool:
        """Return whether a login's reserved octets are in the content, as far as it is known."""
        return RESERVED in self.data if self.data is not None else self.found_reserved is True

    def told_digest(self, algorithm: HashAlgorithm) -> bytes:
        """Return the digest that people are told; errors as of :meth:`message_digest`."""
        return self.message_digest(algorithm) if self.whole is None else self.whole

    def told_hash(self, algorithm: HashAlgorithm) -> HashAlgorithm:
        """Return the algorithm of :meth:`told_digest`."""
        return algorithm if self.whole is None else HashAlgorithm.SHA256

    def message_digest(self, algorithm: HashAlgorithm) -> bytes:
        """Return the digest under ``algorithm``; hash the content the first time. Thread-safe.

        Raises:
            BadRequestError: the given digest has another length than those of ``algorithm``.

        """
        if self.data is None:
            digest = self.digest or b""
            if len(digest) != algorithm.length:
                raise BadRequestError(f"a {algorithm} digest has {algorithm.length} bytes")
            return digest
        known = self._digests.get(algorithm)
        if known is None:
            # Two threads at once would both hash, and find the same.
            known = self._digests[algorithm] = algorithm.digest(self.data)
        return known
