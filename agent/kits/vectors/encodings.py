"""Cases whose octets are wrong before anybody asks what they mean (X.690 §8, §10)."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from agent.cms import der
from agent.kits.vectors import certificates
from agent.kits.vectors.case import BROKEN, VectorCase, message_of, signed_by, statement
from agent.kits.vectors.messages import (
    DATA,
    INTEGER,
    SIGNED_DATA,
    MessageParts,
    content_info,
    issuer_and_serial,
    sign,
)

_LIMIT: Final = 64 * 1024
_CONSTRUCTED_OCTETS: Final = 0x24
_UTF8: Final = 0x0C
_OBJECT_IDENTIFIER: Final = 0x06
_BAG: Final = 300
_ED25519: Final = bytes.fromhex("300506032b6570")
_UNSIGNED: Final = 0xA1
_CAPABILITIES: Final = bytes.fromhex("06092a864886f70d01090f")  # an attribute of no weight


def encodings() -> Iterator[VectorCase]:
    """Make the cases of this module."""
    for name, message, note in (*_lengths(), *_wrappings(), *_bombs()):
        yield VectorCase(name, message, BROKEN, note)
    yield from _bags()


def _lengths() -> Iterator[tuple[str, bytes, str]]:
    good = signed_by(certificates.citizen())
    whole = good[4:]
    yield "trailing-byte", good + b"\x00", "one octet after the message"
    yield "trailing-message", good + good, "the same message after the message"
    yield "empty", b"", "no octet at all"
    yield "cut-short", good[:-1], "the last octet is missing"
    yield "indefinite-length", b"\x30\x80" + whole + b"\0\0", "BER: the outer length is indefinite"
    size = len(whole).to_bytes(3, "big")
    yield "long-length", b"\x30\x83" + size + whole, "BER: the outer length has an octet too many"
    inner = content_info(b"\x30\x80" + der.children(der.children(good)[1])[0][4:] + b"\0\0")
    yield "inner-indefinite", inner, "BER: the length of the SignedData is indefinite"
    yield "length-4-gib", b"\x30\x84\xff\xff\xff\xff" + whole, "a length of 4 GiB"
    yield "length-16-eib", b"\x30\x88" + b"\xff" * 8 + whole, "a length that 64 bits just hold"
    yield "length-reserved", b"\x30\xff" + b"\x01" * 127, "a length in 127 octets"
    yield "set-outside", b"\x31" + good[1:], "the outer tag is that of a SET"


def _wrappings() -> Iterator[tuple[str, bytes, str]]:
    citizen, text = certificates.citizen(), statement()
    good, login = signed_by(citizen), sign(citizen, text)
    parts = MessageParts(text, [login])
    yield "base64", base64.b64encode(good), "base64 of the message"
    pem = b"-----BEGIN CMS-----\n" + base64.encodebytes(good) + b"-----END CMS-----\n"
    yield "pem", pem, "PEM of the message"
    yield "signed-data-alone", parts.signed(), "no ContentInfo around the SignedData"
    yield "another-type", content_info(parts.signed(), DATA), "a ContentInfo of type id-data"
    tagged = der.element(der.EXPLICIT_0, parts.signed(), b"\x05\x00")
    more = der.element(der.SEQUENCE, SIGNED_DATA, tagged)
    yield "more-in-content-info", more, "a NULL after the SignedData"
    yield (
        "more-in-signed-data",
        replace(parts, after=b"\x05\x00").encode(),
        "NULL after the signers",
    )
    yield (
        "more-in-signer",
        message_of(replace(login, after=b"\x05\x00")),
        "a NULL after the signature",
    )
    again = der.element(der.SET, sign(certificates.second_citizen(), text).encode())
    yield (
        "second-set-of-signers",
        replace(parts, after=again).encode(),
        "after the signer somebody else, whom a parser may take instead",
    )
    longer = der.element(der.SEQUENCE, login.digest[2:], b"\x05\x00")
    yield (
        "more-in-algorithm",
        message_of(replace(login, digest_algorithm=longer)),
        "a second NULL in the digest's algorithm",
    )
    pieces = [der.element(der.OCTET_STRING, each) for each in (text[:100], text[100:])]
    constructed = der.element(_CONSTRUCTED_OCTETS, *pieces)
    yield (
        "constructed-content",
        replace(parts, octets=constructed).encode(),
        "BER: the content is in two pieces",
    )
    string = der.element(_UTF8, text)
    yield "content-as-text", replace(parts, octets=string).encode(), "the content is a UTF8String"
    twice = der.element(der.OCTET_STRING, text) * 2
    yield "content-twice", replace(parts, octets=twice).encode(), "two contents, the same"
    yield (
        "padded-serial",
        message_of(replace(login, identifier=_named(b"\x00\x10\x01"))),
        "the signer's serial number has a zero octet too many",
    )


def _named(serial: bytes) -> bytes:
    """Return the citizen's issuer and another serial number."""
    issuer = der.children(issuer_and_serial(certificates.citizen()))[0]
    return der.element(der.SEQUENCE, issuer, der.element(INTEGER, serial))


