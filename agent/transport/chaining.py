"""Response chaining for every kind of connection: 61xx, 6Cxx, and a count of the commands.

T=0 readers return these status words instead of the response (ISO/IEC 7816-4 §5.3.4); a T=1 reader
may be behind a converter that does so too.
"""

from dataclasses import replace

from agent.errors import CardError
from agent.iso7816 import CommandApdu, bytes_available, correct_le
from agent.secret import SecretBytes
from agent.transport.base import Connection

INS_GET_RESPONSE = 0xC0
MAX_RESPONSE = 0x10000  # no response of these cards is longer
MAX_ROUNDS = 260  # of GET RESPONSE for one command, each of one byte or more
_CLA_PLAIN = 0xF3  # takes the secure-messaging bits out (ISO/IEC 7816-4 §5.4.1)


class ApduChannel:
    """A connection to a card, with response chaining.

    Attributes:
        commands: command APDUs sent so far, GET RESPONSE included.

    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.commands = 0

    def send(self, command: CommandApdu, enough: int | None = None) -> tuple[bytes, int]:
        """Send a command and collect its whole response: data, and a status word not 61xx, 6Cxx.

        Args:
            command: as it goes to the card.
            enough: after so many bytes the rest is left with the card, and the status word is
                61xx; None for all.

        Raises:
            CardError: the response is longer than 64 KiB, or comes in more than 260 pieces.
            TransportError: as :meth:`agent.transport.base.Connection.transmit`.

        """
        if command.data and self.connection.protocol == "T=0":
            # T=0 cannot carry data both ways (ISO/IEC 7816-3 §12.2.5): the card says 61xx instead
            command = replace(command, le=None)
        data, sw = self._transmit(command.encode())
        wanted = correct_le(sw)
        if wanted is not None:
            data, sw = self._transmit(replace(command, le=wanted).encode())
        return self._collect(command.cla, data, sw, MAX_RESPONSE if enough is None else enough)

    def send_secret(self, command: SecretBytes) -> int:
        """Send a whole command APDU that carries a PIN, once, and wipe it; return the status word.

        It is never sent again, whatever the card answers: a repeated VERIFY may cost an attempt.

        Raises:
            TransportError: as :meth:`agent.transport.base.Connection.transmit`.

        """
        with command:
            self.commands += 1
            return self.connection.transmit(command.buffer)[1]

    def _transmit(self, command: bytes) -> tuple[bytes, int]:
        self.commands += 1
        return self.connection.transmit(command)

    def _collect(self, cla: int, data: bytes, sw: int, enough: int) -> tuple[bytes, int]:
        collected = bytearray(data)
        for _ in range(MAX_ROUNDS):
            available = bytes_available(sw)
            if available is None or enough <= len(collected) < MAX_RESPONSE:
                return bytes(collected), sw
            fetch = CommandApdu(cla & _CLA_PLAIN, INS_GET_RESPONSE, 0, 0, le=available)
            data, sw = self._transmit(fetch.encode())
            wanted = correct_le(sw)
            if wanted is not None:
                fetch = CommandApdu(cla & _CLA_PLAIN, INS_GET_RESPONSE, 0, 0, le=wanted)
                data, sw = self._transmit(fetch.encode())
            collected += data
            if len(collected) > MAX_RESPONSE:
                break
        raise CardError("response chaining without end")
