"""Check the structure of hostile BER and DER before a parser sees it (ITU-T X.690).

Limits size, depth and number of elements, which bounds the work of any parser. For DER only one
encoding of each length and string is accepted, so that two parsers cannot read the same bytes
differently.
"""

from typing import NamedTuple

from agent.cms.errors import CmsError

# Identifier octets.
INTEGER, OCTET_STRING, NULL, OBJECT_IDENTIFIER = 0x02, 0x04, 0x05, 0x06
SEQUENCE, SET, EXPLICIT_0 = 0x30, 0x31, 0xA0
MAX_DEPTH = 32
MAX_ELEMENTS = 50_000
MAX_IDENTIFIER = 128  # octets of an OBJECT IDENTIFIER; parsers take time by their square
_BOOLEAN = 1
_STRINGS = frozenset({4, 12, *range(18, 31)})  # what BER may write in pieces; bits are left out
_EXTERNAL, _EMBEDDED_PDV, _SEQUENCE, _SET = 8, 11, 16, 17
_ALWAYS_CONSTRUCTED = frozenset({_EXTERNAL, _EMBEDDED_PDV, _SEQUENCE, _SET})
_INDEFINITE = -1
_NOT_DER = frozenset(
    first
    for first in range(0x100)
    if first & 0x1F == 0x1F  # tag numbers above 30 have no place here
    or first == 0  # end-of-contents
    or (first < 0x40 and bool(first & 0x20) != (first & 0x1F in _ALWAYS_CONSTRUCTED))
)
"""Identifier octets of constructed strings, primitive sequences and the like."""


