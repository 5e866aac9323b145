"""Run something as a service of Windows: winsvc.h.

Windows starts the program, which asks it what to do; Windows then calls back, in one thread for the
work and in another for what the service is told: to stop, or that the computer shuts down.
"""

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from ctypes import POINTER, Structure, byref, c_uint32, c_void_p, c_wchar_p
from typing import Any, Final, Protocol

import structlog

from agent.host.machine.windows_libraries import load_libraries

STOP: Final = 1  # SERVICE_CONTROL_STOP
INTERROGATE: Final = 4  # SERVICE_CONTROL_INTERROGATE
SHUTDOWN: Final = 5  # SERVICE_CONTROL_SHUTDOWN
STOPPED: Final = 1  # SERVICE_STOPPED, of dwCurrentState
START_PENDING: Final = 2
STOP_PENDING: Final = 3
RUNNING: Final = 4
DONE: Final = 0  # NO_ERROR
UNKNOWN_CONTROL: Final = 120  # ERROR_CALL_NOT_IMPLEMENTED
NO_SERVICE: Final = 1063  # ERROR_FAILED_SERVICE_CONTROLLER_CONNECT
_ACCEPTS: Final = 0x1 | 0x4  # SERVICE_ACCEPT_STOP, SERVICE_ACCEPT_SHUTDOWN
_OWN_PROCESS: Final = 0x10  # SERVICE_WIN32_OWN_PROCESS
_HINT_MILLISECONDS: Final = 10_000  # how long to start or to stop may take

_log = structlog.get_logger(__name__)

_declare_callback = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)
_MAIN = _declare_callback(None, c_uint32, c_void_p)
_HANDLER = _declare_callback(c_uint32, c_uint32, c_uint32, c_void_p, c_void_p)


class Work(Protocol):
    """What a service does."""

    def run(self) -> None:
        """Do it until :meth:`stop` is called."""

    def stop(self) -> None:
        """Have :meth:`run` end soon; from any thread."""


class ServiceApi(Protocol):
    """What Windows is asked for."""

    def serve(self, name: str, work: Callable[[], None]) -> None:
        """Have Windows call ``work`` in a thread of its own; return when the service has stopped.

        Raises:
            NotStartedAsServiceError: something else has started this program.

        """

    def listen(self, name: str, told: Callable[[int], int]) -> None:
        """Have Windows call ``told`` with each control; called from the thread of the work."""

    def tell(self, state: int) -> None:
        """Tell Windows the service's state."""

    def abandon(self) -> None:
        """End this process at once, without a word: Windows then counts it as failed."""


class NotStartedAsServiceError(OSError):
    """Windows did not start this program as a service."""


class WindowsService:
    """A service of Windows."""

    def __init__(self, name: str, make: Callable[[], Work], api: ServiceApi | None = None) -> None:
        """Do nothing yet.

        Args:
            name: of the service.
            make: prepares what it does, in the thread in which that is done.
            api: Windows, or a stand-in for it.

        Raises:
            OSError: this is not Windows.

        """
        self._name = name
        self._make = make
        self._api = api or WindowsServices()
        self._work: Work | None = None
        self._is_over = False

    def run(self) -> None:
        """Do what a service does until it is told to stop.

        Raises:
            NotStartedAsServiceError: something else than Windows' services has started it.
            OSError: Windows refuses.

        """
        self._api.serve(self._name, self._serve)

    def _serve(self) -> None:
        try:
            self._api.listen(self._name, self._told)
            self._api.tell(START_PENDING)
            self._work = self._make()
            self._api.tell(RUNNING)
            if not self._is_over:
                self._work.run()
        except Exception as error:  # noqa: BLE001  # nobody is above to see it
            with suppress(Exception):
                _log.error("the service has failed", detail=repr(error))
            # One that says that it has stopped would not be started again.
            self._api.abandon()
        else:
            self._api.tell(STOPPED)

    def _told(self, control: int) -> int:
        if control in {STOP, SHUTDOWN}:
            self._is_over = True
            self._api.tell(STOP_PENDING)
            if self._work is not None:
                self._work.stop()
            return DONE
        return DONE if control == INTERROGATE else UNKNOWN_CONTROL


class _ServiceStatus(Structure):
    """SERVICE_STATUS."""

    _fields_ = (
        ("dwServiceType", c_uint32),
        ("dwCurrentState", c_uint32),
        ("dwControlsAccepted", c_uint32),
        ("dwWin32ExitCode", c_uint32),
        ("dwServiceSpecificExitCode", c_uint32),
        ("dwCheckPoint", c_uint32),
        ("dwWaitHint", c_uint32),
    )


class _TableEntry(Structure):
    """SERVICE_TABLE_ENTRYW."""

    _fields_ = (("lpServiceName", c_wchar_p), ("lpServiceProc", _MAIN))


class WindowsServices:
    """The calls of Windows, for one service."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            OSError: this is not Windows.

        """
        (self._advapi32,), self._last_error = load_libraries("advapi32")
        self._advapi32.StartServiceCtrlDispatcherW.argtypes = [c_void_p]
        self._advapi32.RegisterServiceCtrlHandlerExW.argtypes = [c_wchar_p, _HANDLER, c_void_p]
        self._advapi32.RegisterServiceCtrlHandlerExW.restype = c_void_p
        self._advapi32.SetServiceStatus.argtypes = [c_void_p, POINTER(_ServiceStatus)]
        self._handle: int | None = None
        self._held: list[Any] = []  # for as long as Windows may call it

    def serve(self, name: str, work: Callable[[], None]) -> None:
        """Have Windows call ``work``; see :class:`ServiceApi`.

        Raises:
            NotStartedAsServiceError: something else has started this program.
            OSError: Windows refuses.

        """
        main = _MAIN(lambda _count, _words: work())
        table = (_TableEntry * 2)(_TableEntry(name, main))  # the empty one is the end
        self._held += [main, table]
        if not self._advapi32.StartServiceCtrlDispatcherW(byref(table)):
            code = self._last_error()
            if code == NO_SERVICE:
                raise NotStartedAsServiceError(code, "Windows has not started this as a service")
            raise OSError(code, "StartServiceCtrlDispatcher")

    def listen(self, name: str, told: Callable[[int], int]) -> None:
        """Have Windows call ``told`` with each control.

        Raises:
            OSError: Windows refuses.

        """
        handler = _HANDLER(lambda control, _kind, _data, _context: told(control))
        self._held.append(handler)
        self._handle = self._advapi32.RegisterServiceCtrlHandlerExW(name, handler, None)
        if not self._handle:
            raise OSError(self._last_error(), "RegisterServiceCtrlHandlerEx")

    def tell(self, state: int) -> None:
        """Tell Windows the service's state."""
        takes_time = state in {START_PENDING, STOP_PENDING}
        status = _ServiceStatus(
            dwServiceType=_OWN_PROCESS,
            dwCurrentState=state,
            dwControlsAccepted=_ACCEPTS if state == RUNNING else 0,
            dwWaitHint=_HINT_MILLISECONDS if takes_time else 0,
        )
        self._advapi32.SetServiceStatus(self._handle, byref(status))

    def abandon(self) -> None:
        """End this process at once, without a word."""
        os._exit(1)
