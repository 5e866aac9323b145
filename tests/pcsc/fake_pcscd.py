"""A PC/SC daemon whose readers come and go as a test wants: no reader here can really be pulled.

It speaks just enough of pcsclite's protocol (version 4:4, winscard_msg.h) for the real client
library to list readers and to wait for changes.
"""

import socket
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

PROTOCOL = (4, 4)
SLOTS = 16

ABSENT = 0x0002
PRESENT = 0x0004
SWALLOWED = 0x0008  # there is a card, but it does not answer

_HEADER = struct.Struct("=II")  # size of the body, command
_VERSION = struct.Struct("=iiI")
_READER = struct.Struct(
    "=128sIIi33s3xII"
)  # name, events, state, sharing, ATR, its length, protocol
_ESTABLISHED = struct.Struct("=III")
_DONE = struct.Struct("=II")

_ESTABLISH_CONTEXT = 0x01
_RELEASE_CONTEXT = 0x02
_CANCEL = 0x0D
_GET_VERSION = 0x11
_GET_READERS_STATE = 0x12
_WAIT_READER_STATE_CHANGE = 0x13
_STOP_WAITING = 0x14
_E_CANCELLED = 0x80100002


@dataclass(frozen=True)
class FakeReader:
    """One line of the daemon's table."""

    name: bytes
    state: int = ABSENT
    events: int = 0
    atr: bytes = b""

    def packed(self) -> bytes:
        return _READER.pack(self.name, self.events, self.state, 0, self.atr, len(self.atr), 0)


class FakePcscd:
    """Listens at ``path``; every client is served by a thread."""

    def __init__(self, path: Path) -> None:
        self.versions: list[tuple[int, int]] = []
        self._readers: tuple[FakeReader, ...] = ()
        self._waiting: list[socket.socket] = []
        self._clients: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def set_readers(self, *readers: FakeReader, tell: bool = True) -> None:
        """Change the table; clients that wait are told, unless they are to miss it."""
        with self._lock:
            self._readers = readers
            if tell:
                self._wake(0)

    def close(self) -> None:
        with self._lock:
            for one in (self._listener, *self._clients):
                one.close()

    def _wake(self, result: int) -> None:
        for client in self._waiting:
            client.sendall(_DONE.pack(0, result))
        self._waiting.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            while len(header := client.recv(_HEADER.size, socket.MSG_WAITALL)) == _HEADER.size:
                size, command = _HEADER.unpack(header)
                body = client.recv(size, socket.MSG_WAITALL) if size else b""
                with self._lock:
                    client.sendall(self._answer(client, command, body))
        except OSError:
            return

    def _answer(self, client: socket.socket, command: int, body: bytes) -> bytes:
        if command == _GET_VERSION:
            major, minor, _ = _VERSION.unpack(body)
            self.versions.append((major, minor))
            return body
        if command == _ESTABLISH_CONTEXT:
            return _ESTABLISHED.pack(0, 0x01234567, 0)
        if command == _CANCEL:
            self._wake(_E_CANCELLED)
        if command in (_RELEASE_CONTEXT, _CANCEL):
            return body[:4] + bytes(4)
        if command == _STOP_WAITING:
            if client not in self._waiting:
                return b""  # it was woken while its message was under way: one answer is enough
            self._waiting = [one for one in self._waiting if one is not client]
            return _DONE.pack(0, 0)
        if command == _WAIT_READER_STATE_CHANGE:
            self._waiting.append(client)
        assert command in (_GET_READERS_STATE, _WAIT_READER_STATE_CHANGE)
        table = b"".join(reader.packed() for reader in self._readers)
        return table.ljust(SLOTS * _READER.size, b"\0")
