"""The authorities of the test vectors and the people they certify.

Every name says that nothing here is to be trusted.
"""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

from agent.cms import der
from agent.kits.vectors.holders import (
    BEGIN,
    CERTIFY,
    ENCRYPT,
    END,
    SIGN,
    YEAR,
    KeyHolder,
    Wanted,
    name_of,
    signed_again,
)
from agent.kits.vectors.keys import make_curve_key, make_key
from agent.kits.vectors.messages import RSA_ENCRYPTION

AT: Final = datetime(2026, 11, 27, 15, 4, 5, tzinfo=UTC)
"""When the logins are verified, where the verifier's clock can be set."""
_ROOT: Final = name_of("Worthless Root")
_CA: Final = name_of("Worthless Citizen CA")
_SUB_CA: Final = name_of("Worthless Sub CA")
CITIZEN_SERIAL: Final = "9999000000000001"  # of the name, as of a citizen's card
OTHER_SERIAL: Final = "9999000000000002"
_CITIZEN: Final = name_of("測試假人", CITIZEN_SERIAL)
CITIZEN: Final = 0x1001  # serial numbers of certificates
REVOKED: Final = 0x1005
EXPIRED_AND_REVOKED: Final = 0x101C
AUTHORITY: Final = 2
LONG: Final = 0x70 << 152 | 0x1021  # 20 octets, the most of RFC 5280 §4.1.2.2
INSIDE: Final = 0x1023
_KEY_USAGE: Final = bytes.fromhex("0603551d0f")
_UNKNOWN: Final = ObjectIdentifier("2.5.29.99")
_UNKNOWN_DER: Final = bytes.fromhex("0603551d63")
_SHA256_WITH_RSA: Final = bytes.fromhex("06092a864886f70d01010b")
_SHA512_WITH_RSA: Final = bytes.fromhex("06092a864886f70d01010d")
_PSS_ALONE: Final = bytes.fromhex("300b06092a864886f70d01010a")
_ENCIPHERMENT: Final = bytes.fromhex("03020430")  # the value of a keyUsage


def root(key: str = "root") -> KeyHolder:
    """Return a root of the one name; another key makes it another root."""
    made = make_key(key)
    return _root(1, key).certified_by(_ROOT, made)


def _root(serial: int, key: str = "root") -> Wanted:
    return Wanted(_ROOT, make_key(key), serial, CERTIFY, is_authority=True)


def authority(key: str = "authority", root_key: str = "root") -> KeyHolder:
    """Return an authority of the one name below a root."""
    return _authority(AUTHORITY, key).certified_by(_ROOT, make_key(root_key))


def _authority(serial: int, key: str = "authority") -> Wanted:
    return Wanted(_CA, make_key(key), serial, CERTIFY, is_authority=True)


@cache
def odd_authorities() -> dict[str, KeyHolder]:
    """Return authorities that a case has in place of the good ones, by file name."""
    made = _authority(0x10)
    others = {
        "ca-other-key.cer": _authority(0x11, "foreign authority"),
        "ca-no-crl-sign.cer": replace(made, serial=0x12, usage=("key_cert_sign",)),
        "ca-no-cert-sign.cer": replace(made, serial=0x13, usage=(*SIGN, "crl_sign")),
        "ca-not-ca.cer": replace(made, serial=0x14, is_authority=False),
        "ca-unsaid.cer": replace(made, serial=0x15, is_authority=None),
        "ca-expired.cer": replace(made, serial=0x16, period=(BEGIN, BEGIN + YEAR)),
        "ca-path-length-0.cer": replace(made, serial=0x17, path_length=0),
        "ca-name-constraints.cer": replace(made, serial=0x18, more=(_only_others(),)),
    }
    sub = Wanted(_SUB_CA, make_key("sub authority"), 0x1030, CERTIFY, is_authority=True)
    old = replace(_root(0x19), period=(BEGIN, BEGIN + YEAR))
    signing = signing_root()
    return {
        **{name: each.certified_by(_ROOT, make_key("root")) for name, each in others.items()},
        "sub-ca.cer": _certified(sub),
        "ca-next-key.cer": _certified(_authority(0x102D, "foreign authority")),
        "root-expired.cer": old.certified_by(_ROOT, make_key("root")),
        "root-signing.cer": signing,
    }


def signing_root() -> KeyHolder:
    """Return a root that may sign what it likes."""
    return replace(_root(0x1A), usage=(*SIGN, *CERTIFY)).certified_by(_ROOT, make_key("root"))


