"""The digest algorithms that a signature can be made with, and DigestInfo (RFC 8017 §9.2)."""

import hashlib
from enum import StrEnum, unique
from typing import Self

from agent.cms.errors import CmsError

# RFC 8017 §9.2 note 1: everything of the DER DigestInfo that stands before the digest itself.
_DIGEST_INFO_PREFIX = {
    "SHA-1": bytes.fromhex("3021300906052B0E03021A05000414"),
    "SHA-256": bytes.fromhex("3031300D060960864801650304020105000420"),
    "SHA-384": bytes.fromhex("3041300D060960864801650304020205000430"),
    "SHA-512": bytes.fromhex("3051300D060960864801650304020305000440"),
}
_OID = {
    "SHA-1": "1.3.14.3.2.26",
    "SHA-256": "2.16.840.1.101.3.4.2.1",
    "SHA-384": "2.16.840.1.101.3.4.2.2",
    "SHA-512": "2.16.840.1.101.3.4.2.3",
}
_LENGTH = {"SHA-1": 20, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64}


@unique
class HashAlgorithm(StrEnum):
    """A digest algorithm by its name in FIPS 180-4."""

    SHA1 = "SHA-1"
    SHA256 = "SHA-256"
    SHA384 = "SHA-384"
    SHA512 = "SHA-512"

    @property
    def length(self) -> int:
        """The length of a digest in bytes: 20, 32, 48 or 64."""
        return _LENGTH[self]

    @property
    def hashlib_name(self) -> str:
        """The name that :mod:`hashlib` and asn1crypto know: ``sha256``."""
        return self.replace("-", "").lower()

    @property
    def oid(self) -> str:
        """The dotted object identifier (RFC 8017 appendix B.1)."""
        return _OID[self]

    def digest(self, data: bytes) -> bytes:
        """Return the digest of ``data``, which may have any length."""
        hasher = self.hasher()
        hasher.update(data)
        return hasher.digest()

    def hasher(self) -> "hashlib._Hash":
        """Return what computes the digest of data that comes in pieces."""
        return hashlib.new(self.hashlib_name, usedforsecurity=self is not self.SHA1)

    def digest_info(self, digest: bytes) -> bytes:
        """Return the DER DigestInfo of a digest, 35 to 83 bytes (RFC 8017 §9.2).

        Raises:
            CmsError: ``digest`` is not :attr:`length` bytes long.

        """
        if len(digest) != self.length:
            raise CmsError(f"a {self} digest has {self.length} bytes, not {len(digest)}")
        return _DIGEST_INFO_PREFIX[self] + digest

    @classmethod
    def read_digest(cls, octets: bytes) -> tuple[Self, bytes]:
        """Return algorithm and digest of a bare digest, or of a DER DigestInfo (RFC 8017 §9.2).

        Args:
            octets: a digest, which its length tells the algorithm of, or 35 to 83 bytes exactly
                as :meth:`digest_info` makes them.

        Raises:
            CmsError: neither, of none of these algorithms.

        """
        for algorithm in cls:
            digest = octets.removeprefix(_DIGEST_INFO_PREFIX[algorithm])
            if len(digest) == algorithm.length:
                return algorithm, digest
        raise CmsError(f"{len(octets)} bytes are no digest, and no DigestInfo of a known one")

    @classmethod
    def by_oid(cls, oid: str) -> Self:
        """Return the algorithm of a dotted object identifier.

        Raises:
            CmsError: it is not one of these four.

        """
        for algorithm in cls:
            if algorithm.oid == oid:
                return algorithm
        raise CmsError("unsupported digest algorithm")
