"""A test issuer: root, issuing CA, citizens' certificates, revocation lists.

In memory for tests, or in a directory for people: ``root.cer``, ``ca.cer`` and ``root.crl``,
``ca.crl`` (DER) for whoever verifies, ``issued.json`` for whoever plays the identity check, and
the two private keys. Nothing that it makes is worth anything outside a test, and all of it says so.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from typing import Annotated, Self

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec import Meta, Struct, structs

from agent.errors import BadRequestError
from agent.harmless import has_content, is_harmful
from agent.virtualcard import profile
from agent.virtualcard.profile import Applicant, Signer, SubjectKey, Use

CRL_URL = "http://crl.ankong-test.invalid/ca.crl"
ROOT_CRL_URL = "http://crl.ankong-test.invalid/root.crl"
KEY_SIZE = 4096
DAY = timedelta(days=1)
YEAR = timedelta(days=365)
CRL_VALIDITY = 30 * DAY
MAX_CERTIFICATE = 1600  # bytes DER, so that it fits its place on the card
MAX_NAME = 64  # bytes UTF-8: X.520's 64 characters, as the strictest programs count them
_SUBJECT_SERIAL_DIGITS = 16


@unique
class Validity(StrEnum):
    """Whether a citizen's certificate is valid today, and if not, why."""

    NOW = "valid"
    EXPIRED = "expired"
    NOT_YET = "not-yet-valid"
    REVOKED = "revoked"  # as soon as it is issued

    def period(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the first and the last moment of validity."""
        begin = {Validity.EXPIRED: -5 * YEAR - DAY, Validity.NOT_YET: DAY}
        start = now + begin.get(self, -DAY)
        return start, start + 5 * YEAR


class IssuedRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the issuer's database.

    Attributes:
        serial: certificate serial number, lower-case hexadecimal.
        use: ``"SIGN"`` or ``"KEYX"``; of a PIV card ``"AUTH"`` or ``"CARD"`` too.
        subject_serial: the 16 digits in the subject, the same in both certificates of a person.
        name: common name.
        id_number: the whole identification number, which no certificate carries.
        not_after: RFC 3339.
        revoked_at: RFC 3339; empty while the certificate is good.

    """

    serial: Annotated[str, Meta(pattern=r"^[0-9a-f]{1,40}\Z")]
    use: str
    subject_serial: str
    name: str
    id_number: str
    not_after: str
    revoked_at: str = ""


@dataclass(frozen=True, slots=True)
class Authority:
    """One authority: its certificate and private key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


class TestIssuer:
    """Root and issuing CA, and what they have issued.

    Attributes:
        root, ca: the two authorities.
        records: everything issued, oldest first.

    """

    __test__ = False  # pytest: the word "Test" is about certificates

    def __init__(
        self, root: Authority, ca: Authority, records: list[IssuedRecord] | None = None
    ) -> None:
        self.root = root
        self.ca = ca
        self.records = records if records is not None else []

    @classmethod
    def create(cls, key_size: int = KEY_SIZE) -> Self:
        """Make a root and a CA with new RSA keys of ``key_size`` bits; takes seconds."""
        now = _now()
        validity = (now - 10 * YEAR, now + 20 * YEAR)
        root_key, ca_key = _new_key(key_size), _new_key(key_size)
        root_name = profile.root_name()
        root = profile.authority_certificate(
            Applicant(root_name, root_key.public_key(), validity), Signer(root_name, root_key)
        )
        ca = profile.authority_certificate(
            Applicant(profile.ca_name(), ca_key.public_key(), validity),
            Signer(root_name, root_key, ROOT_CRL_URL),
        )
        return cls(Authority(root, root_key), Authority(ca, ca_key))

    def issue(
        self,
        name: str,
        id_number: str,
        keys: Mapping[Use, SubjectKey],
        validity: Validity = Validity.NOW,
    ) -> dict[Use, x509.Certificate]:
        """Certify the keys of one person; one new subject serial number for all of them.

        Raises:
            BadRequestError: the name is not a valid common name.

        """
        check_name(name)
        subject_serial = f"{secrets.randbelow(10**_SUBJECT_SERIAL_DIGITS):016d}"
        subject = profile.citizen_name(name, subject_serial)
        now = _now()
        period = validity.period(now)
        revoked_at = now.isoformat() if validity is Validity.REVOKED else ""
        signer = Signer(self.ca.certificate.subject, self.ca.key, CRL_URL)
        issued = {}
        for use, key in keys.items():
            applicant = Applicant(subject, key, period)
            certificate = profile.citizen_certificate(applicant, signer, use, id_number)
            issued[use] = certificate
            self.records.append(
                IssuedRecord(
                    serial=serial_text(certificate),
                    use=use.value,
                    subject_serial=subject_serial,
                    name=name,
                    id_number=id_number,
                    not_after=period[1].isoformat(),
                    revoked_at=revoked_at,
                )
            )
        self.save()
        return issued

    def revoke(self, serial: str) -> None:
        """Put a certificate, by serial number in lower-case hexadecimal, on the CRL.

        Raises:
            BadRequestError: this issuer did not issue it.

        """
        for index, record in enumerate(self.records):
            if record.serial == serial:
                if not record.revoked_at:
                    self.records[index] = structs.replace(record, revoked_at=_now().isoformat())
                self.save()
                return
        raise BadRequestError("no certificate of this serial number was issued here")

    def crl(self) -> bytes:
        """Sign a new revocation list of the CA, DER, valid for 30 days."""
        revoked = [
            (int(record.serial, 16), datetime.fromisoformat(record.revoked_at))
            for record in self.records
            if record.revoked_at
        ]
        return _crl(self.ca, revoked)

    def root_crl(self) -> bytes:
        """Sign a new, empty revocation list of the root, DER, valid for 30 days."""
        return _crl(self.root, [])

    def save(self) -> None:
        """Save the state; does nothing for an issuer in memory."""

    def database(self) -> bytes:
        """Return the records as a JSON array."""
        return msgspec.json.format(msgspec.json.encode(self.records), indent=1) + b"\n"


def check_name(name: str) -> None:
    """Refuse what cannot be a common name.

    Raises:
        BadRequestError: it is longer than 64 bytes in UTF-8, or shows nothing in whole or part.

    """
    shows = has_content(name) and not any(map(is_harmful, name))
    if not shows or len(name.encode()) > MAX_NAME:
        raise BadRequestError(
            "a name has 1 to 64 bytes in UTF-8 (21 Chinese characters), all printable"
        )


def serial_text(certificate: x509.Certificate) -> str:
    """Return a certificate's serial number in lower-case hexadecimal."""
    return f"{certificate.serial_number:x}"


def der(certificate: x509.Certificate) -> bytes:
    """Return the DER of a certificate."""
    return certificate.public_bytes(serialization.Encoding.DER)


def _crl(authority: Authority, revoked: list[tuple[int, datetime]]) -> bytes:
    now = _now()
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - timedelta(minutes=5))  # clocks differ
        .next_update(now + CRL_VALIDITY)
        .add_extension(identifier, critical=False)
        # Rises with time and needs no memory; two lists of one microsecond say the same.
        .add_extension(x509.CRLNumber(int(datetime.now(UTC).timestamp() * 10**6)), critical=False)
    )
    for serial, moment in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(serial)
            .revocation_date(moment)
            .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
            .build()
        )
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _new_key(size: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