def _only_others() -> x509.NameConstraints:
    somebody = [x509.NameAttribute(NameOID.COUNTRY_NAME, "TW")]
    somebody.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Other Worthless People"))
    return x509.NameConstraints([x509.DirectoryName(x509.Name(somebody))], None)


def _certified(wanted: Wanted) -> KeyHolder:
    return wanted.certified_by(_CA, make_key("authority"))


def _citizen(serial: int = CITIZEN) -> Wanted:
    return Wanted(_CITIZEN, make_key("citizen"), serial)


@cache
def citizen() -> KeyHolder:
    """Return whom everybody is to accept."""
    return _certified(_citizen())


@cache
def second_citizen() -> KeyHolder:
    """Return somebody else who is to be accepted, too."""
    other = name_of("測試路人", OTHER_SERIAL)
    return _certified(Wanted(other, make_key("second citizen"), 0x1002))


def expired() -> KeyHolder:
    """Return somebody whose certificate ended before anybody verified it."""
    return _certified(replace(_citizen(0x1003), period=(BEGIN, BEGIN + YEAR)))


def not_yet_valid() -> KeyHolder:
    """Return somebody whose certificate begins long after anybody verifies it."""
    return _certified(replace(_citizen(0x1004), period=(END - YEAR, END)))


def revoked() -> KeyHolder:
    """Return somebody whose certificate is on the list."""
    return _certified(_citizen(REVOKED))


def expired_and_revoked() -> KeyHolder:
    """Return somebody whose certificate is on the list, and has ended."""
    return _certified(replace(_citizen(EXPIRED_AND_REVOKED), period=(BEGIN, BEGIN + YEAR)))


def encrypting() -> KeyHolder:
    """Return somebody whose certificate is for encryption."""
    return _certified(replace(_citizen(0x1006), usage=ENCRYPT))


def unsaid_usage() -> KeyHolder:
    """Return somebody whose certificate does not say what its key is for."""
    return _certified(replace(_citizen(0x1014), usage=None))


def contracting() -> KeyHolder:
    """Return somebody whose certificate is for contracts, and for nothing else."""
    return _certified(replace(_citizen(0x1015), usage=("content_commitment",)))


def two_usages() -> KeyHolder:
    """Return somebody whose certificate says twice, in two ways, what its key is for."""
    second = x509.UnrecognizedExtension(_UNKNOWN, _ENCIPHERMENT)
    made = _certified(replace(_citizen(0x101D), more=(second,)))
    key = make_key("authority")
    return replace(made, der=signed_again(made.der, _UNKNOWN_DER, _KEY_USAGE, key))


def without_serial() -> KeyHolder:
    """Return somebody whose name has no serial number: nobody knows whose account it is."""
    return _certified(Wanted(name_of("測試無號"), make_key("citizen"), 0x1016))


def with_odd_serial() -> KeyHolder:
    """Return somebody whose name has a serial number that no citizen's card has."""
    return _certified(Wanted(name_of("測試怪號", "999900000000000A"), make_key("citizen"), 0x1017))


def with_unknown_extension() -> KeyHolder:
    """Return somebody whose certificate has a critical extension that nobody knows."""
    unknown = x509.UnrecognizedExtension(_UNKNOWN, b"\x05\x00")
    return _certified(replace(_citizen(0x1018), more=(unknown,)))


def of_other_key() -> KeyHolder:
    """Return somebody whose certificate names another key of its issuer than signed it."""
    return _certified(replace(_citizen(0x1019), issuer_key=make_key("foreign authority")))


def weakly_certified() -> KeyHolder:
    """Return somebody whose certificate is signed with SHA-1."""
    made = _certified(_citizen(0x101A))
    return replace(made, der=signed_again(made.der, b"", b"", make_key("authority"), is_weak=True))


def doubly_certified() -> KeyHolder:
    """Return somebody whose certificate names two algorithms of its one signature."""
    made = _certified(_citizen(0x1024))
    body, rest = made.der[:-300], made.der[-300:]  # the second one stands before the signature
    return replace(made, der=body + rest.replace(_SHA256_WITH_RSA, _SHA512_WITH_RSA))


def with_critical_policies() -> KeyHolder:
    """Return somebody whose certificate has policies, marked critical."""
    policy = x509.PolicyInformation(ObjectIdentifier("1.2.3.4"), None)
    return _certified(replace(_citizen(0x1025), more=(x509.CertificatePolicies([policy]),)))


