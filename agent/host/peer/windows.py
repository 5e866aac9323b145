"""Find the user of a TCP peer on Windows: table of connections, then process, then its user.

Everything that touches Windows is in :class:`WindowsSystem`; it cannot run elsewhere, and is
tested against a stand-in of its calls. iphlpapi.h, tcpmib.h, winnt.h.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_int,
    c_uint32,
    c_void_p,
    cast,
    create_string_buffer,
    string_at,
)
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, Protocol

from agent.seldom import SeldomLog

AF_INET: Final = 2
AF_INET6: Final = 23  # Windows' own number
LISTENERS: Final = 3  # TCP_TABLE_OWNER_PID_LISTENER
CONNECTIONS: Final = 4  # TCP_TABLE_OWNER_PID_CONNECTIONS
_INSUFFICIENT_BUFFER: Final = 122
_QUERY_LIMITED: Final = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
_TOKEN_QUERY: Final = 8
_TOKEN_USER: Final = 1
_ATTEMPTS: Final = 5  # the table may grow between asking its size and reading it
# MIB_TCPROW_OWNER_PID: state, local address and port, remote address and port, process
_ROW: Final = struct.Struct("<I4sI4sII")
# MIB_TCP6ROW_OWNER_PID: local address, scope, port, remote likewise, state, process
_ROW6: Final = struct.Struct("<16sII16sIIII")

_ROWS_AT: Final = 4  # after the number of rows
_ROW_STATE: Final = struct.Struct("<I")  # stands before the ends in a row of IPv4

_log = SeldomLog(__name__)


class WindowsApi(Protocol):
    """What Windows is asked."""

    def table(self, family: int) -> bytes:
        """Return the table of TCP connections with their processes."""

    def user_of(self, process: int | None) -> bytes | None:
        """Return the SID of a process' user, of ours for None; None without the right to know."""


class WindowsPeers:
    """Find the process at the other end, and compare its user with ours."""

    def __init__(self, system: WindowsApi) -> None:
        self._system = system
        self._own = system.user_of(None)

    def is_ours(self, peer: Sequence[Any], local: Sequence[Any]) -> bool | None:
        """Return whether the other end belongs to our user.

        None where it is gone; False where the system does not tell.
        """
        try:
            owner = self.owner(peer, local)
        except (OSError, ValueError, struct.error) as error:
            _log.note("cannot tell whose a connection is", detail=str(error))
            return False
        return None if owner is None else owner == self._own

    def owner(self, peer: Sequence[Any], local: Sequence[Any]) -> bytes | None:
        """Return whose the other end is, SID; None where it is gone.

        Raises:
            OSError: Windows does not tell.
            ValueError: an address is malformed.
            struct.error: a table of Windows is broken.

        """
        process = self._find(_end(peer), _end(local))
        if process is None:
            return None
        user = self._system.user_of(process)
        if user is None:
            raise OSError(f"Windows does not say whose process {process} is")
        return user

    def _find(self, peer: tuple[bytes, int], local: tuple[bytes, int]) -> int | None:
        for family, row in ((AF_INET, _ROW), (AF_INET6, _ROW6)):
            wanted = _ends_in_row(family, peer, local)
            if wanted is not None:
                process = _process_of(self._system.table(family), row, wanted)
                if process is not None:
                    return process
        return None


def _ends_in_row(
    family: int, peer: tuple[bytes, int], local: tuple[bytes, int]
) -> re.Pattern[bytes] | None:
    """Return how two ends stand in a row of a table; None where they cannot.

    A crowd of another user makes the table long, and it is searched for each of its connections.
    """
    scope = b"" if family == AF_INET else b".{4}"
    parts = []
    for address, port in (peer, local):
        mapped = IPv6Address(address).ipv4_mapped
        if family == AF_INET and mapped is None:
            return None
        raw = mapped.packed if family == AF_INET and mapped is not None else address
        # Network order in the low 16 bits; the others may hold anything.
        parts.append(re.escape(raw) + scope + re.escape(port.to_bytes(2, "big")) + b"..")
    return re.compile(b"".join(parts), re.DOTALL)


def _process_of(table: bytes, row: struct.Struct, ends: re.Pattern[bytes]) -> int | None:
    """Return the process of the row with two ends.

    Raises:
        struct.error: the table is broken.

    """
    (count,) = struct.unpack_from("<I", table)
    first = _ROWS_AT + (_ROW_STATE.size if row is _ROW else 0)
    at = 0
    while (found := ends.search(table, at)) is not None:
        at = found.start() + 1
        index, is_elsewhere = divmod(found.start() - first, row.size)
        if not is_elsewhere and 0 <= index < count:
            process: int = row.unpack_from(table, _ROWS_AT + index * row.size)[-1]
            return process
    return None


def listening_processes(table: bytes, family: int, port: int) -> Iterator[int]:
    """Return the processes in a table of listening sockets that listen on a port.

    Raises:
        struct.error: the table is broken.

    """
    for (_, local_port), _, process in _rows(table, _ROW if family == AF_INET else _ROW6):
        if local_port == port:
            yield process


