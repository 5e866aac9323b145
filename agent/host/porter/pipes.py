"""What both ends of a named pipe of Windows are made of: ioapiset.h, namedpipeapi.h, minwinbase.h.

The pipe carries packets (message mode). A packet for an agent has no room in the pipe: its write
ends when the agent has read it, which is how Windows tells that it was read.
"""

from collections.abc import Callable
from ctypes import (
    Structure,
    addressof,
    c_char,
    c_int,
    c_size_t,
    c_uint32,
    c_void_p,
    create_string_buffer,
    sizeof,
)
from typing import Any, Final

from agent.host.machine.windows_libraries import load_libraries

RIGHTS: Final = 0x12018B
"""What an agent may do with a pipe: read and write what is in it and its attributes, READ_CONTROL,
SYNCHRONIZE. FILE_CREATE_PIPE_INSTANCE is not among them: nobody else may be the porter as well."""
NO_HANDLE: Final = c_void_p(-1).value
OVERLAPPED: Final = 0x40000000  # FILE_FLAG_OVERLAPPED
MESSAGES_READ: Final = 0x2  # PIPE_READMODE_MESSAGE
IO_PENDING: Final = 997  # ERROR_IO_PENDING
_SUCCESS: Final = 0  # STATUS_SUCCESS; while it lasts, STATUS_PENDING stands there
MORE_DATA: Final = 234  # ERROR_MORE_DATA


class Overlapped(Structure):
    """OVERLAPPED."""

    _fields_ = (
        ("Internal", c_size_t),
        ("InternalHigh", c_size_t),
        ("Offset", c_uint32),
        ("OffsetHigh", c_uint32),
        ("hEvent", c_void_p),
    )


class Transfer:
    """Something that Windows is about to do: what it writes to stays where it is until then.

    Attributes:
        overlapped: where Windows says how it went.
        buffer: what is sent, or has room for what comes.

    """

    def __init__(self, content: bytes | int, event: int | None = None) -> None:
        """Prepare to send some octets, or to receive so many at most."""
        self.overlapped = Overlapped(hEvent=event)
        self.size = content if isinstance(content, int) else len(content)
        start = b"" if isinstance(content, int) else content
        self.buffer = create_string_buffer(start, max(self.size, 1))

    @property
    def place(self) -> int:
        """Where the system writes, which names this among others."""
        return addressof(self.overlapped)

    @property
    def went_well(self) -> bool:
        """Whether it has ended by now, and without an error; for one that was begun."""
        return bool(self.overlapped.Internal == _SUCCESS)

    def received(self, size: int) -> bytes:
        """Return what came."""
        return bytes((c_char * min(size, self.size)).from_buffer(self.buffer))


class PipeLibraries:
    """The libraries of pipes, and what both ends call in them."""

    def __init__(self) -> None:
        """Load them.

        Raises:
            OSError: this is not Windows.

        """
        (self.kernel32, self.advapi32), self.last_error = _load()
        handle, number, address = c_void_p, c_uint32, c_void_p
        kernel32 = self.kernel32
        for call in (kernel32.ReadFile, kernel32.WriteFile):
            call.argtypes = [handle, address, number, address, address]
        kernel32.CancelIoEx.argtypes = [handle, address]
        kernel32.CloseHandle.argtypes = [handle]
        kernel32.LocalFree.argtypes = [address]

    def read(self, pipe: int, transfer: Transfer) -> bool:
        """Begin to receive a packet; return whether that has ended already.

        Raises:
            OSError: the other end is gone.

        """
        return self._begin(self.kernel32.ReadFile, pipe, transfer)

    def write(self, pipe: int, transfer: Transfer) -> bool:
        """Begin to send a packet, likewise.

        Raises:
            OSError: the other end is gone.

        """
        return self._begin(self.kernel32.WriteFile, pipe, transfer)

    def _begin(self, call: Any, pipe: int, transfer: Transfer) -> bool:
        if call(pipe, transfer.buffer, transfer.size, None, transfer.place):
            return True
        code = self.last_error()
        if code not in {IO_PENDING, MORE_DATA}:
            raise OSError(code, "the other end of the pipe is gone")
        return False

    def cancel(self, pipe: int) -> None:
        """End what is under way on a pipe, in either direction."""
        self.kernel32.CancelIoEx(pipe, None)

    def close(self, handle: int) -> None:
        """Close a handle."""
        self.kernel32.CloseHandle(handle)


def _load() -> tuple[tuple[Any, ...], Callable[[], int]]:
    return load_libraries("kernel32", "advapi32")


class SecurityAttributes(Structure):
    """SECURITY_ATTRIBUTES, wtypesbase.h."""

    _fields_ = (
        ("nLength", c_uint32),
        ("lpSecurityDescriptor", c_void_p),
        ("bInheritHandle", c_int),
    )

    @classmethod
    def of(cls, descriptor: c_void_p) -> "SecurityAttributes":
        """Wrap a descriptor, for a handle that no other process inherits."""
        return cls(sizeof(cls), descriptor, 0)