def without_constraints() -> KeyHolder:
    """Return somebody of whom nothing says that they are no authority."""
    return _certified(replace(_citizen(0x1026), is_authority=None))


def with_long_life() -> KeyHolder:
    """Return somebody whose certificate begins and ends with the years of the two forms of time."""
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    return _certified(replace(_citizen(0x1027), period=(datetime(1950, 1, 1, tzinfo=UTC), last)))


def numbered(serial: int) -> KeyHolder:
    """Return somebody with a certificate of this serial number."""
    return _certified(_citizen(serial))


def of_sub_authority() -> KeyHolder:
    """Return somebody whom an authority below the authority certifies."""
    return _citizen(0x101B).certified_by(_SUB_CA, make_key("sub authority"))


def of_citizen() -> KeyHolder:
    """Return somebody whom the citizen certifies, who is no authority."""
    other = Wanted(name_of("測試路人", OTHER_SERIAL), make_key("second citizen"), 0x101E)
    return other.certified_by(_CITIZEN, make_key("citizen"))


def of_foreign_authority(serial: int = CITIZEN) -> KeyHolder:
    """Return somebody whom an authority of the same name and another key certifies."""
    return _citizen(serial).certified_by(_CA, make_key("foreign authority"))


def encrypting_of_foreign_authority() -> KeyHolder:
    """Return the same, with a certificate for encryption."""
    wanted = replace(_citizen(0x101F), usage=ENCRYPT)
    return wanted.certified_by(_CA, make_key("foreign authority"))


def self_signed() -> KeyHolder:
    """Return somebody who certifies themselves."""
    return _citizen().certified_by(_CITIZEN, make_key("citizen"))


def renamed() -> KeyHolder:
    """Return somebody who wrote another serial number into their certificate."""
    made = citizen()
    return replace(made, der=made.der.replace(CITIZEN_SERIAL.encode(), OTHER_SERIAL.encode()))


def impostor() -> KeyHolder:
    """Return another's key, under a certificate that names the citizen's issuer and serial."""
    wanted = replace(_citizen(), key=make_key("second citizen"))
    return wanted.certified_by(_CA, make_key("second citizen"))


def on_curve() -> KeyHolder:
    """Return somebody with a key on P-256."""
    return _certified(replace(_citizen(0x1010), key=make_curve_key("curve")))


def with_short_key() -> KeyHolder:
    """Return somebody with an RSA key of 1024 bits."""
    return _certified(replace(_citizen(0x1011), key=make_key("short", 1024)))


def with_long_key() -> KeyHolder:
    """Return somebody with an RSA key of 3072 bits."""
    return _certified(replace(_citizen(0x1012), key=make_key("long", 3072)))


def with_exponent_one() -> KeyHolder:
    """Return somebody with an RSA key of 2048 bits and 1 as its exponent: anybody signs for it."""
    return _keyed(0x1028, RSA_ENCRYPTION, 1)


def with_pss_key() -> KeyHolder:
    """Return somebody whose key is said to be for RSASSA-PSS alone (RFC 4055 §1.2)."""
    return _keyed(0x1029, _PSS_ALONE, 65537)


def _keyed(serial: int, algorithm: bytes, exponent: int) -> KeyHolder:
    """Return somebody whose key is written in a way that no library writes."""
    made = _certified(_citizen(serial))
    modulus, power = (
        der.element(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))
        for number in (made.rsa.public_key().public_numbers().n, exponent)
    )
    numbers = der.element(der.SEQUENCE, modulus, power)
    written = der.element(der.SEQUENCE, algorithm, der.element(0x03, b"\x00", numbers))
    own = made.rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return replace(made, der=signed_again(made.der, own, written, make_key("authority")))


def with_two_serials() -> KeyHolder:
    """Return somebody whose name has two serial numbers, the citizen's first."""
    other = x509.NameAttribute(NameOID.SERIAL_NUMBER, OTHER_SERIAL)
    return _certified(replace(_citizen(0x102A), subject=x509.Name([*_CITIZEN, other])))


def citizen_as_authority() -> KeyHolder:
    """Return an authority that may sign what it likes, and has a citizen's name."""
    return _certified(replace(_citizen(0x102B), usage=(*SIGN, *CERTIFY), is_authority=True))


@cache
def with_small_exponent() -> KeyHolder:
    """Return somebody with an RSA key of 2048 bits, and 3 as its exponent."""
    return _certified(replace(_citizen(0x1013), key=make_key("small exponent", 2048, 3)))
