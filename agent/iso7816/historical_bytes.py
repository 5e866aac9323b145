"""What a card says of itself in the historical bytes of its ATR (ISO/IEC 7816-4 §8.1.1).

PC/SC puts those of a contactless card, from its ATS, into an ATR that it makes up (part 3
§3.1.3.2.3.1), so that they are found alike. Hostile input: what makes no sense promises nothing.
"""

from typing import Final

_INTERFACE_FLAGS: Final = (0x10, 0x20, 0x40, 0x80)  # of TA, TB, TC, TD; the last one goes on
_STATUS_LENGTH: Final = 3  # bytes at the end where the category indicator is 00
_CAPABILITIES: Final = 0x7
_EXTENDED_LENGTH: Final = 0x40  # b7 of the third software function table


def takes_extended_length(atr: bytes) -> bool:
    """Return whether a card promises to take commands with extended length fields.

    Args:
        atr: as PC/SC has it, 0 to 33 bytes.

    """
    content = _compact_objects(_historical_bytes(atr))
    while content:
        tag, length = content[0] >> 4, content[0] & 0x0F
        value, content = content[1 : 1 + length], content[1 + length :]
        if tag == _CAPABILITIES and length == len(value) == 3:
            return bool(value[2] & _EXTENDED_LENGTH)
    return False


def _historical_bytes(atr: bytes) -> bytes:
    """Return them (ISO/IEC 7816-3 §8.2); none where the ATR is cut short."""
    if len(atr) < 2:
        return b""
    count, position, flags = atr[1] & 0x0F, 2, atr[1]
    while True:
        position += sum(bool(flags & flag) for flag in _INTERFACE_FLAGS)
        if not flags & _INTERFACE_FLAGS[-1]:
            break
        if position > len(atr):
            return b""
        flags = atr[position - 1]
    found = atr[position : position + count]
    return found if len(found) == count else b""


def _compact_objects(historical: bytes) -> bytes:
    """Return the COMPACT-TLV data objects among them; other forms are a maker's own."""
    category, rest = historical[:1], historical[1:]
    if category == b"\x80":
        return rest
    return rest[:-_STATUS_LENGTH] if category == b"\x00" else b""
