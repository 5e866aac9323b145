"""Whose card it is: what a certificate says of its holder, by the profile of its authority."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final, Protocol

from agent.pki.certificate import CertificateFacts
from agent.relying.errors import VerificationCode, VerificationError

MIN_SECRET: Final = 32  # octets
_SUBJECT_SERIAL: Final = re.compile("[0-9]{16}")


def hex_secret(text: str) -> bytes:
    """Read the secret of :meth:`Holder.account_key` from a setting, when the site starts.

    Args:
        text: hexadecimal, at least 64 digits: ``openssl rand -hex 32`` makes one.

    Raises:
        ValueError: it is anything else; the text does not repeat it.

    """
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < MIN_SECRET:
        digits = 2 * MIN_SECRET
        raise ValueError(
            f"the secret of account keys is not {digits} hexadecimal digits or more:"
            f" make one with openssl rand -hex {MIN_SECRET}"
        )
    return secret


@dataclass(frozen=True, slots=True, repr=False)
class Holder:
    """Who a certificate was issued to.

    Authenticated is not authorised: a site looks up its account by :meth:`account_key`.

    Attributes:
        name: as it is to be shown; people share names, so that it identifies nobody.
        id_last4: the last four characters of the ID number, if stated.
        subject_serial: the number that the authority gave to the holder.
        issuer: the authority, in forward order: ``C=TW,O=...``.

    """

    name: str | None
    id_last4: str | None
    subject_serial: str
    issuer: str

    def account_key(self, secret: bytes) -> bytes:
        """Return what a site stores to know the holder again, 32 octets.

        HMAC-SHA-256 over the issuer in UTF-8, an octet of zero and the subject serial. A renewed
        certificate that keeps both has the same key; without the secret no key leads to anybody.

        Args:
            secret: the site's own, at least 32 octets, the same for ever.

        Raises:
            ValueError: the secret is shorter.

        """
        if len(secret) < MIN_SECRET:
            raise ValueError(f"the secret of account keys needs {MIN_SECRET} octets")
        text = f"{self.issuer}\0{self.subject_serial}"
        return hmac.digest(secret, text.encode(), hashlib.sha256)


class Profile(Protocol):
    """What one authority writes into the certificates of its holders."""

    def check(self, certificate: CertificateFacts) -> Holder:
        """Return whose certificate it is; its path has been validated.

        Raises:
            VerificationError: ``profile_mismatch``, it is none of this authority's kind.

        """


class CitizenProfile:
    """Certificates of natural persons: a subject serial of sixteen digits."""

    def check(self, certificate: CertificateFacts) -> Holder:
        """Return whose certificate it is.

        Raises:
            VerificationError: ``profile_mismatch``, it is an authority's, or has not one subject
                serial of sixteen digits.

        """
        if certificate.is_ca:
            raise VerificationError(VerificationCode.PROFILE_MISMATCH, "an authority, no person")
        serial = certificate.subject_serial
        if serial is None or _SUBJECT_SERIAL.fullmatch(serial) is None:
            raise VerificationError(
                VerificationCode.PROFILE_MISMATCH, "there is not one subject serial of 16 digits"
            )
        return Holder(certificate.subject_cn, certificate.id_last4, serial, certificate.issuer)


MOICA: Final[Profile] = CitizenProfile()
"""The certificates of citizens."""
