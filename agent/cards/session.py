"""One transaction on one card: send commands, check status words, read files.

Status words are turned into exceptions here and nowhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

from agent.errors import CardError, ErrorCode, PinError, SecureChannelError, UnsupportedCardError
from agent.iso7816 import SW, CommandApdu, attempts_from_sw, correct_le
from agent.iso7816.command import MAX_LE
from agent.secret import SecretBytes
from agent.transport.base import Connection
from agent.transport.chaining import ApduChannel

INS_READ_BINARY = 0xB0
READ_SIZES: Final = (256, 200, 128, 64, 16)
"""Bytes to ask for in one READ BINARY, largest first.

256 is what a short APDU can carry, 200 what the vendor's own software asks for; there are readers
that carry 128 or 16.
"""
_TOO_LONG: Final = frozenset({SW.WRONG_LENGTH, SW.SM_DATA_MISSING})
"""How cards and readers refuse a read that is too long for them, beside 6Cxx."""
_REFUSALS_BELIEVED: Final = 2  # one refusal may be a fault that does not come again
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


class ReadLimit:
    """How many bytes one reader gets from one kind of card at a time, as far as it was seen.

    Attributes:
        takes_extended: whether nothing has refused commands of extended length.

    """

    def __init__(self) -> None:
        self.takes_extended = True
        self._refusals = dict.fromkeys(READ_SIZES, 0)

    @property
    def size(self) -> int:
        """The largest of :data:`READ_SIZES` that was not refused twice."""
        allowed = (size for size, times in self._refusals.items() if times < _REFUSALS_BELIEVED)
        return next(allowed, READ_SIZES[-1])

    def refuse(self, size: int) -> None:
        """Note that so many bytes were refused, in one transaction."""
        if size in self._refusals:
            self._refusals[size] += 1

    def accept(self, size: int) -> None:
        """Note that so many bytes came."""
        if size in self._refusals:
            self._refusals[size] = 0


class CardSession:
    """A transaction on a card, for its driver.

    Attributes:
        channel: the connection with response chaining.
        directory: identifier of the current directory, so that it is not selected twice; None
            for the root or not known.
        pin_sent: whether a PIN may have reached the card.

    """

    def __init__(self, channel: ApduChannel, limit: ReadLimit) -> None:
        self.channel = channel
        self.directory: int | None = None
        self.pin_sent = False
        self._limit = limit
        self._read_size = limit.size

    @property
    def reader(self) -> str:
        """The name of the reader that the card is in."""
        return self.channel.connection.reader

    @property
    def reads_longest(self) -> bool:
        """Whether nothing has refused the longest reads so far."""
        return self._read_size == READ_SIZES[0]

    @classmethod
    @contextmanager
    def open(cls, connection: Connection, limit: ReadLimit | None = None) -> Iterator[Self]:
        """Begin a transaction; it ends with a reset, also after an error.

        Args:
            connection: to the card.
            limit: of its reader and its kind; None where nothing is read.

        Raises:
            TransportError: the card is gone or cannot be used.

        """
        connection.begin()
        try:
            yield cls(ApduChannel(connection), limit or ReadLimit())
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
        self.pin_sent = True
        check_verify(self.channel.send_secret(command))

    def read_binary(self, cla: int, offset: int, length: int) -> bytes:
        """Read from the current file; fewer bytes than ``length`` only where it has no more.

        A response that is shorter than what was asked for does not end the file, whatever its
        status word: there are readers and cards that cut responses short. An empty one does,
        where nothing less can be asked for.

        Raises:
            UnsupportedCardError: the offset is larger than READ BINARY can encode.
            CardError: the card answered with an error.

        """
        data = bytearray()
        while len(data) < length:
            piece = self._read_piece(cla, offset + len(data), length - len(data))
            if not piece:
                break
            data += piece
        return bytes(data)

    def read_file(self, cla: int, offset: int) -> bytes:
        """Read once from the current file, as much as goes; empty at its end.

        Raises:
            UnsupportedCardError, CardError: as :meth:`read_binary`.

        """
        return self._read_piece(cla, offset, self._read_size)

    def _read_piece(self, cla: int, offset: int, length: int) -> bytes:
        if offset > MAX_OFFSET:
            raise UnsupportedCardError("a file longer than READ BINARY can address")
        while True:
            wanted = min(length, self._read_size)
            command = CommandApdu(cla, INS_READ_BINARY, offset >> 8, offset & 0xFF, le=wanted)
            before = self.channel.commands
            data, sw = self.channel.send(command)
            if sw == SW.WRONG_OFFSET:
                return b""
            if sw in (SW.SUCCESS, SW.END_OF_FILE):
                if not data and self._shrink(wanted):
                    continue  # there are readers that give nothing at all of what is too long
                self._learn(wanted, len(data), self.channel.commands - before)
                return data[:wanted]
            if not (sw in _TOO_LONG or correct_le(sw)) or not self._shrink(wanted):
                check(sw, "READ BINARY")

    def _learn(self, wanted: int, received: int, commands: int) -> None:
        if received >= wanted:
            self._limit.accept(wanted)
        elif commands > 1 and received >= READ_SIZES[-1]:
            # 6Cxx said how much it gives: asking for that at once spares a command each time.
            self._shrink(wanted, received)

    def _shrink(self, refused: int, fits: int = MAX_LE) -> bool:
        """Ask for less from now on; return False where there is nothing less to ask for."""
        smaller = [size for size in READ_SIZES if size < refused and size <= fits]
        if not smaller:
            return False
        for size in READ_SIZES:
            if smaller[0] < size <= refused:
                self._limit.refuse(size)
        self._read_size = smaller[0]
        return True
