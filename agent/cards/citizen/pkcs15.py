"""The directory files (PKCS#15 / ISO/IEC 7816-15: CDF, PrKDF) as these cards keep them.

A directory file is a sequence of DER SEQUENCEs, padded with 00 or FF; its last two bytes are the
length of the content. Every value is checked: cards are hostile input.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.errors import UnsupportedCardError
from agent.harmless import printable
from agent.iso7816.tlv import Tlv, TlvError, TlvIncompleteError, read_all, read_one

ID_CA = b"CACert"
ID_ROOT = b"ROOTCACert"

MAX_DIRECTORY = 0x2000  # bytes; real ones have a few hundred
MAX_ENTRIES = 256  # a real directory has about four
MAX_CERTIFICATE = 0x1000  # bytes; real ones have about 1500
_TAG_SEQUENCE = 0x30
_TAG_OCTET_STRING = 0x04
_TAG_INTEGER = 0x02
_TAG_UTF8 = 0x0C
_TAG_TYPE_ATTRIBUTES = 0xA1
_TAG_LENGTH = 0x80
_PADDING = (0x00, 0xFF)
_CONTENT_LENGTH = 2  # bytes at the end of a directory file


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """Where one certificate is stored.

    Attributes:
        id: PKCS#15 identifier, 1 to 255 bytes.
        label: UTF-8 text of the directory, control characters taken out.
        path: file identifiers from the root, two bytes each.
        offset: first byte in the file, 0 to 32767.
        length: bytes, 1 to 4096.

    """

    id: bytes
    label: str
    path: bytes
    offset: int
    length: int

    @property
    def shown_id(self) -> str:
        """The identifier for a log, which the label is not: that may be the holder's name."""
        return printable(self.id.decode("ascii", "replace"))


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A private key of the card.

    Attributes:
        id: PKCS#15 identifier, 1 to 255 bytes.
        reference: how commands name the key, 0 to 255.

    """

    id: bytes
    reference: int


def read_directory(read: Callable[[int], bytes]) -> Iterator[Tlv]:
    """Read a directory file entry by entry, as far as the caller iterates.

    Args:
        read: gives some bytes of the file from an offset on; none only at its end.

    Raises:
        UnsupportedCardError: the file has not even padding, cannot be understood, ends inside an
            entry, or is longer than 8192 bytes or 256 entries.

    """
    file = _GrowingFile(read)
    offset = 0
    for _ in range(MAX_ENTRIES):
        item = file.item_at(offset)
        if item is None:
            return
        offset += item.size
        if item.value:  # what is empty is the content's length at the end of the file
            yield item
    raise UnsupportedCardError("too many directory entries")


class _GrowingFile:
    """A directory file of which only the beginning has been read so far."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._raw = b""
        self._ended = False

    def item_at(self, offset: int) -> Tlv | None:
        """Return the data object at ``offset``; None at the padding or the end of the file."""
        while not (offset < len(self._raw) and self._raw[offset] in _PADDING):
            try:
                return read_one(self._raw, offset)
            except TlvIncompleteError as error:
                if self._ended:
                    if not self._raw:
                        raise UnsupportedCardError("a directory file without content") from error
                    self._require_tail(offset)
                    return None
                self._grow(error.missing)
            except TlvError as error:
                if self._is_tail(offset):
                    return None
                raise UnsupportedCardError("nonsense in a directory file") from error
        return None

    def _require_tail(self, offset: int) -> None:
        if not self._is_tail(offset):
            raise UnsupportedCardError("a directory file that ends inside an entry")

    def _is_tail(self, offset: int) -> bool:
        """Return whether nothing but the content's length is left, which is no data object."""
        while not self._ended and len(self._raw) - offset <= _CONTENT_LENGTH:
            self._grow(1)
        return len(self._raw) - offset <= _CONTENT_LENGTH

    def _grow(self, missing: int) -> None:
        if len(self._raw) + missing > MAX_DIRECTORY:
            raise UnsupportedCardError("directory file without end")
        more = self._read(len(self._raw))
        self._ended = not more
        self._raw += more


def parse_certificate_entry(item: Tlv) -> CertificateEntry:
    """Parse one CDF entry.

    Raises:
        UnsupportedCardError: it is not a certificate entry, or its path is impossible.

    """
    try:
        common, class_attributes, typed = _three_parts(item)
        label = next((t.value for t in read_all(common.value) if t.tag == _TAG_UTF8), b"")
        identifier = next(t.value for t in read_all(class_attributes.value))
        path = _find_path(typed)
    except (TlvError, StopIteration, ValueError) as error:
        raise UnsupportedCardError("nonsense in a directory entry") from error
    return _checked_entry(identifier, label, path)


def _three_parts(item: Tlv) -> tuple[Tlv, Tlv, Tlv]:
    if item.tag != _TAG_SEQUENCE:
        raise UnsupportedCardError("a directory entry is not a SEQUENCE")
    parts = list(read_all(item.value))
    typed = [part for part in parts if part.tag == _TAG_TYPE_ATTRIBUTES]
    if len(parts) < 3 or not typed:
        raise UnsupportedCardError("a directory entry lacks a part")
    return parts[0], parts[1], typed[0]


def _find_path(typed: Tlv) -> list[Tlv]:
    # PKCS#15 wraps the path in a SEQUENCE or two; the innermost starts with an OCTET STRING.
    inner = list(read_all(typed.value))
    for _ in range(4):
        if inner and inner[0].tag == _TAG_OCTET_STRING:
            return inner
        if not inner or inner[0].tag != _TAG_SEQUENCE:
            break
        inner = list(read_all(inner[0].value))
    raise UnsupportedCardError("a directory entry has no path")


def _checked_entry(identifier: bytes, label: bytes, path: list[Tlv]) -> CertificateEntry:
    numbers = {item.tag: int.from_bytes(item.value, "big") for item in path[1:3]}
    entry = CertificateEntry(
        id=identifier,
        label=label.decode("utf-8", "replace"),
        path=path[0].value,
        offset=numbers.get(_TAG_INTEGER, 0),
        length=numbers.get(_TAG_LENGTH, 0),
    )
    if not identifier or len(entry.path) < 2 or len(entry.path) % 2:
        raise UnsupportedCardError("a directory entry without id or path")
    if not 0 < entry.length <= MAX_CERTIFICATE or entry.offset + entry.length > 0x8000:
        raise UnsupportedCardError("a directory entry points nowhere")
    return entry


def parse_key_entry(item: Tlv) -> KeyEntry:
    """Parse one PrKDF entry (ISO/IEC 7816-15 §8.4), as far as it says how commands name the key.

    Raises:
        UnsupportedCardError: it is not a key entry, or has no reference of one byte.

    """
    try:
        if item.tag != _TAG_SEQUENCE:
            raise UnsupportedCardError("a directory entry is not a SEQUENCE")
        _common, class_attributes, *_ = read_all(item.value)
        identifier, *others = read_all(class_attributes.value)
        reference = next(part.value for part in others if part.tag == _TAG_INTEGER)
    except (TlvError, StopIteration, ValueError) as error:
        raise UnsupportedCardError("nonsense in a directory entry") from error
    number = int.from_bytes(reference, "big")
    if identifier.tag != _TAG_OCTET_STRING or not identifier.value or number > 0xFF:
        raise UnsupportedCardError("a key entry without id or reference")
    return KeyEntry(identifier.value, number)
