"""A document to sign: its content, or only its digest."""

from dataclasses import dataclass, field

from agent.cms.digest import HashAlgorithm
from agent.errors import BadRequestError


@dataclass(frozen=True, slots=True)
class Document:
    """A document to sign; its digest is computed once and kept.

    Attributes:
        data: the content, any length; or None.
        digest: its digest under the hash of the request, of exactly that hash's length; or None.
        name: as the citizen is shown it; None where it has none.

    """

    data: bytes | None = None
    digest: bytes | None = None
    name: str | None = None
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
