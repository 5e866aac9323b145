"""Find who listens on a TCP port on Windows: table of listeners, then process, program and user.

Everything that touches Windows is in :class:`WindowsListeners`. iphlpapi.h, winbase.h, sddl.h.
"""

import struct
from ctypes import POINTER, byref, c_int, c_uint32, c_void_p, c_wchar_p, create_unicode_buffer
from pathlib import PureWindowsPath
from typing import Any, Final, Protocol

import structlog

from agent.harmless import printable
from agent.host.peer.port_owner import PortOwner, program_name
from agent.host.peer.windows import (
    AF_INET,
    AF_INET6,
    LISTENERS,
    WindowsSystem,
    listening_processes,
    open_system,
)

_QUERY_LIMITED: Final = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
_MAX_PATH: Final = 32768  # characters, of the longest path that Windows has
_MAX_NAME: Final = 256  # UNLEN of lmcons.h is 256, of a domain less

_log = structlog.get_logger(__name__)


class ListenerApi(Protocol):
    """What Windows is asked."""

    def listeners(self, family: int) -> bytes:
        """Return the table of listening sockets with their processes."""

    def user_of(self, process: int | None) -> bytes | None:
        """Return the SID of a process' user, of ours for None; None without the right to know."""

    def program_of(self, process: int) -> str | None:
        """Return the path of a process' program; None without the right to know."""

    def name_of(self, sid: bytes) -> str | None:
        """Return the name of a user; None where there is none."""


def find_owner(port: int, api: ListenerApi | None = None) -> PortOwner:
    """Find who listens on a TCP port.

    Args:
        port: 1 to 65535.
        api: answers; None for this system.

    """
    try:
        api = api or WindowsListeners(open_system())
        for family in (AF_INET, AF_INET6):
            for process in listening_processes(api.listeners(family), family, port):
                return _owner(process, api)
    except (OSError, struct.error) as error:
        _log.warning("cannot tell who has a port", port=port, detail=str(error))
    return PortOwner()


def _owner(process: int, api: ListenerApi) -> PortOwner:
    if process == 0:  # where Windows, or what imitates it, does not know
        return PortOwner()
    path = api.program_of(process)
    name = None if path is None else program_name(PureWindowsPath(path).name)
    user, own = api.user_of(process), api.user_of(None)
    if user is not None and user == own:
        return PortOwner(name, process, is_ours=True)
    # The users of other sessions, and services, are not shown to a user.
    known = None if user is None else api.name_of(user)
    return PortOwner(name, process, printable(known) if known else None, is_ours=False)


class WindowsListeners:
    """The real thing, through the libraries that :class:`WindowsSystem` has opened."""

    def __init__(self, system: WindowsSystem) -> None:
        self._system = system
        self.user_of = system.user_of

    def listeners(self, family: int) -> bytes:
        """Read the table of listening sockets with their processes.

        Raises:
            OSError: Windows does not give it.

        """
        return self._system.table(family, LISTENERS)

    def program_of(self, process: int) -> str | None:
        """Read the path of a process' program; None where Windows does not let us."""
        kernel32 = self._system.kernel32
        query = kernel32.QueryFullProcessImageNameW
        query.argtypes = [c_void_p, c_uint32, c_wchar_p, POINTER(c_uint32)]
        handle = kernel32.OpenProcess(_QUERY_LIMITED, 0, process)
        if not handle:
            return None
        try:
            size = c_uint32(_MAX_PATH)
            path = create_unicode_buffer(_MAX_PATH)
            return path.value if query(handle, 0, path, byref(size)) else None
        finally:
            kernel32.CloseHandle(handle)

    def name_of(self, sid: bytes) -> str | None:
        """Look a user's name up; None where there is none."""
        look_up: Any = self._system.advapi32.LookupAccountSidW
        number = POINTER(c_uint32)
        look_up.argtypes = [
            *(c_wchar_p, c_void_p, c_wchar_p, number, c_wchar_p, number, POINTER(c_int))
        ]
        name, domain = create_unicode_buffer(_MAX_NAME), create_unicode_buffer(_MAX_NAME)
        sizes, kind = (c_uint32(_MAX_NAME), c_uint32(_MAX_NAME)), c_int()
        buffer = (c_int * (len(sid) // 4 + 1)).from_buffer_copy(sid.ljust(len(sid) + 4, b"\0"))
        found = look_up(None, buffer, name, byref(sizes[0]), domain, byref(sizes[1]), byref(kind))
        return name.value if found else None
