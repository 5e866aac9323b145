"""A process that signs with a PIN and nothing else, for its memory to be looked through.

The PIN and the card's answers come by a socket, straight into buffers; the card, which knows its
PIN, is at the other end.
"""

import asyncio
import socket
import struct
import sys
import time

from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import SignatureRequest
from agent.signing.service import SigningService
from agent.transport.base import ReaderState

READER = "Reader"
PIN_LENGTH = 8
COPIES = 16
COMMAND, RESET, DONE = b"C", b"R", b"D"
HEADER = struct.Struct(">cH")  # kind and length of what follows


def receive(peer: socket.socket, size: int) -> bytearray:
    """Receive into one buffer."""
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        view = view[peer.recv_into(view) or sys.exit("the test is gone") :]
    return buffer


class SocketConnection:
    """A connection to a card at the other end of a socket."""

    def __init__(self, peer: socket.socket, atr: bytes, leaked: bytearray | None) -> None:
        self.peer = peer
        self.atr = atr
        self.leaked = leaked
        self.reader = READER
        self.protocol = "T=1"

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        """Send a command without copying it; with a leak, copy the PIN and keep nothing."""
        if self.leaked is not None:
            _ = [bytes(self.leaked) for _ in range(COPIES)]
        self.peer.sendall(HEADER.pack(COMMAND, len(command)))
        self.peer.sendall(command)
        _, size = HEADER.unpack(receive(self.peer, HEADER.size))
        answer = bytes(receive(self.peer, size))
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def features(self) -> bytes | None:
        """Have none."""
        return b""

    def begin(self) -> None:
        """Need nothing: nobody else is there."""

    def end(self, *, reset: bool) -> None:
        """Reset the card."""
        if reset:
            self.reset()

    def reset(self) -> None:
        """Tell the card."""
        self.peer.sendall(HEADER.pack(RESET, 0))

    def close(self) -> None:
        """Leave the card as it is."""


class OneReader:
    """A provider of one reader, whose card stays."""

    kind = "pcsc"

    def __init__(self, peer: socket.socket, atr: bytes, leaked: bytearray | None) -> None:
        self.peer = peer
        self.leaked = leaked
        self.state = ReaderState(READER, True, atr, 1)

    def readers(self) -> tuple[ReaderState, ...]:
        """Return the one reader."""
        return (self.state,)

    def wait(self, known: tuple[ReaderState, ...], timeout: float) -> tuple[ReaderState, ...]:
        """See no change."""
        del known
        time.sleep(min(timeout, 0.05))
        return (self.state,)

    def cancel(self) -> None:
        """Wake nobody: a wait is short."""

    def open(self, reader: str) -> SocketConnection:
        """Connect to the card."""
        assert reader == READER
        return SocketConnection(self.peer, self.state.atr, self.leaked)

    def close(self) -> None:
        """Hold nothing."""


async def sign(provider: OneReader, pin: SecretBytes) -> None:
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        await service.sign(LOCAL_USER, SignatureRequest((Document(data=b"hello"),)), pin)
    finally:
        await service.close()


def main() -> None:
    peer = socket.socket(fileno=int(sys.argv[1]))
    buffer = receive(peer, PIN_LENGTH)
    leaked = buffer if sys.argv[3] == "copied" else None
    asyncio.run(sign(OneReader(peer, bytes.fromhex(sys.argv[2]), leaked), SecretBytes(buffer)))
    peer.sendall(HEADER.pack(DONE, 0))
    receive(peer, 1)


if __name__ == "__main__":
    main()
