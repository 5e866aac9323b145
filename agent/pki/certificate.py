"""The contents of a certificate as far as they are used (RFC 5280 §4).

``agent.pki.reading`` reads them; ``agent.pki.path`` decides whether to trust the certificate.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes


@unique
class KeyUsage(StrEnum):
    """The key usages, in the order of their bits (RFC 5280 §4.2.1.3)."""

    DIGITAL_SIGNATURE = "digital_signature"
    NON_REPUDIATION = "non_repudiation"
    KEY_ENCIPHERMENT = "key_encipherment"
    DATA_ENCIPHERMENT = "data_encipherment"
    KEY_AGREEMENT = "key_agreement"
    KEY_CERT_SIGN = "key_cert_sign"
    CRL_SIGN = "crl_sign"
    ENCIPHER_ONLY = "encipher_only"
    DECIPHER_ONLY = "decipher_only"

    @property
    def asn1_name(self) -> str:
        """The name in RFC 5280's module, which the old components write: ``digitalSignature``."""
        if self is KeyUsage.CRL_SIGN:
            return "cRLSign"
        first, *rest = self.split("_")
        return first + "".join(word.capitalize() for word in rest)


@dataclass(frozen=True, slots=True, repr=False)
class CertificateFacts:
    """The contents of one certificate; nothing of it is verified.

    Attributes:
        der: the certificate itself.
        version: of its form, 3 for all that have extensions.
        thumbprint: SHA-256 of it, 32 bytes.
        thumbprint_sha1: SHA-1 of it, 20 bytes; for display and lookup only.
        subject: forward order, commas without space: ``C=TW,CN=…,serialNumber=…``.
        issuer: in the same form.
        subject_cn: the subject's first common name, if any.
        subject_serial: the subject's serialNumber, 16 digits on a citizen's card, if any.
        id_last4: the last four characters of the holder's ID number, if stated.
        uniform_number: of a company or an organisation, by its issuer's attribute, if stated.
        card_rank: of a company's card, "primary" or "secondary", if stated.
        email: the first rfc822Name among the alternative names, if any.
        serial: the certificate's number; negative on some odd ones.
        not_before: first moment of validity, UTC.
        not_after: last moment of validity, UTC.
        key_usage: in the order of the bits; empty where the certificate does not say.
        is_ca: whether it may issue certificates.
        public_key: ready to verify or encrypt with.
        signature_algorithm: dotted identifier of what the issuer signed with.
        subject_key_identifier: of the holder's key, if stated.
        authority_key_identifier: of the issuer's key, if stated.

    """

    der: bytes
    version: int
    thumbprint: bytes
    thumbprint_sha1: bytes
    subject: str
    issuer: str
    subject_cn: str | None
    subject_serial: str | None
    id_last4: str | None
    uniform_number: str | None
    card_rank: str | None
    email: str | None
    serial: int
    not_before: datetime
    not_after: datetime
    key_usage: tuple[KeyUsage, ...]
    is_ca: bool
    public_key: PublicKeyTypes
    signature_algorithm: str
    subject_key_identifier: bytes | None
    authority_key_identifier: bytes | None

    def __repr__(self) -> str:
        # Logs print objects; whose certificate it is stays out of them.
        return f"CertificateFacts({self.thumbprint.hex()})"

    @property
    def serial_hex(self) -> str:
        """The serial number in lower hex, an even number of digits."""
        text = f"{abs(self.serial):x}"
        return "-" * (self.serial < 0) + text.zfill(len(text) + len(text) % 2)
