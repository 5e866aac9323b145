"""A virtual card in a reader of vpcd, the virtual reader driver of a real pcscd.

vpcd listens on a TCP port for each reader; connecting is inserting, and closing is pulling. Each
message is a length (two bytes, big endian) and so many bytes: an order to the contacts, which is
one byte of four, or else a command APDU.
"""

import contextlib
import socket
import threading
import time
from enum import IntEnum, unique

from agent.errors import NoReaderError, TransportError
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.status import CardPulledError

PATIENCE = 10.0  # seconds to wait for a daemon that is only starting
_RETRY = 0.05  # seconds
_CONNECT_TIMEOUT = 5.0
_LENGTH = 2  # bytes
_NOTHING = b"\x00"  # vpcd waits for ever after a length of zero: this is how to say nothing
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux


@unique
class Control(IntEnum):
    """The messages of one byte."""

    OFF = 0
    ON = 1
    RESET = 2
    ATR = 4  # the only one that is answered


_ORDERS = frozenset(Control)


class VpcdConnection:
    """One card in one reader of vpcd, until it is removed or the daemon goes away."""

    def __init__(self, card: VirtualCard, host: str, port: int, patience: float = PATIENCE) -> None:
        """Prepare to insert ``card``; ``patience`` is how many seconds vpcd may take to listen."""
        self._card = card
        self._address = (host, port)
        self._patience = patience
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._removed = threading.Event()
        self.inserted = threading.Event()

    def start(self) -> None:
        """Insert the card and serve it on a thread of its own; return when it is inserted.

        Raises:
            NoReaderError, TransportError: as :meth:`connect`.

        """
        self.connect()
        self._thread = threading.Thread(target=self.run, name="vpcd", daemon=True)
        self._thread.start()

    def connect(self) -> None:
        """Insert the card.

        Raises:
            NoReaderError: nobody listens there.
            TransportError: the address is not valid, or the card was removed meanwhile.

        """
        deadline = time.monotonic() + self._patience
        while not self._removed.is_set():
            try:
                connected = socket.create_connection(self._address, _CONNECT_TIMEOUT)
            except ConnectionRefusedError as error:
                if time.monotonic() >= deadline:
                    raise NoReaderError("no virtual reader listens there") from error
                self._removed.wait(_RETRY)
            except OSError as error:
                raise TransportError(f"no way to the virtual reader: {error.strerror}") from error
            else:
                self._adopt(connected)
                return
        raise TransportError("the card was removed before it was inserted")

    def _adopt(self, connected: socket.socket) -> None:
        connected.settimeout(None)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._socket = connected
        self.inserted.set()

    def run(self) -> None:
        """Serve the inserted card until it is removed or the daemon ends."""
        connected = self._socket
        if connected is None:
            return
        try:
            with contextlib.suppress(CardPulledError, OSError):
                self._serve(connected)
        finally:
            with self._lock:
                self._socket = None
                connected.close()
            self.inserted.clear()
            self._card.power_off()

    def remove(self) -> None:
        """Remove the card, from any thread, also during a command; wait for the end."""
        self._removed.set()
        self._card.pull()
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _serve(self, connected: socket.socket) -> None:
        while not self._removed.is_set():
            header = _receive(connected, _LENGTH)
            message = _receive(connected, int.from_bytes(header, "big"))
            answer = self._answer(message)
            if answer is not None:
                # One segment: two would wait for each other (Nagle, delayed acknowledgement).
                connected.sendall(len(answer).to_bytes(_LENGTH, "big") + answer)

    def _answer(self, message: bytes) -> bytes | None:
        if not message:
            return None
        if len(message) > 1 or message[0] not in _ORDERS:
            # Also what a program cut short to one byte: vpcd waits for an answer, as the program
            # does, and nobody could use the reader any more.
            return self._card.process(message) or _NOTHING
        order = message[0]
        if order == Control.ATR:
            return self._card.atr or _NOTHING
        if order == Control.ON:
            self._card.power_on()
        elif order == Control.OFF:
            self._card.power_off()
        elif order == Control.RESET:
            self._card.reset()
        return None


def serve(card: VirtualCard, host: str, port: int) -> None:
    """Insert a card into a reader of vpcd, and serve it until it is removed.

    Raises:
        NoReaderError, TransportError: as :meth:`VpcdConnection.connect`.

    """
    connection = VpcdConnection(card, host, port)
    connection.connect()
    connection.run()


def _receive(connected: socket.socket, length: int) -> bytes:
    """Receive exactly so many bytes.

    Raises:
        ConnectionError: the other end has closed.

    """
    received = b""
    while len(received) < length:
        if _QUICKACK is not None:
            # vpcd sends length and body apart and waits for our acknowledgement in between; it
            # comes 40 ms late unless this is asked for, and the kernel forgets it every time.
            connected.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        piece = connected.recv(length - len(received))
        if not piece:
            raise ConnectionError("vpcd closed the connection")
        received += piece
    return received