def _bombs() -> Iterator[tuple[str, bytes, str]]:
    citizen, text = certificates.citizen(), statement()
    login = sign(citizen, text)
    nested = b"\x05\x00"
    for _ in range(2000):
        nested = der.element(der.SEQUENCE, nested)
    unsigned = der.element(_UNSIGNED, der.element(der.SEQUENCE, _CAPABILITIES, nested))
    yield "nested-alone", nested, "2000 sequences, one in the other"
    yield "nested", message_of(replace(login, after=unsigned)), "the same as an unsigned attribute"
    yield "open-sequences", b"\x30\x80" * 4000, "BER: 4000 sequences that do not end"
    yield (
        "huge-serial",
        message_of(replace(login, identifier=_named(b"\x7f" * 8000))),
        "a serial number of 64 000 bits",
    )
    oid = der.element(_OBJECT_IDENTIFIER, b"\xff" * 8000 + b"\x7f")
    yield (
        "huge-identifier",
        message_of(replace(login, digest_algorithm=der.element(der.SEQUENCE, oid))),
        "an object identifier of 8000 octets",
    )
    yield "too-large", _of_size(_LIMIT + 1), "64 KiB and one octet, and otherwise good"


def _of_size(size: int) -> bytes:
    """Return a good message of so many octets, filled up by an unsigned attribute."""
    citizen, text = certificates.citizen(), statement()
    login = sign(citizen, text)

    def filled(octets: int) -> bytes:
        value = der.element(der.SET, der.element(der.OCTET_STRING, bytes(octets)))
        unsigned = der.element(_UNSIGNED, der.element(der.SEQUENCE, _CAPABILITIES, value))
        return message_of(replace(login, after=unsigned))

    some = 60_000  # lengths of as many octets as in the message wanted
    return filled(size - (len(filled(some)) - some))


def _bags() -> Iterator[VectorCase]:
    citizen, text = certificates.citizen(), statement()
    login = sign(citizen, text)
    some = [citizen.der, *islice(_strangers(), _BAG)]
    yield VectorCase(
        "many-certificates",
        MessageParts(text, [login], certificates=some).encode(),
        BROKEN,
        "300 further certificates that nobody signed: to be refused at once",
    )
    yield VectorCase(
        "authority-in-bag",
        MessageParts(
            text, [login], certificates=[citizen.der, certificates.authority().der]
        ).encode(),
        BROKEN,
        "the authority's certificate comes along",
    )


def _strangers() -> Iterator[bytes]:
    """Return short certificates with keys and signatures of zeros."""
    name = der.element(
        der.SEQUENCE,
        der.element(der.SET, der.element(der.SEQUENCE, b"\x06\x03\x55\x04\x03", b"\x0c\x01x")),
    )
    period = der.element(der.SEQUENCE, *[b"\x17\x0d200101000000Z", b"\x17\x0d491231235959Z"])
    key = der.element(der.SEQUENCE, _ED25519, b"\x03\x21\x00" + bytes(32))
    for number in range(_BAG):
        serial = der.element(INTEGER, (0x2000 + number).to_bytes(2, "big"))
        body = der.element(der.SEQUENCE, serial, _ED25519, name, period, name, key)
        yield der.element(der.SEQUENCE, body, _ED25519, b"\x03\x03\x00\x00\x00")
