"""The data objects of a PIV card (SP 800-73-4 part 1), as far as they are of use here.

No input or output. Cards are hostile input: every length is checked against the bytes that are
there, and a compressed certificate is inflated no further than a certificate may be long.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agent.cards.card import ID_AUTH, ID_KEYX, ID_SIGN
from agent.errors import UnsupportedCardError
from agent.iso7816.tlv import Tlv, TlvError, TlvIncompleteError, read_all, read_head, read_one

ID_CARD = b"CARD"
"""Identifies the key that works without a PIN, and so proves nothing of a person."""
OBJECT_CHUID = bytes.fromhex("5FC102")
OBJECT_DISCOVERY = bytes.fromhex("7E")
AID = bytes.fromhex("A00000030800001000")
"""Of the application, without its version, as a card is asked for any version of it."""
MAX_CERTIFICATE = 0x1000  # bytes; real ones have about 1500
NUMBER_COMES_WITHIN = 128
"""Bytes of the CHUID within which both of its numbers lie; signatures of kilobytes follow."""
PIN_OF_APPLICATION = 0x80
PIN_OF_CARD = 0x00
"""The two PINs: that of the PIV application, and one for all applications of the card."""

_TAG_DATA = 0x53
_TAG_CERTIFICATE = 0x70
_TAG_CERTIFICATE_INFO = 0x71
_TAG_FASC_N = 0x30
_TAG_GUID = 0x34
_TAG_DISCOVERY = 0x7E
_TAG_AID = 0x4F
_TAG_PIN_POLICY = 0x5F2F
_TAG_TEMPLATE = 0x61
_TAG_AUTHORITY = 0x79
_FASC_N_LENGTH = 25
_GUID_LENGTH = 16
_ISSUER = bytes.fromhex("A000000308")
_APPLICATION = bytes.fromhex("00001000")  # all of the AID but who gave it and the version
_COMPRESSED = 0x81  # b1 in SP 800-73-4; b8 on cards after its drafts
_GZIP = zlib.MAX_WBITS | 16
_CARD_PIN_COUNTS = 0x20
_NEEDS_SECURE_CHANNEL = 0x08  # "VCI": contactless, a PIN goes through a channel of its own only
_CARD_PIN_IS_PRIMARY = 0x20


@dataclass(frozen=True, slots=True)
class PivSlot:
    """One of the places for a key and its certificate (SP 800-73-4 part 1 table 4).

    Attributes:
        id: what the certificate is called here.
        key: how commands name the key.
        object: the tag of the certificate's data object.
        label: the key's name in the standard.
        signs: whether the key signs here.

    """

    id: bytes
    key: int
    object: bytes
    label: str
    signs: bool = False


SLOTS: Final = (
    PivSlot(ID_SIGN, 0x9C, bytes.fromhex("5FC10A"), "Digital Signature", signs=True),
    PivSlot(ID_AUTH, 0x9A, bytes.fromhex("5FC105"), "PIV Authentication", signs=True),
    PivSlot(ID_KEYX, 0x9D, bytes.fromhex("5FC10B"), "Key Management"),
    PivSlot(ID_CARD, 0x9E, bytes.fromhex("5FC101"), "Card Authentication"),
)
"""All that are looked at, the signing key's first; retired keys are not."""


@dataclass(frozen=True, slots=True)
class PinPolicy:
    """Which PIN a card wants, and how (SP 800-73-4 part 1 §3.3.2).

    Attributes:
        reference: how VERIFY names the PIN.
        secure_contactless: whether a contactless reader would need a channel that is not spoken
            here before the PIN may be sent.

    """

    reference: int = PIN_OF_APPLICATION
    secure_contactless: bool = False


def is_application(answer: bytes) -> bool:
    """Return whether SELECT found the PIV application; there are cards that say yes to anything.

    Args:
        answer: the application property template (SP 800-73-4 part 2 table 3).

    """
    try:
        template = read_one(answer)
        if template.tag != _TAG_TEMPLATE:
            return False
        items = list(read_all(template.value))
        inner = [each for item in items if item.tag == _TAG_AUTHORITY for each in _within(item)]
    except TlvError:
        return False
    named = [item.value for item in (*items, *inner) if item.tag == _TAG_AID]
    return any(value.startswith((_ISSUER, _APPLICATION)) for value in named)


