"""Cases in another form than the agent and the authority write, which parsers read in two ways."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from agent.cms import der
from agent.kits.vectors import certificates
from agent.kits.vectors.case import BROKEN, UNTRUSTED, VectorCase, message_of, statement
from agent.kits.vectors.holders import KeyHolder
from agent.kits.vectors.keys import make_key
from agent.kits.vectors.messages import (
    SIGNING_CERTIFICATE_V2,
    MessageParts,
    attribute,
    login_attributes,
    sign,
    sign_attributes,
)

Change = Callable[[bytes], bytes]
_SERIAL, _VALIDITY, _SUBJECT, _KEY, _EXTENSIONS = 1, 4, 5, 6, 7  # parts of a TBSCertificate
_BITS, _UTF8, _INTEGER = 0x03, 0x0C, 0x02
_NULL: Final = b"\x05\x00"
_SHA256_WITH_RSA: Final = bytes.fromhex("300d06092a864886f70d01010b0500")
_SHA256: Final = bytes.fromhex("300d06096086480165030402010500")
_RSA: Final = bytes.fromhex("300d06092a864886f70d0101010500")
_PROTECTION: Final = bytes.fromhex("06092a864886f70d010934")  # RFC 6211
_PURPOSES: Final = bytes.fromhex("0603551d25")
_UNKNOWN: Final = bytes.fromhex("0603551d63")
_USAGE: Final = bytes.fromhex("0603551d0f0101ff040403020780")  # as it stands in the citizen's
_NO_AUTHORITY: Final = bytes.fromhex("0603551d1304023000")
_BEGIN: Final = b"\x17\x0d200101000000Z"


def forms() -> Iterator[VectorCase]:
    """Make the cases of this module."""
    yield from _attributes()
    yield from _declarations()
    for name, (index, change, note) in (_of_fields() | _of_extensions() | _of_keys()).items():
        yield _certified(name, index, change, BROKEN, note)
    yield _certified(
        "critical-purposes",
        _EXTENSIONS,
        _with(der.element(der.SEQUENCE, _PURPOSES, b"\x01\x01\xff", _octets(_purposes()))),
        UNTRUSTED,
        "purposes of the key marked critical, which no login's verifier knows",
    )


def _attributes() -> Iterator[VectorCase]:
    citizen, text = certificates.citizen(), statement()
    usual = login_attributes(citizen, text)

    def case(name: str, attributes: Sequence[bytes], note: str) -> VectorCase:
        return VectorCase(name, message_of(sign_attributes(citizen, attributes)), BROKEN, note)

    yield case("attribute-unknown", [*usual, attribute(_UNKNOWN, _NULL)], "one that nobody knows")
    other = der.element(der.SEQUENCE, _SHA256, b"\xa1" + _SHA256_WITH_RSA[1:])
    yield case(
        "algorithms-protected",
        [*usual, attribute(_PROTECTION, other)],
        "an attribute with another algorithm of the signature (RFC 6211)",
    )
    bound = der.children(der.children(der.children(usual[2])[1])[0])[0]  # of ESSCertIDv2
    essential = der.children(der.children(bound)[0])
    foreign = der.element(der.SEQUENCE, der.element(der.SEQUENCE), b"\x02\x01\x05")
    named = der.element(der.SEQUENCE, *essential, foreign)
    whole = der.element(der.SEQUENCE, der.element(der.SEQUENCE, named))
    yield case(
        "certificate-bound-by-other-serial",
        [*usual[:2], attribute(SIGNING_CERTIFICATE_V2, whole)],
        "the certificate is bound by its digest, and by another's serial number",
    )
    good = sign(citizen, text)
    backwards = der.element(der.SET, *reversed(der.children(good.attributes or b"")))
    yield VectorCase(
        "attributes-sorted-for-signature",
        message_of(replace(good, attributes=backwards)),
        BROKEN,
        "signed in the order of DER, and sent in another one",
    )


def _declarations() -> Iterator[VectorCase]:
    citizen, text = certificates.citizen(), statement()
    good = sign(citizen, text)

    def case(name: str, note: str, **members: Sequence[bytes]) -> VectorCase:
        return VectorCase(name, MessageParts(text, [good], **members).encode(), BROKEN, note)  # type: ignore[arg-type]

    bare = der.element(der.SEQUENCE, der.children(_SHA256)[0])
    yield case(
        "digest-declared-otherwise", "without the NULL that it is used with", algorithms=[bare]
    )
    yield case("digest-declared-twice", "the same one, twice", algorithms=[_SHA256, _SHA256])
    yield case("certificate-twice", "the same one, twice", certificates=[citizen.der, citizen.der])
    short = der.element(der.SEQUENCE, *[b"\x02\x01\x01"] * 4)
    stub = der.element(der.SEQUENCE, short, _NULL, b"\x03\x01\x00")
    yield case("certificate-and-stub", "what is none comes along", certificates=[citizen.der, stub])


def _of_fields() -> dict[str, tuple[int, Change, str]]:
    def dated(first: bytes, last: bytes = b"\x17\x0d491231235959Z") -> Change:
        return lambda _: der.element(der.SEQUENCE, first, last)

    def named(tag: int, text: bytes) -> Change:
        kind = b"\x06\x03\x55\x04\x0b"  # organizationalUnitName
        pair = der.element(der.SEQUENCE, kind, der.element(tag, text))
        return lambda name: der.element(
            der.SEQUENCE, *der.children(name), der.element(der.SET, pair)
        )

    arc = der.element(0x06, b"\x2a" + b"\xff" * 30 + b"\x01")
    numbered = der.element(der.SEQUENCE, arc, der.element(_UTF8, b"x"))
    return {
        "serial-negative": (_SERIAL, lambda _: b"\x02\x01\xfb", "a serial number below zero"),
        "serial-too-long": (
            _SERIAL,
            lambda _: der.element(_INTEGER, b"\x01" + bytes(127)),
            "a serial number of 128 octets",
        ),
        "date-impossible": (_VALIDITY, dated(b"\x17\x0d200230000000Z"), "it began on 30 February"),
        "date-in-later-form": (
            _VALIDITY,
            dated(b"\x18\x0f20200101000000Z"),
            "a year before 2050 with four digits (RFC 5280 §4.1.2.5)",
        ),
        "date-with-offset": (_VALIDITY, dated(b"\x17\x11200101000000+0800"), "it began elsewhere"),
        "dates-swapped": (
            _VALIDITY,
            dated(b"\x17\x0d491231235959Z", _BEGIN),
            "it ends before it begins",
        ),
        "three-dates": (
            _VALIDITY,
            lambda it: der.element(der.SEQUENCE, *der.children(it), _BEGIN),
            "three dates",
        ),
        "name-of-null": (_SUBJECT, named(0x05, b""), "a NULL in a name"),
        "name-of-broken-text": (_SUBJECT, named(_UTF8, b"\xff\xfe"), "a name that is no UTF-8"),
        "name-of-half-character": (_SUBJECT, named(0x1E, b"\x00"), "half a character in a name"),
        "name-of-huge-number": (
            _SUBJECT,
            lambda it: der.element(der.SEQUENCE, *der.children(it), der.element(der.SET, numbered)),
            "an attribute of a name whose identifier has a number of 200 bits",
        ),
        "unique-identifier": (_KEY, lambda it: it + b"\x82\x02\x00x", "a subjectUniqueID"),
    }


def _of_extensions() -> dict[str, tuple[int, Change, str]]:
    unknown = der.element(der.SEQUENCE, _UNKNOWN, b"\x01\x01\x00", _octets(_NULL))
    empty = der.element(der.SEQUENCE, _PURPOSES, _octets(b"\x30\x00"))
    broken = der.element(der.SEQUENCE, _UNKNOWN, _octets(b"\xff\xff"))
    followed = _NO_AUTHORITY[:5] + _octets(b"\x30\x00" + _NULL)
    loose = _USAGE.replace(b"\x03\x02\x07\x80", b"\x03\x02\x07\xff")
    return {
        "false-written": (_EXTENSIONS, _with(unknown), "FALSE, which goes without saying"),
        "no-purposes": (_EXTENSIONS, _with(empty), "a list of purposes without any"),
        "extension-broken": (_EXTENSIONS, _with(broken), "an unknown extension that is no DER"),
        "constraints-followed": (
            _EXTENSIONS,
            _instead(_NO_AUTHORITY, followed),
            "a NULL after basicConstraints, within the extension",
        ),
        "key-usage-loose": (
            _EXTENSIONS,
            _instead(_USAGE, loose),
            "bits of the key usage that are not used, and set",
        ),
        "extension-retagged": (
            _EXTENSIONS,
            lambda it: it.replace(b"\x30\x0e" + _USAGE, b"\x70\x0e" + _USAGE),
            "an extension that is another kind of element",
        ),
        "extensions-twice": (_EXTENSIONS, lambda it: it + it, "all extensions, and all again"),
    }


def _of_keys() -> dict[str, tuple[int, Change, str]]:
    own = certificates.citizen().rsa.public_key().public_numbers()

    def keyed(modulus: bytes, exponent: bytes, after: bytes = b"") -> Change:
        numbers = der.element(
            der.SEQUENCE, der.element(_INTEGER, modulus), der.element(_INTEGER, exponent)
        )
        return lambda _: der.element(
            der.SEQUENCE, _RSA, der.element(_BITS, b"\x00", numbers, after)
        )

    usual, power = b"\x00" + own.n.to_bytes(256, "big"), b"\x01\x00\x01"
    return {
        "key-padded": (_KEY, keyed(b"\x00" + usual, power), "a zero octet too many in the modulus"),
        "key-followed": (_KEY, keyed(usual, power, _NULL), "a NULL after the key"),
        "key-even": (
            _KEY,
            keyed(b"\x00" + (own.n * 2).to_bytes(257, "big")[-256:], power),
            "an even modulus",
        ),
        "key-without-null": (
            _KEY,
            lambda it: der.element(
                der.SEQUENCE, der.element(der.SEQUENCE, _RSA[2:-2]), der.children(it)[1]
            ),
            "the key's algorithm has no NULL (RFC 3279 §2.3.1)",
        ),
        "exponent-of-64-bits": (
            _KEY,
            keyed(usual, b"\x00" + b"\xff" * 8),
            "an exponent that only some libraries take",
        ),
        "key-of-80000-bits": (
            _KEY,
            keyed(b"\x7f" + b"\xff" * 10_000, power),
            "a modulus of 80 007 bits, to keep the verifier busy",
        ),
    }


def _octets(value: bytes) -> bytes:
    return der.element(der.OCTET_STRING, value)


def _purposes() -> bytes:
    return der.element(der.SEQUENCE, bytes.fromhex("06082b06010505070302"))


def _with(extension: bytes) -> Change:
    def change(tagged: bytes) -> bytes:
        present = der.children(der.children(tagged)[0])
        return der.element(0xA3, der.element(der.SEQUENCE, *present, extension))

    return change


def _instead(before: bytes, after: bytes) -> Change:
    def change(tagged: bytes) -> bytes:
        present = der.children(der.children(tagged)[0])
        bodies = [each[2:].replace(before, after) for each in present]
        anew = (der.element(der.SEQUENCE, each) for each in bodies)
        return der.element(0xA3, der.element(der.SEQUENCE, *anew))

    return change


def _certified(name: str, index: int, change: Change, expect: str, note: str) -> VectorCase:
    """Let the authority certify the citizen with one part of the certificate changed."""
    own = certificates.citizen()
    parts = der.children(der.children(own.der)[0])
    parts[index] = change(parts[index])
    body = der.element(der.SEQUENCE, *parts)
    signature = make_key("authority").sign(body, PKCS1v15(), SHA256())
    bits = der.element(_BITS, b"\x00", signature)
    made = KeyHolder(der.element(der.SEQUENCE, body, _SHA256_WITH_RSA, bits), own.key)
    identifier = der.element(der.SEQUENCE, parts[3], parts[1])
    signed = replace(sign(made, statement()), identifier=identifier)
    return VectorCase(name, message_of(signed), expect, note)
