"""Who has a port on Windows, from made-up tables."""

import socket
import struct
from dataclasses import dataclass, field

import pytest

from agent.host.peer.port_owner import PortOwner
from agent.host.peer.windows import AF_INET
from agent.host.peer.windows_ports import find_owner

PORT = 61161
OWN, OTHER = b"own sid", b"other sid"


def listener(port: int, process: int) -> bytes:
    local = socket.inet_aton("127.0.0.1")
    return struct.pack("<I4sI4sII", 2, local, socket.htons(port), bytes(4), 0, process)


def listener6(port: int, process: int) -> bytes:
    local = socket.inet_pton(socket.AF_INET6, "::1")
    end = (local, 0, socket.htons(port))
    return struct.pack("<16sII16sIIII", *end, bytes(16), 0, 0, 2, process)


@dataclass
class Windows:
    """Answers from tables."""

    rows: list[bytes] = field(default_factory=list)
    rows6: list[bytes] = field(default_factory=list)
    users: dict[int | None, bytes | None] = field(default_factory=lambda: {None: OWN})

    def listeners(self, family: int) -> bytes:
        rows = self.rows if family == AF_INET else self.rows6
        return struct.pack("<I", len(rows)) + b"".join(rows)

    def user_of(self, process: int | None) -> bytes | None:
        return self.users.get(process)

    def program_of(self, process: int) -> str | None:
        return {7: r"C:\\Program Files\\HiPKI\\HiPKILocalServer.exe"}.get(process)

    def name_of(self, sid: bytes) -> str | None:
        return {OTHER: "阿明"}.get(sid)


def test_a_program_of_this_user_is_named() -> None:
    windows = Windows(rows=[listener(1, 8), listener(PORT, 7)], users={None: OWN, 7: OWN})
    assert find_owner(PORT, windows) == PortOwner("HiPKILocalServer.exe", 7, is_ours=True)


@pytest.mark.parametrize(("user", "name"), [(OTHER, "阿明"), (b"gone", None), (None, None)])
def test_another_users_is_said_to_be_that(user: bytes | None, name: str | None) -> None:
    windows = Windows(rows6=[listener6(PORT, 9)], users={None: OWN, 9: user})
    assert find_owner(PORT, windows) == PortOwner(None, 9, name, is_ours=False)


def test_nobody_is_found_where_nobody_listens() -> None:
    assert find_owner(PORT, Windows(rows=[listener(1, 7)])) == PortOwner()
    assert find_owner(PORT, Windows(rows=[listener(PORT, 0)])) == PortOwner()


@pytest.mark.parametrize("broken", [b"", b"\x05\0\0\0", b"\x01\0\0\0" + bytes(7)])
def test_a_broken_table_names_nobody(broken: bytes) -> None:
    class Broken(Windows):
        def listeners(self, family: int) -> bytes:
            del family
            return broken

    assert find_owner(PORT, Broken()) == PortOwner()