def _within(item: Tlv) -> Iterator[Tlv]:
    """Read what a template holds; nothing where it is a bare value, as some cards have it."""
    try:
        yield from read_all(item.value)
    except TlvError:
        return


def card_number(chuid: bytes) -> str:
    """Return the number of a card: its GUID, or its FASC-N where that is all zeros.

    Args:
        chuid: the Cardholder Unique Identifier from its beginning, possibly cut short.

    Returns:
        32 or 50 hexadecimal digits in upper case.

    Raises:
        UnsupportedCardError: it has neither; two cards without one would be one card to us.

    """
    found: dict[int, bytes] = {}
    try:
        tag, length, start = read_head(chuid)
        if tag != _TAG_DATA:
            raise UnsupportedCardError("a CHUID that is no data object")
        for item in read_all(chuid[start : start + length]):
            found.setdefault(item.tag, item.value)
    except TlvIncompleteError:
        pass  # the rest was not asked for
    except TlvError as error:
        raise UnsupportedCardError("a CHUID that makes no sense") from error
    for wanted, size in ((_TAG_GUID, _GUID_LENGTH), (_TAG_FASC_N, _FASC_N_LENGTH)):
        value = found.get(wanted, b"")
        if len(value) == size and any(value):
            return value.hex().upper()
    raise UnsupportedCardError("a card without a number")


def certificate_of(answer: bytes) -> bytes | None:
    """Return the certificate of a data object (SP 800-73-4 part 1 table 10), DER and not judged.

    Returns:
        At most 4096 bytes; None where the object is empty.

    Raises:
        UnsupportedCardError: it makes no sense, or its certificate is too long.

    """
    try:
        outer = read_one(answer)
        if outer.tag != _TAG_DATA or outer.size != len(answer):
            raise UnsupportedCardError("a certificate's object that is no data object")
        if not outer.value:
            return None
        items = {item.tag: item.value for item in reversed(list(read_all(outer.value)))}
    except TlvError as error:
        raise UnsupportedCardError("a certificate's object that makes no sense") from error
    certificate = items.get(_TAG_CERTIFICATE)
    if not certificate:
        return None
    information = items.get(_TAG_CERTIFICATE_INFO, b"\x00")
    if len(information) == 1 and information[0] & _COMPRESSED:
        return _inflated(certificate)
    if len(certificate) > MAX_CERTIFICATE:
        raise UnsupportedCardError("a certificate longer than any")
    return certificate


def _inflated(compressed: bytes) -> bytes:
    """Inflate a gzip file (RFC 1952) of one certificate, whatever it says of its length."""
    inflating = zlib.decompressobj(_GZIP)
    try:
        certificate = inflating.decompress(compressed, MAX_CERTIFICATE + 1)
    except zlib.error as error:
        raise UnsupportedCardError("a compressed certificate that is damaged") from error
    if len(certificate) > MAX_CERTIFICATE:
        raise UnsupportedCardError("a compressed certificate longer than any")
    if not inflating.eof or not certificate:
        raise UnsupportedCardError("a compressed certificate that is cut short")
    return certificate


def pin_policy(discovery: bytes) -> PinPolicy:
    """Understand the Discovery Object; what makes no sense is as good as none."""
    try:
        outer = read_one(discovery)
        items = {item.tag: item.value for item in read_all(outer.value)}
    except TlvError:
        return PinPolicy()
    policy = items.get(_TAG_PIN_POLICY, b"")
    of_piv = items.get(_TAG_AID, b"").startswith(_ISSUER)
    if outer.tag != _TAG_DISCOVERY or not of_piv or len(policy) != 2:
        return PinPolicy()
    flags, primary = policy
    is_card_pin = bool(flags & _CARD_PIN_COUNTS) and primary == _CARD_PIN_IS_PRIMARY
    return PinPolicy(
        PIN_OF_CARD if is_card_pin else PIN_OF_APPLICATION, bool(flags & _NEEDS_SECURE_CHANNEL)
    )


def is_contactless(atr: bytes) -> bool:
    """Return whether an ATR is one that PC/SC makes up for a contactless card (part 3 §3.1.3.2)."""
    return len(atr) > 3 and atr[0] == 0x3B and atr[1] >> 4 == 0x8 and atr[2:4] == b"\x80\x01"
