"""The porter's ends of its pipe on Windows: one completion port hears of all of them.

Everything here touches Windows; what it is good for is in :mod:`agent.host.porter.pipe_entrance`,
which is tested with a stand-in for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import POINTER, byref, c_int, c_size_t, c_uint32, c_void_p, c_wchar_p
from dataclasses import dataclass
from typing import Final

from agent.host.peer.windows import WindowsSystem, open_system
from agent.host.porter.pipe_entrance import PipeClient, PipeEvent
from agent.host.porter.pipes import (
    IO_PENDING,
    MESSAGES_READ,
    NO_HANDLE,
    OVERLAPPED,
    RIGHTS,
    PipeLibraries,
    SecurityAttributes,
    Transfer,
)

SECURITY: Final = f"O:SYG:SYD:P(D;;FA;;;NU)(A;;FA;;;SY)(A;;{RIGHTS:#x};;;IU)"
"""Owned by the system, which nobody else can have made: that is how an agent knows the porter.
Whoever is at the computer may read and write; nobody who comes through the network. SDDL."""
_SDDL_REVISION: Final = 1
_BOTH_WAYS: Final = 0x3  # PIPE_ACCESS_DUPLEX
_FIRST: Final = 0x80000  # FILE_FLAG_FIRST_PIPE_INSTANCE
_MESSAGES: Final = 0x4  # PIPE_TYPE_MESSAGE
_LOCAL_ONLY: Final = 0x8  # PIPE_REJECT_REMOTE_CLIENTS
_UNLIMITED: Final = 255  # PIPE_UNLIMITED_INSTANCES
_ROOM_FOR_ANSWERS: Final = 64  # octets, so that an agent need not wait to give its own
# ERROR_PIPE_CONNECTED, ERROR_NO_DATA: a client came before we asked, and may have left again.
_CAME_BEFORE: Final = frozenset({535, 232})
_FOREVER: Final = 0xFFFFFFFF
_WAIT_FOR_ENDS: Final = 0.5  # seconds
_QUERY_LIMITED: Final = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
_TOKEN_QUERY: Final = 8


class WindowsPipes:
    """The calls of Windows."""

    def __init__(self, name: str) -> None:
        """Prepare a pipe of a name; nobody can see it yet.

        Raises:
            OSError: this is not Windows, or it refuses.

        """
        self._name = name
        self._libraries = PipeLibraries()
        self._system: WindowsSystem = open_system()
        self._is_first = True
        self._under_way: dict[int, tuple[int, Transfer]] = {}
        self._next_token = 0
        self._declare()
        self._port = self._kernel32.CreateIoCompletionPort(NO_HANDLE, None, 0, 1)
        if not self._port:
            raise self._refused("CreateIoCompletionPort")

    def _declare(self) -> None:
        self._kernel32, self._advapi32 = self._libraries.kernel32, self._libraries.advapi32
        kernel32, advapi32 = self._kernel32, self._advapi32
        handle, address, number = c_void_p, c_void_p, c_uint32
        kernel32.CreateIoCompletionPort.argtypes = [handle, handle, c_size_t, number]
        kernel32.CreateIoCompletionPort.restype = handle
        kernel32.GetQueuedCompletionStatus.argtypes = [
            *(handle, POINTER(c_uint32), POINTER(c_size_t), POINTER(c_void_p), number)
        ]
        kernel32.PostQueuedCompletionStatus.argtypes = [handle, number, c_size_t, address]
        kernel32.CreateNamedPipeW.argtypes = [
            *(c_wchar_p, number, number, number, number, number, number, address)
        ]
        kernel32.CreateNamedPipeW.restype = handle
        kernel32.ConnectNamedPipe.argtypes = [handle, address]
        kernel32.GetNamedPipeClientProcessId.argtypes = [handle, POINTER(c_uint32)]
        kernel32.OpenProcess.argtypes = [number, c_int, number]
        kernel32.OpenProcess.restype = handle
        kernel32.GetCurrentThread.restype = handle
        advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = [
            *(c_wchar_p, number, POINTER(c_void_p), address)
        ]
        advapi32.ImpersonateNamedPipeClient.argtypes = [handle]
        advapi32.OpenThreadToken.argtypes = [handle, number, c_int, POINTER(c_void_p)]

    def _refused(self, call: str) -> OSError:
        return OSError(self._libraries.last_error(), f"Windows refuses {call} for {self._name}")

    def make(self) -> int:
        """Make one more end of the pipe, the first of all only if nobody else has one.

        Raises:
            OSError: another program has that pipe, or Windows refuses.

        """
        mode = _BOTH_WAYS | OVERLAPPED | (_FIRST if self._is_first else 0)
        kind = _MESSAGES | MESSAGES_READ | _LOCAL_ONLY
        with self._security() as security:
            pipe = self._kernel32.CreateNamedPipeW(
                self._name, mode, kind, _UNLIMITED, 0, _ROOM_FOR_ANSWERS, 0, byref(security)
            )
        if pipe in {None, NO_HANDLE}:
            raise self._refused("CreateNamedPipe")
        if not self._kernel32.CreateIoCompletionPort(pipe, self._port, 0, 0):
            error = self._refused("CreateIoCompletionPort")
            self._libraries.close(pipe)
            raise error
        self._is_first = False
        return int(pipe)

    @contextmanager
    def _security(self) -> Iterator[SecurityAttributes]:
        descriptor = c_void_p()
        convert = self._advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
        if not convert(SECURITY, _SDDL_REVISION, byref(descriptor), None):
            raise self._refused("ConvertStringSecurityDescriptor")
        try:
            yield SecurityAttributes.of(descriptor)
        finally:
            self._kernel32.LocalFree(descriptor)

    def await_client(self, pipe: int) -> int:
        """Wait for a client at an end; return what names that in :meth:`next`.

        Raises:
            OSError: Windows refuses.

        """
        token, transfer = self._prepare(0)
        if not self._kernel32.ConnectNamedPipe(pipe, transfer.place):
            code = self._libraries.last_error()
            if code in _CAME_BEFORE:  # Windows tells no one
                self._kernel32.PostQueuedCompletionStatus(self._port, 0, 0, transfer.place)
            elif code != IO_PENDING:
                del self._under_way[transfer.place]
                raise OSError(code, "ConnectNamedPipe")
        return token

    def read(self, pipe: int, size: int) -> int:
        """Wait for a packet of so many octets at most; a longer one is an error. Likewise.

        Raises:
            OSError: the other end is gone.

        """
        token, transfer = self._prepare(size)
        with self._forgotten_if_refused(transfer):
            self._libraries.read(pipe, transfer)
        return token

    def write(self, pipe: int, packet: bytes) -> "SendingTransfer":
        """Send a packet, which ends when the client has read it.

        Raises:
            OSError: the other end is gone.

        """
        token, transfer = self._prepare(packet)
        with self._forgotten_if_refused(transfer):
            self._libraries.write(pipe, transfer)
        return SendingTransfer(token, transfer)

    def _prepare(self, content: bytes | int) -> tuple[int, Transfer]:
        self._next_token += 1
        transfer = Transfer(content)
        self._under_way[transfer.place] = self._next_token, transfer
        return self._next_token, transfer

    @contextmanager
    def _forgotten_if_refused(self, transfer: Transfer) -> Iterator[None]:
        try:
            yield
        except OSError:
            del self._under_way[transfer.place]
            raise

    def next(self) -> PipeEvent | None:
        """Wait for the next thing that ended; None after :meth:`stop`."""
        size, key, place = c_uint32(), c_size_t(), c_void_p()
        went_well = self._kernel32.GetQueuedCompletionStatus(
            self._port, byref(size), byref(key), byref(place), _FOREVER
        )
        if not place.value:
            return None
        token, transfer = self._under_way.pop(place.value)
        return PipeEvent(token, transfer.received(size.value) if went_well else None)

    def stop(self) -> None:
        """Have :meth:`next` return None; may be called from any thread."""
        self._kernel32.PostQueuedCompletionStatus(self._port, 0, 0, None)

    def client(self, pipe: int) -> PipeClient:
        """Find who has the other end: its process, which is held from now on, and its user.

        Raises:
            OSError: Windows does not tell.

        """
        process = c_uint32()
        if not self._kernel32.GetNamedPipeClientProcessId(pipe, byref(process)):
            raise self._refused("GetNamedPipeClientProcessId")
        # While it is held, no other process can have its number.
        held = self._kernel32.OpenProcess(_QUERY_LIMITED, 0, process.value)
        if not held:
            raise self._refused("OpenProcess")
        user = self._system.user_of(process.value)
        if user is None:
            self._libraries.close(held)
            raise OSError("Windows does not say whose the process at a pipe is")
        return PipeClient(process.value, user, held)

    def speaker(self, pipe: int) -> bytes:
        """Return whose program sent the last packet that was read: its SID.

        Raises:
            OSError: Windows does not tell.
            SystemError: this thread cannot be itself again.

        """
        if not self._advapi32.ImpersonateNamedPipeClient(pipe):
            raise self._refused("ImpersonateNamedPipeClient")
        token = c_void_p()
        try:
            thread = self._kernel32.GetCurrentThread()
            # As this process, and not as whoever is impersonated.
            opened = self._advapi32.OpenThreadToken(thread, _TOKEN_QUERY, 1, byref(token))
            refused = self._refused("OpenThreadToken")
        finally:
            if not self._advapi32.RevertToSelf():
                raise SystemError("RevertToSelf")
        if not opened:
            raise refused
        try:
            user = self._system.token_user(token)
        finally:
            self._libraries.close(token.value or 0)
        if user is None:
            raise OSError("Windows does not say who speaks at a pipe")
        return user

    def close(self, pipe: int) -> None:
        """Close an end; what is under way there ends with an error."""
        self._libraries.cancel(pipe)
        self._libraries.close(pipe)

    def let_go(self, client: PipeClient) -> None:
        """Hold the process of a client no more."""
        self._libraries.close(client.held)

    def dispose(self) -> None:
        """Close the completion port, when all ends are closed and nobody is in :meth:`next`."""
        size, key, place = c_uint32(), c_size_t(), c_void_p()
        milliseconds = int(_WAIT_FOR_ENDS * 1000)
        while self._under_way:  # Windows may still write to these
            self._kernel32.GetQueuedCompletionStatus(
                self._port, byref(size), byref(key), byref(place), milliseconds
            )
            if not place.value:
                break
            with suppress(KeyError):
                del self._under_way[place.value]
        _never_freed.extend(transfer for _, transfer in self._under_way.values())
        self._libraries.close(self._port)


@dataclass(frozen=True, slots=True)
class SendingTransfer:
    """A packet that is on its way; see :class:`agent.host.porter.pipe_entrance.Sending`."""

    token: int
    transfer: Transfer

    @property
    def is_taken(self) -> bool:
        """Whether the client has read it by now."""
        return self.transfer.went_well


_never_freed: list[Transfer] = []
"""What Windows may still write to when the porter ends."""
