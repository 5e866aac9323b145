"""Revocation lists, good and not, and all files that a verifier has to be given."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ObjectIdentifier

from agent.cms import der
from agent.kits.vectors import certificates
from agent.kits.vectors.certificates import (
    AUTHORITY,
    CITIZEN,
    EXPIRED_AND_REVOKED,
    INSIDE,
    LONG,
    REVOKED,
)
from agent.kits.vectors.holders import BEGIN, END, YEAR, KeyHolder, signed_again

_UNKNOWN: Final = ObjectIdentifier("2.5.29.99")
_SHA256: Final = bytes.fromhex("06092a864886f70d01010b")  # with RSA
_SHA512: Final = bytes.fromhex("06092a864886f70d01010d")
_HOLD: Final = x509.ReasonFlags.certificate_hold
_LIFTED: Final = x509.ReasonFlags.remove_from_crl
_INTEGER: Final = 0x02
# A number that has the whole encoding of another one inside, and of its entry's beginning.
_AROUND: Final = int.from_bytes(
    b"\x55\x30\x13" + der.element(_INTEGER, INSIDE.to_bytes(2, "big")) + b"\x17\x0d", "big"
)


@dataclass(frozen=True, slots=True)
class WantedList:
    """What a revocation list is to say.

    Attributes:
        revoked: the serial numbers of certificates.
        reason: of all of them; None leaves it unsaid.
        period: this update and the next one.
        number: of the list.
        more: further critical extensions.

    """

    revoked: Sequence[int] = ()
    reason: x509.ReasonFlags | None = None
    period: tuple[datetime, datetime] = (BEGIN, END)
    number: int = 1
    more: Sequence[x509.ExtensionType] = ()

    def signed_by(self, issuer: KeyHolder) -> bytes:
        """Return the DER list of an authority."""
        key = issuer.rsa.public_key()
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(self.period[0])
            .next_update(self.period[1])
            .add_extension(identifier, critical=False)
            .add_extension(x509.CRLNumber(self.number), critical=False)
        )
        for extension in self.more:
            builder = builder.add_extension(extension, critical=True)
        for serial in self.revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial)
            entry = entry.revocation_date(BEGIN + YEAR)
            if self.reason is not None:
                entry = entry.add_extension(x509.CRLReason(self.reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(issuer.rsa, hashes.SHA256()).public_bytes(Encoding.DER)


def _point(name: str) -> x509.IssuingDistributionPoint:
    """Return the extension by which a list says that it has not everything."""
    flags = (
        *("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl"),
        "only_contains_attribute_certs",
    )
    reasons = frozenset({x509.ReasonFlags.key_compromise}) if name == "some_reasons" else None
    chosen = {each: each == name for each in flags}
    return x509.IssuingDistributionPoint(None, None, only_some_reasons=reasons, **chosen)


def _of_authority() -> dict[str, WantedList]:
    """Return the lists of the good authority by file name; but for its first, by what is odd."""
    unknown = x509.UnrecognizedExtension(_UNKNOWN, b"\x05\x00")
    later = (BEGIN + YEAR, END)
    return {
        "ca.crl": WantedList((REVOKED, EXPIRED_AND_REVOKED)),
        "ca-stale.crl": WantedList(period=(BEGIN, BEGIN + YEAR)),
        "ca-future.crl": WantedList(period=(END - YEAR, END)),
        "ca-newer.crl": WantedList((CITIZEN,), period=later, number=2),
        "ca-same-moment.crl": WantedList((CITIZEN,)),
        "ca-lifted.crl": WantedList(period=(BEGIN + 2 * YEAR, END), number=3),
        "ca-long.crl": WantedList((LONG + 1, LONG - 1, LONG & 0xFFFF, _AROUND)),
        "ca-long-revokes.crl": WantedList((_AROUND, LONG)),
        "ca-on-hold.crl": WantedList((CITIZEN,), _HOLD),
        "ca-removed.crl": WantedList((CITIZEN,), _LIFTED),
        "ca-delta.crl": WantedList((), period=later, number=2, more=(x509.DeltaCRLIndicator(1),)),
        "ca-delta-revokes.crl": WantedList(
            (CITIZEN,), period=later, number=2, more=(x509.DeltaCRLIndicator(1),)
        ),
        "ca-delta-lifts.crl": WantedList(
            (CITIZEN,), _LIFTED, later, number=2, more=(x509.DeltaCRLIndicator(1),)
        ),
        "ca-people-only.crl": WantedList(more=(_point("only_contains_user_certs"),)),
        "ca-authorities-only.crl": WantedList(more=(_point("only_contains_ca_certs"),)),
        "ca-attributes-only.crl": WantedList(more=(_point("only_contains_attribute_certs"),)),
        "ca-some-reasons.crl": WantedList(more=(_point("some_reasons"),)),
        "ca-indirect.crl": WantedList(more=(_point("indirect_crl"),)),
        "ca-unknown-extension.crl": WantedList(more=(unknown,)),
    }


def _damaged(authority: KeyHolder, good: bytes) -> dict[str, bytes]:
    """Return lists that are wrong as a whole."""
    broken = bytearray(good)
    broken[-1] ^= 1
    serial = der.element(_INTEGER, REVOKED.to_bytes(2, "big"))
    since = b"\x17\x0d" + (BEGIN + YEAR).strftime("%y%m%d%H%M%SZ").encode()
    revoking = WantedList((CITIZEN,)).signed_by(authority)
    ends = b"\x17\x0d" + END.strftime("%y%m%d%H%M%SZ").encode()
    second = der.element(der.SEQUENCE, der.element(der.SEQUENCE, serial, since))
    here = der.element(_INTEGER, CITIZEN.to_bytes(2, "big"))
    padded = der.element(_INTEGER, b"\x00" + CITIZEN.to_bytes(2, "big"))
    begins = b"\x17\x0d" + BEGIN.strftime("%y%m%d%H%M%SZ").encode()
    return {
        "ca-followed.crl": good + b"\x00",
        "ca-padded-entry.crl": _entry_anew(revoking, here, padded, authority.rsa),
        "ca-two-entry-lists.crl": signed_again(good, ends, ends + second, authority.rsa),
        "ca-impossible.crl": signed_again(good, begins, b"\x17\x0d200230000000Z", authority.rsa),
        "ca-badly-signed.crl": bytes(broken),
        "ca-tampered.crl": good.replace(serial, der.element(_INTEGER, b"\x11\x11")),
        "ca-two-algorithms.crl": good[:-300] + good[-300:].replace(_SHA256, _SHA512),
        "ca-undated-entry.crl": signed_again(revoking, since, b"\x18" + since[1:], authority.rsa),
        "ca-endless.crl": signed_again(good, ends, b"", authority.rsa),
        "ca-sha1.crl": signed_again(good, b"", b"", authority.rsa, is_weak=True),
    }


def _entry_anew(signed: bytes, before: bytes, after: bytes, key: RSAPrivateKey) -> bytes:
    """Change the only entry of a list, and sign it again."""
    entries = next(each for each in der.children(der.children(signed)[0])[3:] if each[0] == 0x30)
    (entry,) = der.children(entries)
    anew = der.element(der.SEQUENCE, *(after if it == before else it for it in der.children(entry)))
    return signed_again(signed, entries, der.element(der.SEQUENCE, anew), key)


@cache
def trust_files() -> dict[str, bytes]:
    """Return what a verifier has to be given, by file name; most of it only in some case."""
    root, authority = certificates.root(), certificates.authority()
    others = certificates.odd_authorities()
    other, sub = others["ca-other-key.cer"], others["sub-ca.cer"]
    lists = {name: each.signed_by(authority) for name, each in _of_authority().items()}
    return {
        "root.cer": root.der,
        "ca.cer": authority.der,
        **{name: each.der for name, each in others.items()},
        "root.crl": WantedList().signed_by(root),
        "root-by-ca.crl": WantedList().signed_by(replace(root, key=authority.key)),
        "ca-by-root.crl": WantedList().signed_by(replace(authority, key=root.key)),
        "root-revokes-ca.crl": WantedList((AUTHORITY,)).signed_by(root),
        **lists,
        **_damaged(authority, lists["ca.crl"]),
        "other-key.crl": WantedList().signed_by(other),
        "other-key-revokes.crl": WantedList((CITIZEN,)).signed_by(other),
        "sub-ca.crl": WantedList().signed_by(sub),
    }
