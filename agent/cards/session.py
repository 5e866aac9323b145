"""One transaction on one card: send commands, check status words, read files.

Status words are turned into exceptions here and nowhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from agent.errors import CardError, ErrorCode, PinError, SecureChannelError, UnsupportedCardError
from agent.iso7816 import SW, CommandApdu, attempts_from_sw
from agent.secret import SecretBytes
from agent.transport.base import Connection
from agent.transport.chaining import ApduChannel

INS_READ_BINARY = 0xB0
READ_SIZE = 200  # bytes; what the vendor's own software reads at most, larger is unproven
READ_SIZE_FALLBACK = 16  # for readers that answer 6987 to more
MAX_OFFSET = 0x7FFF  # READ BINARY codes 15 bits (ISO/IEC 7816-4 §7.2.3)


def check(sw: int, doing: str) -> None:
    """Raise for any status word but 9000, of a command without a PIN.

    Raises:
        SecureChannelError: 6882, 6987, 6988: the card does not accept the protection.
        CardError: any other; code ``key_not_found`` for 6A88.

    """
    if sw == SW.SUCCESS:
        return
    detail = f"{doing}: the card answered {sw:04X}"
    if sw in (SW.SM_NOT_SUPPORTED, SW.SM_DATA_MISSING, SW.SM_DATA_INCORRECT):
        raise SecureChannelError(detail, status_word=sw)
    code = ErrorCode.KEY_NOT_FOUND if sw == SW.REFERENCE_NOT_FOUND else None
    raise CardError(detail, status_word=sw, code=code)


def check_verify(sw: int) -> None:
    """Raise for any status word of VERIFY but 9000 (ISO/IEC 7816-4 §7.5.6).

    Raises:
        PinError: ``pin_incorrect`` with the attempts left, or ``pin_locked``.
        CardError: any other status word; whether it cost an attempt is not known.

    """
    left = attempts_from_sw(sw)
    if left is None:
        check(sw, "VERIFY")
    elif left == 0:
        raise PinError("the PIN is locked", code=ErrorCode.PIN_LOCKED, attempts_left=0)
    else:
        raise PinError("the PIN is wrong", code=ErrorCode.PIN_INCORRECT, attempts_left=left)


class CardSession:
    """A transaction on a card, for its driver.

    Attributes:
        channel: the connection with response chaining.
        directory: identifier of the current directory, so that it is not selected twice; None
            for the root or not known.

    """

    def __init__(self, channel: ApduChannel) -> None:
        self.channel = channel
        self.directory: int | None = None
        self._read_size = READ_SIZE

    @classmethod
    @contextmanager
    def open(cls, connection: Connection) -> Iterator[Self]:
        """Begin a transaction; it ends with a reset, also after an error.

        Raises:
            TransportError: the card is gone or cannot be used.

        """
        connection.begin()
        try:
            yield cls(ApduChannel(connection))
        finally:
            connection.end(reset=True)

    def send(self, command: CommandApdu, doing: str) -> bytes:
        """Send a command that must succeed; return its response data.

        Args:
            command: as it goes to the card.
            doing: a description for the log, such as ``"SELECT 0903"``.

        Raises:
            CardError: any status word but 9000.

        """
        data, sw = self.channel.send(command)
        check(sw, doing)
        return data

    def verify(self, command: SecretBytes) -> None:
        """Send a VERIFY command once, and wipe it.

        Raises:
            PinError, CardError: as :func:`check_verify`.

        """
        check_verify(self.channel.send_secret(command))

    def read_binary(self, cla: int, offset: int, length: int) -> bytes:
        """Read from the current file; shorter than ``length`` only at the file's end.

        Raises:
            UnsupportedCardError: the offset is larger than READ BINARY can encode.
            CardError: the card answered with an error.

        """
        data = bytearray()
        while len(data) < length:
            wanted = min(length - len(data), self._read_size)
            piece = self._read_piece(cla, offset + len(data), wanted)
            if piece is None:
                continue
            data += piece[:wanted]
            if len(piece) < wanted:
                break
        return bytes(data)

    def _read_piece(self, cla: int, offset: int, length: int) -> bytes | None:
        if offset > MAX_OFFSET:
            raise UnsupportedCardError("a file longer than READ BINARY can address")
        command = CommandApdu(cla, INS_READ_BINARY, offset >> 8, offset & 0xFF, le=length)
        data, sw = self.channel.send(command)
        if sw == SW.SM_DATA_MISSING and length > READ_SIZE_FALLBACK:
            # Some readers answer 6987 to long reads; from now on the file comes in small pieces.
            self._read_size = READ_SIZE_FALLBACK
            return None
        if sw == SW.WRONG_OFFSET:
            return b""
        if sw != SW.END_OF_FILE:
            check(sw, "READ BINARY")
        return data
