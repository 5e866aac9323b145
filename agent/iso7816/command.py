"""Command APDUs (ISO/IEC 7816-4 §5.1, short form only: no card here needs the extended one)."""

from dataclasses import dataclass
from typing import Self

HEADER_LENGTH = 4
MAX_DATA = 255  # Lc is one byte
MAX_LE = 256  # coded 00


class CommandFormatError(ValueError):
    """The bytes are not a short command APDU."""


@dataclass(frozen=True, slots=True)
class CommandApdu:
    """One command to a card.

    Attributes:
        cla, ins, p1, p2: the header, 0 to 255 each.
        data: the command data field, 0 to 255 bytes.
        le: how many response bytes are expected at most, 1 to 256; None for none.

    """

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be encoded.

        Raises:
            CommandFormatError: a field is out of its range.

        """
        for value in (self.cla, self.ins, self.p1, self.p2):
            if not 0 <= value <= 0xFF:
                raise CommandFormatError("a header byte is not a byte")
        if len(self.data) > MAX_DATA:
            raise CommandFormatError("more than 255 data bytes")
        if self.le is not None and not 1 <= self.le <= MAX_LE:
            raise CommandFormatError("Le is not between 1 and 256")

    def encode(self) -> bytes:
        """Return the command as ISO case 1, 2, 3 or 4; 4 to 261 bytes."""
        parts = [bytes((self.cla, self.ins, self.p1, self.p2))]
        if self.data:
            parts += [bytes((len(self.data),)), self.data]
        if self.le is not None:
            parts.append(bytes((self.le % MAX_LE,)))
        return b"".join(parts)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Parse a short command APDU, as a card does.

        Raises:
            CommandFormatError: shorter than a header, or Lc does not match the length.

        """
        if len(raw) < HEADER_LENGTH:
            raise CommandFormatError("shorter than a header")
        (cla, ins, p1, p2), body = raw[:HEADER_LENGTH], raw[HEADER_LENGTH:]
        if not body:
            return cls(cla, ins, p1, p2)
        if len(body) == 1:
            return cls(cla, ins, p1, p2, le=body[0] or MAX_LE)
        length = body[0]
        data, rest = body[1 : 1 + length], body[1 + length :]
        if length == 0 or len(data) != length or len(rest) > 1:
            raise CommandFormatError("Lc does not fit the body")
        return cls(cla, ins, p1, p2, data, (rest[0] or MAX_LE) if rest else None)

    def __repr__(self) -> str:
        """Show the header and the lengths only: a data field may carry a PIN."""
        head = f"{self.cla:02X} {self.ins:02X} {self.p1:02X} {self.p2:02X}"
        return f"CommandApdu({head}, {len(self.data)} data bytes, le={self.le})"
