"""Whose a TCP peer is: Linux' real table, a second user, and Windows' calls against a stand-in."""

import ctypes
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest

from agent.host.peer import netlink as peer_netlink
from agent.host.peer.check import LinuxPeers, check_for
from agent.host.peer.windows import AF_INET, AF_INET6, WindowsPeers, WindowsSystem, open_system

NOBODY = 65534
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")

Pair = tuple[socket.socket, socket.socket]


def no_answer(*_: object) -> None:
    raise OSError("no sock_diag in this kernel")


@pytest.fixture(params=["sock_diag", "table"])
def ask(request: pytest.FixtureRequest) -> Any:
    """Both ways to ask the kernel must say the same."""
    return peer_netlink.owner if request.param == "sock_diag" else no_answer


@pytest.fixture(params=["127.0.0.1", "::1", "mapped"])
def connection(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Return the client's end and ours, over IPv4, IPv6, and IPv4 by an IPv6 socket."""
    host = "127.0.0.1" if request.param == "mapped" else request.param
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    with ExitStack() as stack:
        try:
            server = stack.enter_context(closing(socket.create_server((host, 0), family=family)))
        except OSError:
            pytest.skip("no IPv6 here")
        target = f"::ffff:{host}" if request.param == "mapped" else host
        client_family = socket.AF_INET if request.param == "127.0.0.1" else socket.AF_INET6
        client = stack.enter_context(closing(socket.socket(client_family)))
        client.connect((target, server.getsockname()[1]))
        ours, _ = server.accept()
        stack.enter_context(closing(ours))
        yield client, ours


@linux_only
def test_our_own_peer_is_ours_and_another_users_is_not(connection: Pair, ask: Any) -> None:
    _, ours = connection
    ends = ours.getpeername(), ours.getsockname()
    assert LinuxPeers(os.geteuid(), ask=ask).is_ours(*ends)
    assert not LinuxPeers(os.geteuid() + 1, ask=ask).is_ours(*ends)
    assert LinuxPeers(0, ask=ask).owner(*ends) == os.geteuid()


@linux_only
def test_a_peer_that_hung_up_is_nobodys(connection: Pair, ask: Any) -> None:
    """Its line stays for a while, with user 0: that must not count as root's."""
    client, ours = connection
    ends = ours.getpeername(), ours.getsockname()
    client.close()
    assert LinuxPeers(0, ask=ask).owner(*ends) is None
    assert LinuxPeers(0, ask=ask).is_ours(*ends) is None


@linux_only
def test_the_two_ends_are_not_mixed_up(connection: Pair, ask: Any) -> None:
    _, ours = connection
    peer, local = ours.getpeername(), ours.getsockname()
    assert LinuxPeers(0, ask=ask).owner((peer[0], peer[1] ^ 1), local) is None


@linux_only
def test_who_listens_later_on_the_port_of_a_peer_that_is_gone_is_not_that_peer(ask: Any) -> None:
    """Else another user's octets would pass for those of whoever listens there."""
    with ExitStack() as stack:
        server = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.connect(server.getsockname())
        there = client.getsockname()
        client.send(b"POST / HTTP/1.1\r\n\r\n")
        client.close()
        stack.enter_context(closing(socket.create_server(there)))
        ours, peer = server.accept()
        stack.enter_context(closing(ours))
        assert ours.recv(4) == b"POST"
        assert LinuxPeers(os.geteuid(), ask=ask).is_ours(peer, server.getsockname()) is None


@linux_only
def test_a_peer_that_is_gone_is_not_looked_for_in_the_tables(
    tmp_path: Path, connection: Pair
) -> None:
    """That takes milliseconds, for each of the thousands whom one user can send in a second."""
    client, ours = connection
    peer, local = ours.getpeername(), ours.getsockname()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    for name in ("tcp", "tcp6"):
        (tmp_path / name).mkdir()  # so that whoever reads it fails
    assert LinuxPeers(0, tmp_path).owner(peer, local) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0" * 16,
        struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -2),
        struct.pack("=IHHII", 16, 20, 0, 1, 0),
        struct.pack("=IHHII", 88, 20, 0, 1, 0) + b"\xff" * 60,
    ],
)
def test_a_strange_answer_of_the_kernel_is_none(answer: bytes) -> None:
    with pytest.raises(OSError, match="sock_diag"):
        peer_netlink.read_answer(answer)


@linux_only
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_second_user_is_seen_for_what_they_are(ask: Any) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(60)
        script = (
            "import encodings.idna, os, socket, sys\n"
            f"os.setuid({NOBODY})\n"
            "client = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
            "client.recv(1)\n"
        )
        command = [sys.executable, "-c", script, str(server.getsockname()[1])]
        with subprocess.Popen(command) as process:
            ours, _ = server.accept()
            with closing(ours):
                ends = ours.getpeername(), ours.getsockname()
                assert LinuxPeers(0, ask=ask).owner(*ends) == NOBODY
                assert not LinuxPeers(0, ask=ask).is_ours(*ends)
                assert LinuxPeers(NOBODY, ask=ask).is_ours(*ends)
        assert process.returncode == 0


