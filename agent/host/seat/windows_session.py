"""Who is in front on Windows: the state of this session, and a window that hears of changes.

WTSRegisterSessionNotification and WTSQuerySessionInformation, wtsapi32.h. A session is active at
the console or over Remote Desktop; a switch of users, and a closed Remote Desktop, disconnect it. A
locked one is active still.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from ctypes import POINTER, byref, c_int, c_uint32, c_void_p, cast
from typing import Final, Protocol

import structlog

from agent.host.machine.windows_libraries import load_libraries
from agent.host.seat.hidden_window import HiddenWindow
from agent.host.seat.session_seat import SessionSeat

SESSION_CHANGE: Final = 0x02B1  # WM_WTSSESSION_CHANGE
DISCONNECTED: Final = 4  # WTSDisconnected of WTS_CONNECTSTATE_CLASS
_THIS_SESSION: Final = 0  # NOTIFY_FOR_THIS_SESSION
_CURRENT_SESSION: Final = 0xFFFF_FFFF  # WTS_CURRENT_SESSION
_CONNECT_STATE: Final = 8  # WTSConnectState of WTS_INFO_CLASS

_log = structlog.get_logger(__name__)


class SessionApi(Protocol):
    """What Windows is asked; it may raise an OSError."""

    def state(self) -> int:
        """Return the state of this session, one of WTS_CONNECTSTATE_CLASS."""

    def listen(
        self, heard: Callable[[], None], ready: Callable[[Callable[[], None]], None]
    ) -> None:
        """Call ``heard`` with each change, in this thread, which it blocks until it is stopped.

        Args:
            heard: must not block.
            ready: is given once, from when on changes are heard, what stops it from any thread.

        """


class WindowsSeat(SessionSeat):
    """In front unless this session is disconnected."""

    def __init__(self, api: SessionApi | None = None) -> None:
        """Prepare to ask Windows, or a stand-in for it."""
        super().__init__()
        self._api = api

    async def _watch(self) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        stops: list[Callable[[], None]] = []
        over = threading.Event()

        def look(api: SessionApi) -> None:
            in_front = api.state() != DISCONNECTED
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(lambda: self._tell(in_front=in_front))

        def work() -> None:
            try:
                api = self._api or WindowsSessions()

                def ready(stop: Callable[[], None]) -> None:
                    stops.append(stop)
                    if over.is_set():
                        stop()
                    look(api)  # from now on nothing is missed

                api.listen(lambda: look(api), ready)
            except OSError as error:
                _log.info("Windows does not say who is in front", detail=str(error))
            finally:
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=work, name="seat", daemon=True).start()
        try:
            await ended.wait()
        finally:
            over.set()
            for stop in stops:
                stop()


class WindowsSessions:
    """The calls of Windows."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            OSError: this is not Windows.

        """
        libraries, self._last_error = load_libraries("wtsapi32")
        (wts,) = libraries
        self._ask = wts.WTSQuerySessionInformationW
        self._ask.argtypes = (c_void_p, c_uint32, c_int, c_void_p, c_void_p)
        self._free = wts.WTSFreeMemory
        self._free.argtypes, self._free.restype = (c_void_p,), None
        self._register = wts.WTSRegisterSessionNotification
        self._register.argtypes = (c_void_p, c_uint32)
        self._forget = wts.WTSUnRegisterSessionNotification
        self._forget.argtypes = (c_void_p,)

    def state(self) -> int:
        """Return the state of this session.

        Raises:
            OSError: it cannot be told.

        """
        found, size = c_void_p(), c_uint32()
        if not self._ask(None, _CURRENT_SESSION, _CONNECT_STATE, byref(found), byref(size)):
            raise OSError(f"WTSQuerySessionInformationW: error {self._last_error()}")
        try:
            return int(cast(found, POINTER(c_int)).contents.value)
        finally:
            self._free(found)

    def listen(
        self, heard: Callable[[], None], ready: Callable[[Callable[[], None]], None]
    ) -> None:
        """Hear of changes through a hidden window of this thread; see :class:`SessionApi`.

        Raises:
            OSError: there can be no such window, or it is told nothing.

        """
        window = HiddenWindow(SESSION_CHANGE, heard)
        try:
            window.open()
            if not self._register(window.handle, _THIS_SESSION):
                code = self._last_error()
                raise OSError(f"WTSRegisterSessionNotification: error {code}")
            ready(window.ask_to_close)
            window.run()
            self._forget(window.handle)
        finally:
            window.close()
