"""Check one certificate against revocation lists, strictly (RFC 5280 §5, §6.3.3).

A list is used only if it is signed by the key that signed the certificate: all generations of the
citizen authority have one name, and the list of one is not valid for the others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from agent.cms.errors import CmsError, hostile_input

MAX_CRL = 64 * 1024 * 1024  # bytes; the real ones have some megabytes for 100 000 entries
_STRONG = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True)
class Revocation:
    """One entry of a list: when, and the reason of RFC 5280 §5.3.1, such as ``key_compromise``."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class RevocationList:
    """A parsed list; its signature is not verified yet.

    Attributes:
        der: the list itself.
        parsed: the list, parsed.
        this_update: when it was issued, UTC.
        next_update: when the next one is due, UTC.

    """

    der: bytes
    parsed: x509.CertificateRevocationList
    this_update: datetime
    next_update: datetime

    @classmethod
    def from_der(cls, raw: bytes) -> Self:
        """Parse one list.

        Raises:
            CmsError: malformed, too large, or without the date of the next update.

        """
        if len(raw) > MAX_CRL:
            raise CmsError("revocation list too large")
        with hostile_input("revocation list"):
            parsed = x509.load_der_x509_crl(raw)
            next_update = parsed.next_update_utc
            if next_update is None:
                raise CmsError("a revocation list without the date of the next one")
            _ = parsed.extensions
            return cls(raw, parsed, parsed.last_update_utc, next_update)

    def is_signed_by(self, issuer: x509.Certificate) -> bool:
        """Return whether this certificate's key signed the list and may sign lists."""
        key = issuer.public_key()
        if self.parsed.issuer != issuer.subject or not _may_sign_lists(issuer):
            return False
        if not isinstance(key, RSAPublicKey | EllipticCurvePublicKey):
            return False
        with hostile_input("revocation list"):
            strong = isinstance(self.parsed.signature_hash_algorithm, _STRONG)
            return strong and self.parsed.is_signature_valid(key)

    def is_fresh(self, at: datetime) -> bool:
        """Return whether ``at`` is between the list's two dates."""
        return self.this_update <= at <= self.next_update

    @property
    def is_supported(self) -> bool:
        """Whether the list is neither a delta (RFC 5280 §5.2.4) nor an indirect one (§5.2.5)."""
        for item in self.parsed.extensions:
            if isinstance(item.value, x509.DeltaCRLIndicator):
                return False
            if isinstance(item.value, x509.IssuingDistributionPoint) and item.value.indirect_crl:
                return False
        return True

    @property
    def is_complete(self) -> bool:
        """Whether the list covers all certificates of its issuer.

        An issuing distribution point restricts it, and so may any other critical extension.
        """
        return not any(
            item.critical or isinstance(item.value, x509.IssuingDistributionPoint)
            for item in self.parsed.extensions
        )

    def find(self, certificate: x509.Certificate) -> Revocation | None:
        """Return the entry of a certificate, by its serial number; None where there is none."""
        with hostile_input("revocation list"):
            entry = self.parsed.get_revoked_certificate_by_serial_number(certificate.serial_number)
            return None if entry is None else Revocation(entry.revocation_date_utc, _reason(entry))


def _reason(entry: x509.RevokedCertificate) -> str:
    try:
        extensions = list(entry.extensions)
    except ValueError:  # a malformed reason does not make the certificate good again
        return "unspecified"
    for extension in extensions:
        if isinstance(extension.value, x509.CRLReason):
            return extension.value.reason.name
    return "unspecified"


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    with hostile_input("certificate"):
        for extension in issuer.extensions:
            if isinstance(extension.value, x509.KeyUsage):
                return extension.value.crl_sign
    return True


@dataclass(frozen=True, slots=True)
class ListedStatus:
    """What the lists of a certificate's own issuer say about it.

    Attributes:
        usable: all supported lists that this issuer's key signed, however old.
        revoked: the entry, if a fresh list has one.
        good: whether a fresh and complete list does not have the certificate.

    """

    usable: tuple[RevocationList, ...]
    revoked: Revocation | None
    good: bool


def status(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    lists: Iterable[RevocationList],
    at: datetime,
) -> ListedStatus:
    """Check one certificate against the lists that its issuer signed, at one moment.

    Of the complete lists only the newest is used: an older one may still have a suspension that
    has ended. A restricted list can revoke a certificate but not clear it.

    Raises:
        CmsError: a list that is used is malformed.

    """
    usable = tuple(item for item in lists if item.is_supported and item.is_signed_by(issuer))
    fresh = [item for item in usable if item.is_fresh(at)]
    complete = [item for item in fresh if item.is_complete]
    speaking = [item for item in fresh if not item.is_complete]
    if complete:
        speaking.append(max(complete, key=lambda item: item.this_update))
    entries = [entry for item in speaking if (entry := item.find(certificate))]
    return ListedStatus(usable, entries[0] if entries else None, bool(complete) and not entries)