LINE = "   0: {local} {remote} 01 00000000:00000000 00:00000000 00000000  {uid} 0 {inode} 1 0"
LITTLE = pytest.mark.skipif(sys.byteorder != "little", reason="written for little-endian")


@LITTLE
@pytest.mark.parametrize(
    ("table", "lines", "owner"),
    [
        ("tcp", [("0100007F:C350", "0100007F:6F1B", 1000, 77)], 1000),
        ("tcp", [("0100007F:C350", "0100007F:6F1B", 0, 0)], None),
        ("tcp", [("0100007F:6F1B", "0100007F:C350", 1000, 77)], None),
        ("tcp", [("0100007F:C351", "0100007F:6F1B", 1000, 77)], None),
        (
            "tcp6",
            [
                (
                    "0000000000000000FFFF00000100007F:C350",
                    "0000000000000000FFFF00000100007F:6F1B",
                    1001,
                    5,
                )
            ],
            1001,
        ),
        ("tcp", [], None),
    ],
)
def test_the_tables_lines_are_read_as_proc_5_says(
    tmp_path: Path, table: str, lines: list[tuple[str, str, int, int]], owner: int | None
) -> None:
    text = ["  sl  local_address rem_address ..."]
    for local, remote, uid, inode in lines:
        text.append(LINE.format(local=local, remote=remote, uid=uid, inode=inode))
    (tmp_path / table).write_text("\n".join(text) + "\n")
    peers = LinuxPeers(0, tmp_path, no_answer)
    assert peers.owner(("127.0.0.1", 50000), ("127.0.0.1", 28443)) == owner


@pytest.mark.parametrize("content", [b"", b"\n\n", b"garbage\n" * 1000, b"\xff" * 5000])
def test_a_table_that_makes_no_sense_lets_nobody_in(tmp_path: Path, content: bytes) -> None:
    for name in ("tcp", "tcp6"):
        (tmp_path / name).write_bytes(content)
    assert not LinuxPeers(0, tmp_path, no_answer).is_ours(
        ("127.0.0.1", 50000), ("127.0.0.1", 28443)
    )


def test_a_table_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "tcp").mkdir()
    peers = LinuxPeers(0, tmp_path, no_answer)
    assert not peers.is_ours(("127.0.0.1", 50000), ("127.0.0.1", 28443))
    assert not peers.is_ours(("no address", 50000), ("127.0.0.1", 28443))


def test_where_the_system_does_not_tell_there_is_no_check() -> None:
    assert check_for("darwin") is None
    if sys.platform == "linux":
        assert check_for() is not None
    with pytest.raises(OSError, match="not Windows"):
        open_system()


# Windows.

OURS, THEIRS = b"\1\5sid of ours", b"\1\5sid of somebody else"


def row(peer: tuple[str, int], local: tuple[str, int], process: int) -> bytes:
    fields = [struct.pack("<I", 5)]
    for host, port in (peer, local):
        fields += [socket.inet_aton(host), struct.pack("<I", socket.htons(port) | 0xBEEF0000)]
    return b"".join([*fields, struct.pack("<I", process)])


def row6(peer: tuple[str, int], local: tuple[str, int], process: int) -> bytes:
    fields = []
    for host, port in (peer, local):
        fields.append(IPv6Address(host).packed + struct.pack("<II", 0, socket.htons(port)))
    return b"".join([*fields, struct.pack("<II", 5, process)])


def table(*rows: bytes) -> bytes:
    return struct.pack("<I", len(rows)) + b"".join(rows) + b"\0" * 40  # Windows rounds up


class FakeSystem:
    def __init__(self, tables: dict[int, bytes]) -> None:
        self.tables = tables
        self.users: dict[int | None, bytes | None] = {None: OURS, 7: OURS, 8: THEIRS, 9: None}

    def table(self, family: int) -> bytes:
        return self.tables[family]

    def user_of(self, process: int | None) -> bytes | None:
        return self.users[process]


SERVER = ("127.0.0.1", 28443)


@pytest.mark.parametrize(("process", "ours"), [(7, True), (8, False), (9, False)])
def test_windows_users_are_told_apart(process: int, ours: bool) -> None:
    peer, other = ("127.0.0.1", 50000), ("127.0.0.1", 50001)
    rows = row(other, SERVER, 7), row(SERVER, peer, 7), row(peer, SERVER, process)
    peers = WindowsPeers(FakeSystem({AF_INET: table(*rows), AF_INET6: table()}))
    assert peers.is_ours(peer, SERVER) is ours


