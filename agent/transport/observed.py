"""A connection that remembers the last command and the last answer, for log and timeouts."""

import time

from agent.transport.base import Connection

_HEADER_LENGTH = 4


class ObservedConnection:
    """Passes everything on; see :class:`agent.transport.base.Connection`.

    Attributes:
        commands: how many commands were sent, GET RESPONSE included.
        header: class, instruction and parameters of the last one, in hexadecimal; never its data.
        status_word: what the card answered to it; None before an answer came.
        answered_at: when the last answer came, or the connection was opened; time.monotonic().

    """

    def __init__(self, inner: Connection) -> None:
        self._inner = inner
        self.commands = 0
        self.header = ""
        self.status_word: int | None = None
        self.answered_at = time.monotonic()

    @property
    def reader(self) -> str:
        """The name of the reader that the card is in."""
        return self._inner.reader

    @property
    def atr(self) -> bytes:
        """The card's Answer To Reset, 2 to 33 bytes."""
        return self._inner.atr

    @property
    def protocol(self) -> str:
        """``"T=0"`` or ``"T=1"``."""
        return self._inner.protocol

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        """Send one command; arguments and errors as of the connection."""
        self.commands += 1
        self.header = bytes(command[:_HEADER_LENGTH]).hex(" ").upper()
        self.status_word = None
        data, self.status_word = self._inner.transmit(command)
        self.answered_at = time.monotonic()
        return data, self.status_word

    def features(self) -> bytes | None:
        """Ask the reader for its features."""
        return self._inner.features()

    def begin(self) -> None:
        """Begin a transaction."""
        self._inner.begin()

    def end(self, *, reset: bool) -> None:
        """End the transaction."""
        self._inner.end(reset=reset)

    def reset(self) -> None:
        """Warm-reset the card."""
        self._inner.reset()

    def close(self) -> None:
        """Disconnect from the card."""
        self._inner.close()
