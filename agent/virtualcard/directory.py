"""The PKCS#15 directory files of the card (ISO/IEC 7816-15), as its generation writes them.

They hold what is known of real cards and what the standard demands beside it, and no other
optional element: a reader that handles real cards only may take one for something else.
"""

from collections.abc import Iterable

from agent.iso7816.tlv import encode
from agent.virtualcard.model import ID_SIGN, CardKey, VirtualCertificate
from agent.virtualcard.rsa_key import MODULUS_BITS

SLOT = 0x700  # bytes between the starts of two certificates on real cards
BLOCK = 0x100  # directory files are padded to a multiple of this
AUTH_ID = b"\x01"  # of the PIN
PIN_REFERENCE = 1
LABEL = "HiCOS PKI Smart Card"
MANUFACTURER = "Chunghwa Telecom Co., Ltd."

_SEQUENCE, _OCTETS, _BITS, _INTEGER = 0x30, 0x04, 0x03, 0x02
_UTF8, _ENUMERATED = 0x0C, 0x0A
_TYPE = 0xA1
_PRIVATE, _MODIFIABLE = 0, 1  # CommonObjectFlags
_ENCRYPT, _DECRYPT, _SIGN, _WRAP, _UNWRAP, _VERIFY = 0, 1, 2, 4, 5, 6  # KeyUsageFlags
_LOGIN_REQUIRED = 1  # TokenFlags
_LOCAL_PIN, _INITIALIZED, _NEEDS_PADDING = 1, 4, 5  # PinFlags


def certificate_offsets(certificates: Iterable[VirtualCertificate]) -> list[int]:
    """Return the offsets of the certificates, each at the start of its own slot."""
    offsets, position = [], 0
    for certificate in certificates:
        offsets.append(position)
        position += -(-len(certificate.der) // SLOT) * SLOT
    return offsets


def certificate_directory(root: bytes, certificates: tuple[VirtualCertificate, ...]) -> bytes:
    """Build the CDF; the signing certificate first, so that one short read finds it."""
    path = root + bytes.fromhex("503008F2")
    placed = list(zip(certificates, certificate_offsets(certificates), strict=True))
    placed.sort(key=lambda item: item[0].id != ID_SIGN)
    return _padded(_certificate_entry(path, item, offset) for item, offset in placed)


def _certificate_entry(path: bytes, certificate: VirtualCertificate, offset: int) -> bytes:
    common = _seq(_text(certificate.label), _bits(_MODIFIABLE))
    place = _seq(
        encode(_OCTETS, path),
        _integer(offset),
        encode(0x80, _number(len(certificate.der))),
    )
    return _seq(common, _seq(encode(_OCTETS, certificate.id)), encode(_TYPE, _seq(place)))


def private_key_directory(root: bytes, keys: tuple[CardKey, ...]) -> bytes:
    """Build the PrKDF: every key behind the PIN."""
    return _padded(_private_key_entry(root, key) for key in keys)


def _private_key_entry(root: bytes, key: CardKey) -> bytes:
    usage = (_SIGN,) if key.id == ID_SIGN else (_DECRYPT, _UNWRAP)
    return _seq(
        _seq(_text(key.label), _bits(_PRIVATE), encode(_OCTETS, AUTH_ID)),
        _seq(
            encode(_OCTETS, key.id),
            _bits(*usage),
            _integer(key.reference),
        ),
        encode(_TYPE, _seq(_key_path(root), _integer(MODULUS_BITS))),
    )


def public_key_directory(root: bytes, keys: tuple[CardKey, ...]) -> bytes:
    """Build the PuKDF, which names the records of 0810/0811."""
    return _padded(_public_key_entry(root, key) for key in keys)


def _public_key_entry(root: bytes, key: CardKey) -> bytes:
    usage = (_VERIFY,) if key.id == ID_SIGN else (_ENCRYPT, _WRAP)
    return _seq(
        _seq(_text(key.label), _bits(_MODIFIABLE)),
        _seq(
            encode(_OCTETS, key.id),
            _bits(*usage),
            _integer(key.reference),
        ),
        encode(_TYPE, _seq(_key_path(root), _integer(MODULUS_BITS))),
    )


def _key_path(root: bytes) -> bytes:
    return _seq(encode(_OCTETS, root + bytes.fromhex("503008100811")))


def pin_directory(root: bytes) -> bytes:
    """Build the AODF: one PIN of 6 to 8 characters, stored as 10 bytes padded with FF."""
    attributes = _seq(
        _bits(_LOCAL_PIN, _INITIALIZED, _NEEDS_PADDING),
        encode(_ENUMERATED, b"\x01"),  # ascii-numeric
        _integer(6),
        _integer(10),
        _integer(8),
        encode(0x80, _number(PIN_REFERENCE)),
        encode(_OCTETS, b"\xff"),
        _seq(encode(_OCTETS, root + bytes.fromhex("50300810"))),
    )
    common = _seq(_text("PIN"), _bits(_PRIVATE, _MODIFIABLE))
    return _padded([_seq(common, _seq(encode(_OCTETS, AUTH_ID)), encode(_TYPE, attributes))])


def data_directory() -> bytes:
    """Build the DODF: the card carries no data objects."""
    return _padded([])


def token_info(serial: str) -> bytes:
    """Build the TokenInfo (ISO/IEC 7816-15 §8.2.11)."""
    return _seq(
        _integer(0),
        encode(_OCTETS, serial.encode("ascii")),
        _text(MANUFACTURER),
        encode(0x80, LABEL.encode()),
        _bits(_LOGIN_REQUIRED),
    )


def _padded(entries: Iterable[bytes]) -> bytes:
    """Concatenate, fill up with zeros, and note the content's length in the last two bytes."""
    content = b"".join(entries)
    size = -(-(len(content) + 2) // BLOCK) * BLOCK
    return content.ljust(size - 2, b"\x00") + len(content).to_bytes(2, "little")


def _seq(*parts: bytes) -> bytes:
    return encode(_SEQUENCE, b"".join(parts))


def _text(text: str) -> bytes:
    return encode(_UTF8, text.encode())


def _number(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big")  # one sign bit, never negative


def _integer(value: int) -> bytes:
    return encode(_INTEGER, _number(value))


def _bits(*positions: int) -> bytes:
    """Encode a named BIT STRING (X.690 §11.2.2): bit 0 is the leftmost, no trailing zero bits."""
    last = max(positions)
    size = last // 8 + 1
    value = sum(1 << (size * 8 - 1 - position) for position in positions)
    return encode(_BITS, bytes((size * 8 - 1 - last,)) + value.to_bytes(size, "big"))