def test_what_only_looks_like_a_row_of_windows_table_is_none() -> None:
    peer = ("127.0.0.1", 50000)
    between = b"\0" * 4 + row(peer, SERVER, 7) + b"\0" * 20  # two rows, and ours across them
    rows = between[:24], between[24:], row(peer, SERVER, 8)
    peers = WindowsPeers(FakeSystem({AF_INET: table(*rows), AF_INET6: table()}))
    assert not peers.is_ours(peer, SERVER)
    after_its_end = table(row(("127.0.0.1", 1), SERVER, 7)) + row(peer, SERVER, 7)
    peers = WindowsPeers(FakeSystem({AF_INET: after_its_end, AF_INET6: table()}))
    assert not peers.is_ours(peer, SERVER)


def test_windows_connections_over_ipv6_are_found_both_ways() -> None:
    mapped = row6(("::ffff:127.0.0.1", 50000), ("::ffff:127.0.0.1", 28443), 7)
    real = row6(("::1", 50000), ("::1", 28443), 8)
    peers = WindowsPeers(FakeSystem({AF_INET: table(), AF_INET6: table(mapped, real)}))
    assert peers.is_ours(("127.0.0.1", 50000), SERVER)
    assert not peers.is_ours(("::1", 50000, 0, 0), ("::1", 28443, 0, 0))
    assert not peers.is_ours(("::1", 50001, 0, 0), ("::1", 28443, 0, 0))


@pytest.mark.parametrize("broken", [b"", b"\xff\xff\xff\xff", struct.pack("<I", 9) + b"short"])
def test_a_windows_table_that_makes_no_sense_lets_nobody_in(broken: bytes) -> None:
    peers = WindowsPeers(FakeSystem({AF_INET: broken, AF_INET6: broken}))
    assert not peers.is_ours(("127.0.0.1", 50000), SERVER)


class Call:
    """A function of a library, with the attributes that ctypes sets."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


class Libraries:
    """iphlpapi, kernel32 and advapi32 in one, with handles that must be closed."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.handles: set[int] = set()
        self.extra: list[int] = []
        self.sid = ctypes.create_string_buffer(OURS, len(OURS))
        self.forbidden = 99
        for name in (
            *("GetExtendedTcpTable", "GetCurrentProcess", "OpenProcess", "CloseHandle"),
            *("OpenProcessToken", "GetTokenInformation", "GetLengthSid"),
        ):
            setattr(self, name, Call(getattr(self, f"_{name}")))

    def _GetExtendedTcpTable(  # noqa: N802  # Windows' own name
        self, buffer: Any, size: Any, _order: int, family: int, kind: int, _reserved: int
    ) -> int:
        assert kind == 4
        if family not in {AF_INET, AF_INET6}:
            return 87
        needed = len(self.content) + (self.extra.pop(0) if self.extra else 0)
        if len(buffer) < needed:
            size._obj.value = needed
            return 122
        buffer.raw = self.content.ljust(len(buffer), b"\0")
        return 0

    def _GetCurrentProcess(self) -> int:  # noqa: N802  # likewise
        return 1000

    def _OpenProcess(self, access: int, _inherit: int, process: int) -> int:  # noqa: N802  # likewise
        assert access == 0x1000
        if process == self.forbidden:
            return 0
        self.handles.add(process)
        return process

    def _CloseHandle(self, handle: Any) -> int:  # noqa: N802  # likewise
        self.handles.remove(getattr(handle, "value", handle))
        return 1

    def _OpenProcessToken(self, handle: int, access: int, token: Any) -> int:  # noqa: N802  # likewise
        assert access == 8
        if handle == 98:
            return 0
        token._obj.value = handle + 50_000
        self.handles.add(handle + 50_000)
        return 1

    def _GetTokenInformation(  # noqa: N802  # likewise
        self, _token: Any, kind: int, buffer: Any, length: int, needed: Any
    ) -> int:
        assert kind == 1
        needed._obj.value = 16
        if length < 16:
            return 0
        pointer = ctypes.addressof(self.sid)
        ctypes.memmove(buffer, struct.pack("<QQ", pointer, 0), 16)
        return 1

    def _GetLengthSid(self, _sid: int) -> int:  # noqa: N802  # likewise
        return len(OURS)


def test_the_windows_boundary_asks_in_the_right_order_and_closes_what_it_opens() -> None:
    content = table(row(("127.0.0.1", 50000), SERVER, 7))
    libraries = Libraries(content)
    libraries.extra = [16, 8]
    system = WindowsSystem(libraries, libraries, libraries)
    assert system.table(AF_INET).startswith(content)
    with pytest.raises(OSError, match="GetExtendedTcpTable"):
        system.table(1)
    libraries.extra = [100, 200, 300, 400, 500, 600]
    with pytest.raises(OSError, match="grows"):
        system.table(AF_INET)
    if ctypes.sizeof(ctypes.c_void_p) == 8:
        assert system.user_of(None) == OURS
        assert system.user_of(7) == OURS
    assert system.user_of(98) is None
    assert system.user_of(libraries.forbidden) is None
    assert libraries.handles == set()
