"""Who is in front on macOS: the window server says whether this session has the console.

CGSession.h. The desktop's notifications of a switch reach only programs that run its own event
loop, which an agent without an icon does not: so it is asked, in the round of the checks that there
are anyway.
"""

import asyncio
import ctypes
from collections.abc import Callable
from contextlib import suppress
from ctypes import c_char_p, c_uint32, c_void_p
from typing import Any, Final

import structlog

from agent.host.seat.session_seat import SessionSeat
from agent.periodic import CHECKS, PeriodicChecks

_GRAPHICS: Final = "/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics"
_FOUNDATION: Final = "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation"
_ON_CONSOLE: Final = b"kCGSSessionOnConsoleKey"
_UTF8: Final = 0x0800_0100  # kCFStringEncodingUTF8

_log = structlog.get_logger(__name__)


class MacosSeat(SessionSeat):
    """In front unless the window server says that another session has the console."""

    def __init__(
        self, ask: Callable[[], bool | None] | None = None, checks: PeriodicChecks = CHECKS
    ) -> None:
        """Prepare to ask.

        Args:
            ask: returns whether this session has the console, None where there is no session;
                None for the window server. May raise an OSError.
            checks: in whose rounds it is asked.

        """
        super().__init__()
        self._ask = ask
        self._checks = checks

    async def _watch(self) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        try:
            ask = self._ask or window_server()
            first = await asyncio.to_thread(ask)
        except (OSError, AttributeError) as error:  # no library, or none with these calls
            _log.info("macOS does not say who is in front", detail=str(error))
            return
        if first is None:
            return  # in ssh, or started by the system: there is no session to be in front
        self._tell(in_front=first)

        def check() -> None:
            found = ask()
            if found is not None and found is not self.in_front:
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(lambda: self._tell(in_front=found))

        with self._checks.running(check):
            await ended.wait()


def window_server(load: Callable[[str], Any] = ctypes.CDLL) -> Callable[[], bool | None]:
    """Return what asks the window server whether this session has the console.

    Args:
        load: loads a library.

    Raises:
        OSError: there is no such library.

    """
    graphics, foundation = load(_GRAPHICS), load(_FOUNDATION)
    make = foundation.CFStringCreateWithCString
    make.argtypes, make.restype = (c_void_p, c_char_p, c_uint32), c_void_p
    read = graphics.CGSessionCopyCurrentDictionary
    read.argtypes, read.restype = (), c_void_p
    find = foundation.CFDictionaryGetValue
    find.argtypes, find.restype = (c_void_p, c_void_p), c_void_p
    is_true = foundation.CFBooleanGetValue
    is_true.argtypes, is_true.restype = (c_void_p,), ctypes.c_ubyte
    release = foundation.CFRelease
    release.argtypes, release.restype = (c_void_p,), None
    key = make(None, _ON_CONSOLE, _UTF8)

    def ask() -> bool | None:
        facts = read()
        if not facts:
            return None
        try:
            found = find(facts, key)
            return None if not found else bool(is_true(found))
        finally:
            release(facts)

    return ask
