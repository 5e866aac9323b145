"""Command APDUs (ISO/IEC 7816-4 §5.1): the short form, which every card takes, and the extended."""

from dataclasses import dataclass
from typing import Self

HEADER_LENGTH = 4
MAX_DATA = 255  # Lc is one byte
MAX_LE = 256  # coded 00
MAX_EXTENDED_DATA = 0xFFFF  # Lc is two bytes after a zero
MAX_EXTENDED_LE = 0x10000  # coded 0000


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


@dataclass(frozen=True, slots=True)
class ExtendedApdu(CommandApdu):
    """One command with extended length fields; only for a card that says that it takes them.

    Attributes are those of the short form, with 0 to 65535 bytes of data and an ``le`` of 1 to
    65536. At least one of the two has to be there: a bare header is the same in both forms.

    """

    def __post_init__(self) -> None:
        """Refuse what cannot be encoded.

        Raises:
            CommandFormatError: a field is out of its range, or there is no length to be extended.

        """
        CommandApdu(self.cla, self.ins, self.p1, self.p2)
        if len(self.data) > MAX_EXTENDED_DATA:
            raise CommandFormatError("more than 65535 data bytes")
        if self.le is not None and not 1 <= self.le <= MAX_EXTENDED_LE:
            raise CommandFormatError("Le is not between 1 and 65536")
        if not self.data and self.le is None:
            raise CommandFormatError("no length that could be extended")

    def encode(self) -> bytes:
        """Return the command as ISO case 2E, 3E or 4E; 7 to 65544 bytes."""
        parts = [bytes((self.cla, self.ins, self.p1, self.p2, 0))]
        if self.data:
            parts += [len(self.data).to_bytes(2, "big"), self.data]
        if self.le is not None:
            parts.append((self.le % MAX_EXTENDED_LE).to_bytes(2, "big"))
        return b"".join(parts)

    @classmethod
    def is_form_of(cls, raw: bytes) -> bool:
        """Return whether a command can be none of the short form: its length begins with zero."""
        return len(raw) > HEADER_LENGTH + 1 and raw[HEADER_LENGTH] == 0

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Parse a command APDU with extended length fields, as a card does.

        Raises:
            CommandFormatError: it has no such fields, or they do not match the length.

        """
        if not cls.is_form_of(raw) or len(raw) < HEADER_LENGTH + 3:
            raise CommandFormatError("no extended length fields")
        (cla, ins, p1, p2), body = raw[:HEADER_LENGTH], raw[HEADER_LENGTH + 1 :]
        length = int.from_bytes(body[:2], "big")
        if len(body) == 2:
            return cls(cla, ins, p1, p2, le=length or MAX_EXTENDED_LE)
        data, rest = body[2 : 2 + length], body[2 + length :]
        if length == 0 or len(data) != length or len(rest) not in (0, 2):
            raise CommandFormatError("Lc does not fit the body")
        le = (int.from_bytes(rest, "big") or MAX_EXTENDED_LE) if rest else None
        return cls(cla, ins, p1, p2, data, le)