def element(identifier: int, *contents: bytes) -> bytes:
    """Encode one DER element with its length in the shortest form (X.690 §8.1, §10.1).

    Args:
        identifier: the identifier octet; tag numbers above 30 are not needed here.
        contents: octets, or elements one after the other.

    """
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((identifier, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((identifier, 0x80 | len(octets))) + octets + content


class _Header(NamedTuple):
    first: int  # the first identifier octet: class, constructed bit, tag number
    content: int  # offset of the first content octet
    length: int  # number of content octets, or _INDEFINITE

    @property
    def constructed(self) -> bool:
        return bool(self.first & 0x20)

    @property
    def ends_contents(self) -> bool:
        return self.first == 0 and self.length == 0


def require_der(raw: bytes, *, max_size: int) -> None:
    """Refuse everything but one complete DER element: no BER forms, nothing after it.

    Args:
        raw: the bytes to check.
        max_size: the most bytes accepted.

    Raises:
        CmsError: empty, too large, truncated, followed by more bytes, too many or too deeply nested
            elements, or a length or string form that X.690 §10 forbids.

    """
    if not 0 < len(raw) <= max_size:
        raise CmsError("empty or too large")
    if _span(raw, 0, len(raw))[2] != len(raw):
        raise CmsError("something follows the message")
    ends = [len(raw)]  # of what is open, from the outside in
    position = elements = 0
    while ends:
        first, content, end = _span(raw, position, ends[-1])
        elements += 1
        position = end
        if first & 0x20:
            ends.append(end)
            position = content
        elif first == OBJECT_IDENTIFIER and end - content > MAX_IDENTIFIER:
            raise CmsError("an object identifier without end")
        while ends and ends[-1] == position:
            ends.pop()
        if len(ends) > MAX_DEPTH + 1 or elements > MAX_ELEMENTS:
            raise CmsError("nested too deep or divided too often")


def require_ber(raw: bytes, *, max_size: int) -> None:
    """Refuse everything but one complete BER element; indefinite lengths are accepted.

    Args:
        raw: the bytes to check.
        max_size: the most bytes accepted.

    Raises:
        CmsError: empty, too large, truncated, followed by more bytes, or too many or too deeply
            nested elements.

    """
    _Walk(raw).run(max_size)


def to_der(raw: bytes) -> bytes:
    """Encode an element anew as DER wants it: definite lengths, whole strings, sorted sets.

    Only what shows without the element's schema is changed; a DEFAULT that is written out stays.

    Args:
        raw: one element that :func:`require_ber` has found good, or a part of such a one.

    Raises:
        CmsError: something in pieces that is not made of octets or characters.

    """
    return _Walk(raw).rewrite(0)[0]


def octets(encoded: bytes, *, tag: int) -> bytes:
    """Read an OCTET STRING in DER with an implicit tag, or one in pieces of definite length.

    Args:
        encoded: the whole element.
        tag: its number in the context class.

    Raises:
        CmsError: it has another tag, or is made of something else.

    """
    content = contents(encoded)
    if encoded[0] == 0x80 | tag:
        return content
    if encoded[0] != EXPLICIT_0 | tag:
        raise CmsError("another tag than that of the octets")
    pieces = children(encoded)
    if any(piece[0] != OCTET_STRING for piece in pieces):
        raise CmsError("octets in pieces that are none")
    return b"".join(map(contents, pieces))


def children(encoded: bytes) -> list[bytes]:
    """Return what a constructed element in DER is made of, each of it whole.

    Raises:
        CmsError: that is not made of elements.

    """
    _, position, end = _span(encoded, 0, len(encoded))
    if end != len(encoded):
        raise CmsError("something follows an element")
    found = []
    while position < end:
        following = _span(encoded, position, end)[2]
        found.append(encoded[position:following])
        position = following
    return found


def fields(encoded: bytes, *form: int) -> list[bytes]:
    """Take a SEQUENCE in DER apart whose elements stand in one order.

    Args:
        encoded: the whole element.
        form: the identifier octet of each; below zero for one that may be missing.

    Returns:
        Each element whole, in the order of ``form``; empty for one that is missing.

    Raises:
        CmsError: it is no SEQUENCE, or of another form.

    """
    present = children(encoded)
    if encoded[0] != SEQUENCE:
        raise CmsError("a structure that is none")
    found, taken = [], 0
    for identifier in form:
        if taken < len(present) and present[taken][0] == abs(identifier):
            found.append(present[taken])
            taken += 1
        elif identifier < 0:
            found.append(b"")
        else:
            raise CmsError("a field of a structure is missing")
    if taken < len(present):
        raise CmsError("something follows the last field of a structure")
    return found


def contents(encoded: bytes) -> bytes:
    """Return the content octets of an element of definite length."""
    length = encoded[1]
    return encoded[2:] if length < 0x80 else encoded[2 + (length & 0x7F) :]


def _span(raw: bytes, position: int, limit: int) -> tuple[int, int, int]:
    """Return the identifier octet of an element in DER, where its contents begin and where it ends.

    Args:
        raw: the element is a part of it.
        position: offset of the element.
        limit: offset that it must not go beyond.

    """
    content = position + 2
    if content > limit:
        raise CmsError("cut short")
    first, length = raw[position], raw[position + 1]
    if first in _NOT_DER:
        raise CmsError("end-of-contents, constructed string or primitive sequence")
    if length >= 0x80:
        count = length & 0x7F
        content += count
        if not 1 <= count <= 4 or content > limit:
            raise CmsError("indefinite or absurd length")
        length = int.from_bytes(raw[content - count : content], "big")
        if length < 0x80 or length < 1 << 8 * (count - 1):
            raise CmsError("length not in its shortest form")
    if content + length > limit:
        raise CmsError("cut short")
    return first, content, content + length


class _Walk:
    """One pass over the headers of all elements of BER, without recursion."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def run(self, max_size: int) -> None:
        if not 0 < len(self.raw) <= max_size:
            raise CmsError("empty or too large")
        # Ends of the constructed elements that are open; _INDEFINITE waits for end-of-contents.
        open_ends: list[int] = []
        position = elements = 0
        while position < len(self.raw):
            if elements and not open_ends:
                raise CmsError("something follows the message")
            elements += 1
            limit = next((end for end in reversed(open_ends) if end >= 0), len(self.raw))
            position = self._step(position, limit, open_ends)
            while open_ends and open_ends[-1] == position:
                open_ends.pop()
            if len(open_ends) > MAX_DEPTH or elements > MAX_ELEMENTS:
                raise CmsError("nested too deep or divided too often")
        if open_ends:
            raise CmsError("cut short")

    def rewrite(self, position: int) -> tuple[bytes, int]:
        """Return the element at ``position`` in DER, and where the next one begins."""
        header = self.header(position, len(self.raw))
        position = header.content
        if not header.constructed:
            content = self.raw[position : position + header.length]
            if header.first == _BOOLEAN and content != b"\x00":
                content = b"\xff"
            return element(header.first, content), position + header.length
        parts: list[bytes] = []
        end = header.content + header.length
        while header.length == _INDEFINITE or position < end:
            following = self.header(position, len(self.raw))
            if header.length == _INDEFINITE and following.ends_contents:
                end = following.content
                break
            part, position = self.rewrite(position)
            parts.append(part)
        return _constructed(header.first, parts), end

    def _step(self, position: int, limit: int, open_ends: list[int]) -> int:
        header = self.header(position, limit)
        if header.ends_contents and open_ends and open_ends[-1] == _INDEFINITE:
            open_ends.pop()
            return header.content
        if header.length == _INDEFINITE:
            open_ends.append(_INDEFINITE)
            return header.content
        end = header.content + header.length
        if end > limit:
            raise CmsError("cut short")
        if header.first == OBJECT_IDENTIFIER and header.length > MAX_IDENTIFIER:
            raise CmsError("an object identifier without end")
        if not header.constructed:
            return end
        open_ends.append(end)
        return header.content

    def header(self, position: int, limit: int) -> _Header:
        if position + 2 > limit:
            raise CmsError("cut short")
        first, form = self.raw[position], self.raw[position + 1]
        position += 2
        if first & 0x1F == 0x1F:
            raise CmsError("tag numbers above 30 have no place here")
        if form < 0x80:
            return _Header(first, position, form)
        if form == 0x80:
            if not first & 0x20:
                raise CmsError("indefinite length")
            return _Header(first, position, _INDEFINITE)
        count = form & 0x7F
        if count > 4 or position + count > limit:
            raise CmsError("absurd length")
        length = int.from_bytes(self.raw[position : position + count], "big")
        return _Header(first, position + count, length)


def _constructed(first: int, parts: list[bytes]) -> bytes:
    """Encode a constructed element of parts that are DER."""
    number = first & 0x1F
    if first == SET:
        parts.sort()
    if first & 0xC0 or number in _ALWAYS_CONSTRUCTED:
        return element(first, *parts)
    if number not in _STRINGS:
        raise CmsError("something in pieces that is no string of octets")
    return element(number, *map(contents, parts))
