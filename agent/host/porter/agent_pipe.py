"""The agent's end of the porter's pipe on Windows; everything here touches Windows."""

import threading
import time
from contextlib import suppress
from ctypes import POINTER, byref, c_int, c_uint32, c_void_p, c_wchar_p, wstring_at
from functools import cache
from typing import Final

from agent.host.porter.pipes import (
    MESSAGES_READ,
    NO_HANDLE,
    OVERLAPPED,
    RIGHTS,
    PipeLibraries,
    Transfer,
)

_OPEN_EXISTING: Final = 3
# SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION: whoever has the pipe learns who we are, and
# cannot act as we.
_IDENTIFICATION: Final = 0x100000 | 0x10000
_BUSY: Final = 231  # ERROR_PIPE_BUSY
_TIMED_OUT: Final = 121  # ERROR_SEM_TIMEOUT: it is there, and busy
_KERNEL_OBJECT: Final = 6  # SE_KERNEL_OBJECT
_OWNER: Final = 1  # OWNER_SECURITY_INFORMATION
_FOREVER: Final = 0xFFFFFFFF
_STEP_MILLISECONDS: Final = 100
_SEND_SECONDS: Final = 1.0
_FIRST_SIGNALLED: Final = 0  # WAIT_OBJECT_0


class AgentPipe:
    """A pipe that was opened."""

    def __init__(self, libraries: PipeLibraries, pipe: int) -> None:
        """Take the handle of a pipe, which is closed with this object."""
        self._libraries = libraries
        self._kernel32 = libraries.kernel32
        self._pipe = pipe
        # A handle that is closed may be somebody else's a moment later.
        self._guard = threading.Lock()
        self._is_closed = False
        self._over = self._kernel32.CreateEventW(None, 1, 0, None)
        self._received = self._kernel32.CreateEventW(None, 1, 0, None)
        self._sent = self._kernel32.CreateEventW(None, 1, 0, None)
        mode = c_uint32(MESSAGES_READ)
        self._kernel32.SetNamedPipeHandleState(pipe, byref(mode), None, None)

    @classmethod
    def open(cls, name: str, seconds: float) -> "AgentPipe":
        """Open a pipe, and wait for one's turn.

        Raises:
            OSError: there is none, or others crowd there for longer.

        """
        libraries = _libraries()
        end = time.monotonic() + seconds
        while True:
            pipe = libraries.kernel32.CreateFileW(
                name, RIGHTS, 0, None, _OPEN_EXISTING, OVERLAPPED | _IDENTIFICATION, None
            )
            if pipe not in {None, NO_HANDLE}:
                return cls(libraries, pipe)
            code = libraries.last_error()
            if code != _BUSY or time.monotonic() > end:
                raise OSError(code, f"{name} cannot be opened")
            libraries.kernel32.WaitNamedPipeW(name, _STEP_MILLISECONDS)

    def owner(self) -> str:
        """Return who made the pipe: SID in its text form.

        Raises:
            OSError: Windows does not tell.

        """
        advapi32, kernel32 = self._libraries.advapi32, self._kernel32
        owner, descriptor, text = c_void_p(), c_void_p(), c_void_p()
        status = advapi32.GetSecurityInfo(
            *(self._pipe, _KERNEL_OBJECT, _OWNER),
            *(byref(owner), None, None, None, byref(descriptor)),
        )
        if status:
            raise OSError(status, "GetSecurityInfo")
        try:
            if not advapi32.ConvertSidToStringSidW(owner, byref(text)):
                raise OSError("the pipe has no owner")
            try:
                return wstring_at(text.value or 0)
            finally:
                kernel32.LocalFree(text)
        finally:
            kernel32.LocalFree(descriptor)

    def receive(self, size: int, seconds: float | None) -> bytes:
        """Wait for a packet of so many octets at most.

        Args:
            size: a longer packet is an error.
            seconds: at most; None for however long it takes.

        Raises:
            OSError: none came in time, the porter left, or :meth:`end` was called.

        """
        transfer = Transfer(size, self._received)
        self._libraries.read(self._pipe, transfer)
        return transfer.received(self._finish(transfer, seconds))

    def send(self, packet: bytes) -> None:
        """Send a packet, for which there is room unless the porter does not read.

        Raises:
            OSError: the porter does not read, or has left.

        """
        with self._guard:
            if self._is_closed:
                raise OSError("the pipe is closed")
            transfer = Transfer(packet, self._sent)
            self._libraries.write(self._pipe, transfer)
            self._finish(transfer, _SEND_SECONDS)

    def _finish(self, transfer: Transfer, seconds: float | None) -> int:
        handles = (c_void_p * 2)(transfer.overlapped.hEvent, self._over)
        milliseconds = _FOREVER if seconds is None else int(seconds * 1000)
        found = self._kernel32.WaitForMultipleObjects(len(handles), handles, 0, milliseconds)
        if found != _FIRST_SIGNALLED:
            self._kernel32.CancelIoEx(self._pipe, transfer.place)
        size = c_uint32()
        # Waits until Windows writes there no more, cancelled or not.
        done = self._kernel32.GetOverlappedResult(self._pipe, transfer.place, byref(size), 1)
        if not done:
            raise OSError(self._libraries.last_error(), "the porter's pipe")
        return size.value

    def end(self) -> None:
        """Have whoever waits for a packet get an error; may be called from any thread."""
        with self._guard:
            if not self._is_closed:
                self._kernel32.SetEvent(self._over)

    def close(self) -> None:
        """Close the pipe, when nobody waits for a packet any more."""
        with self._guard:
            if self._is_closed:
                return
            self._is_closed = True
            for each in (self._pipe, self._over, self._received, self._sent):
                self._libraries.close(each)


def is_there(name: str) -> bool:
    """Return, without opening it, whether there is a pipe of that name."""
    with suppress(OSError):
        libraries = _libraries()
        waits = bool(libraries.kernel32.WaitNamedPipeW(name, 1))
        return waits or libraries.last_error() == _TIMED_OUT
    return False


@cache
def _libraries() -> PipeLibraries:
    """Load the libraries, and say what is called in them.

    Raises:
        OSError: this is not Windows.

    """
    libraries = PipeLibraries()
    kernel32, advapi32 = libraries.kernel32, libraries.advapi32
    handle, address, number = c_void_p, c_void_p, c_uint32
    kernel32.CreateFileW.argtypes = [c_wchar_p, number, number, address, number, number, handle]
    kernel32.CreateFileW.restype = handle
    kernel32.WaitNamedPipeW.argtypes = [c_wchar_p, number]
    kernel32.SetNamedPipeHandleState.argtypes = [handle, address, address, address]
    kernel32.CreateEventW.argtypes = [address, c_int, c_int, c_wchar_p]
    kernel32.CreateEventW.restype = handle
    kernel32.SetEvent.argtypes = [handle]
    kernel32.WaitForMultipleObjects.argtypes = [number, address, c_int, number]
    kernel32.WaitForMultipleObjects.restype = number
    kernel32.GetOverlappedResult.argtypes = [handle, address, POINTER(c_uint32), c_int]
    advapi32.GetSecurityInfo.argtypes = [
        *(handle, c_int, number),
        *(POINTER(c_void_p), address, address, address, POINTER(c_void_p)),
    ]
    advapi32.GetSecurityInfo.restype = number
    advapi32.ConvertSidToStringSidW.argtypes = [c_void_p, POINTER(c_void_p)]
    return libraries
