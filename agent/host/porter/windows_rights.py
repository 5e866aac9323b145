"""Give up, for good, the privileges that a service of Windows begins with (securitybaseapi.h)."""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import POINTER, Array, byref, c_char, c_int, c_uint32, c_void_p, create_string_buffer
from typing import Any, Final

from agent.host.machine.windows_libraries import load_libraries

CHANGE_NOTIFY: Final = 23
"""SE_CHANGE_NOTIFY_PRIVILEGE, which everybody has: folders on the way to a file are not checked.

Nothing else is needed. A service that runs as the system may look at any user's process, and put a
socket into it, because that process' access list says so, and not by a privilege.
"""
_ADJUST_AND_QUERY: Final = 0x20 | 0x8  # TOKEN_ADJUST_PRIVILEGES, TOKEN_QUERY
_PRIVILEGES: Final = 3  # TokenPrivileges
_REMOVED: Final = 0x4  # SE_PRIVILEGE_REMOVED
_COUNT: Final = struct.Struct("<I")  # TOKEN_PRIVILEGES
_ROW: Final = struct.Struct("<IiI")  # LUID_AND_ATTRIBUTES: a number of 64 bits, and attributes


class WindowsRights:
    """The privileges of this process."""

    def __init__(self, advapi32: Any | None = None, kernel32: Any | None = None) -> None:
        """Load the libraries, or take stand-ins for them.

        Raises:
            OSError: this is not Windows.

        """
        last_error: Callable[[], int] = int  # of a stand-in
        if advapi32 is None or kernel32 is None:
            (advapi32, kernel32), last_error = load_libraries("advapi32", "kernel32")
        self._advapi32, self._kernel32, self._last_error = advapi32, kernel32, last_error
        number, address = c_uint32, c_void_p
        kernel32.GetCurrentProcess.restype = c_void_p
        kernel32.CloseHandle.argtypes = [c_void_p]
        advapi32.OpenProcessToken.argtypes = [c_void_p, number, POINTER(c_void_p)]
        advapi32.GetTokenInformation.argtypes = [
            *(c_void_p, c_int, address, number, POINTER(c_uint32))
        ]
        advapi32.AdjustTokenPrivileges.argtypes = [
            *(c_void_p, c_int, address, number, address, address)
        ]

    def held(self) -> frozenset[int]:
        """Return the privileges that this process has or could enable, by their numbers.

        Raises:
            OSError: Windows does not tell.

        """
        with self._token() as token:
            return frozenset(number for number, _, _ in _rows(self._read(token)))

    def give_up(self) -> None:
        """Remove every privilege but :data:`CHANGE_NOTIFY`; nothing brings them back.

        Raises:
            OSError: Windows does not do it.

        """
        with self._token() as token:
            found = self._read(token)
            rows = [row for row in _rows(found) if row[0] != CHANGE_NOTIFY]
            packed = b"".join(_ROW.pack(low, high, _REMOVED) for low, high, _ in rows)
            asked = create_string_buffer(_COUNT.pack(len(rows)) + packed)
            if not self._advapi32.AdjustTokenPrivileges(token, 0, asked, 0, None, None):
                raise OSError(self._last_error(), "AdjustTokenPrivileges")
        if not self.held() <= {CHANGE_NOTIFY}:
            raise OSError("Windows left privileges to a service that gave them up")

    @contextmanager
    def _token(self) -> Iterator[c_void_p]:
        token = c_void_p()
        process = self._kernel32.GetCurrentProcess()
        if not self._advapi32.OpenProcessToken(process, _ADJUST_AND_QUERY, byref(token)):
            raise OSError(self._last_error(), "OpenProcessToken")
        try:
            yield token
        finally:
            self._kernel32.CloseHandle(token)

    def _read(self, token: c_void_p) -> Array[c_char]:
        size = c_uint32(0)
        ask = self._advapi32.GetTokenInformation
        ask(token, _PRIVILEGES, None, 0, byref(size))
        buffer = create_string_buffer(max(size.value, _COUNT.size))
        if not ask(token, _PRIVILEGES, buffer, size.value, byref(size)):
            raise OSError(self._last_error(), "GetTokenInformation")
        return buffer


def _rows(buffer: Array[c_char]) -> Iterator[tuple[int, int, int]]:
    (count,) = _COUNT.unpack_from(buffer)
    for index in range(count):
        low, high, attributes = _ROW.unpack_from(buffer, _COUNT.size + index * _ROW.size)
        yield low, high, attributes