def _end(address: Sequence[Any]) -> tuple[bytes, int]:
    return _packed(ip_address(str(address[0])).packed), address[1]


def _packed(raw: bytes) -> bytes:
    """Return an address as 16 bytes, IPv4 mapped (RFC 4291 §2.5.5.2)."""
    if len(raw) == len(IPv4Address(0).packed):
        return IPv6Address(b"\0" * 10 + b"\xff\xff" + raw).packed
    return raw


def _rows(
    table: bytes, row: struct.Struct
) -> Iterator[tuple[tuple[bytes, int], tuple[bytes, int], int]]:
    (count,) = struct.unpack_from("<I", table)
    for index in range(count):
        fields = row.unpack_from(table, _ROWS_AT + index * row.size)
        if row is _ROW:
            _, first, first_port, second, second_port, process = fields
        else:
            first, _, first_port, second, _, second_port, _, process = fields
        yield (_packed(first), _port(first_port)), (_packed(second), _port(second_port)), process


def _port(field: int) -> int:
    """Read a port: network order in the low 16 bits; the others may hold anything."""
    return int.from_bytes((field & 0xFFFF).to_bytes(2, "little"), "big")


class _TokenUser(Structure):
    """TOKEN_USER, winnt.h."""

    _fields_ = (("Sid", c_void_p), ("Attributes", c_uint32))


class WindowsSystem:
    """The real thing, through three libraries."""

    def __init__(self, iphlpapi: Any, kernel32: Any, advapi32: Any) -> None:
        """Speak to the libraries, each loaded with ``ctypes.WinDLL``."""
        self._iphlpapi, self.kernel32, self.advapi32 = iphlpapi, kernel32, advapi32
        kernel32.GetCurrentProcess.restype = c_void_p
        kernel32.OpenProcess.argtypes = [c_uint32, c_int, c_uint32]
        kernel32.OpenProcess.restype = c_void_p
        kernel32.CloseHandle.argtypes = [c_void_p]
        advapi32.OpenProcessToken.argtypes = [c_void_p, c_uint32, POINTER(c_void_p)]
        size = POINTER(c_uint32)
        advapi32.GetTokenInformation.argtypes = [c_void_p, c_int, c_void_p, c_uint32, size]
        advapi32.GetLengthSid.argtypes = [c_void_p]
        advapi32.GetLengthSid.restype = c_uint32

    def table(self, family: int, kind: int = CONNECTIONS) -> bytes:
        """Read the table of TCP connections, or of listening sockets, with their processes.

        Raises:
            OSError: Windows does not give it.

        """
        size = c_uint32(0)
        buffer = create_string_buffer(4)
        for _ in range(_ATTEMPTS):
            status = self._iphlpapi.GetExtendedTcpTable(buffer, byref(size), 0, family, kind, 0)
            if status == 0:
                return buffer.raw
            if status != _INSUFFICIENT_BUFFER:
                raise OSError(status, "GetExtendedTcpTable")
            buffer = create_string_buffer(size.value)
        raise OSError(_INSUFFICIENT_BUFFER, "GetExtendedTcpTable: it grows faster than we read")

    def user_of(self, process: int | None) -> bytes | None:
        """Read the SID of a process' user; None where Windows does not let us."""
        with self._process(process) as handle:
            if not handle:
                return None
            token = c_void_p()
            if not self.advapi32.OpenProcessToken(handle, _TOKEN_QUERY, byref(token)):
                return None
            try:
                return self.token_user(token)
            finally:
                self.kernel32.CloseHandle(token)

    @contextmanager
    def _process(self, process: int | None) -> Iterator[Any]:
        if process is None:
            yield self.kernel32.GetCurrentProcess()  # a constant, not to be closed
            return
        handle = self.kernel32.OpenProcess(_QUERY_LIMITED, 0, process)
        try:
            yield handle
        finally:
            if handle:
                self.kernel32.CloseHandle(handle)

    def token_user(self, token: c_void_p) -> bytes | None:
        """Read the SID of a token's user; None where Windows does not let us."""
        size = c_uint32(0)
        self.advapi32.GetTokenInformation(token, _TOKEN_USER, None, 0, byref(size))
        buffer = create_string_buffer(max(size.value, 1))
        read = self.advapi32.GetTokenInformation(
            token, _TOKEN_USER, buffer, size.value, byref(size)
        )
        if not read:
            return None
        sid = cast(buffer, POINTER(_TokenUser)).contents.Sid
        return string_at(sid, self.advapi32.GetLengthSid(sid))


def open_system() -> WindowsSystem:
    """Open the three libraries.

    Raises:
        OSError: this is not Windows.

    """
    import ctypes  # noqa: PLC0415  # WinDLL is there on Windows only

    load = getattr(ctypes, "WinDLL", None)
    if load is None:
        raise OSError("this is not Windows")
    return WindowsSystem(load("iphlpapi"), load("kernel32"), load("advapi32"))
