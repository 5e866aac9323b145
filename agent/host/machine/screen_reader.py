"""Whether a screen reader runs on this computer, for this user.

Windows of Tk tell a screen reader nothing on Linux and little on Windows; whoever uses one is asked
in a page of the browser instead.
"""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_SECONDS: Final = 0.5
"""How long it may take to find out: a question waits for that."""
_GET_SCREEN_READER: Final = 0x0046  # SPI_GETSCREENREADER, winuser.h
_NARRATOR: Final = r"Software\Microsoft\Narrator\NoRoam"
"""Narrator sets no system parameter; its key has ``RunningState``."""
_ORCA: Final = ("orca", "cthulhu")
"""What the processes of screen readers of Linux are called, in ``/proc/<pid>/comm``."""


async def runs() -> bool:
    """Return whether a screen reader runs, as far as that can be found out in half a second."""
    try:
        async with asyncio.timeout(_SECONDS):
            if sys.platform == "win32":
                return await asyncio.to_thread(_told_by_windows)
            if sys.platform == "darwin":
                return await asyncio.to_thread(_told_by_macos)
            return await asyncio.to_thread(has_reader_process) or await _told_on_bus()
    except TimeoutError:
        return False


def has_reader_process(processes: Path = Path("/proc")) -> bool:
    """Return whether a process of this user's is a screen reader of Linux; blocks.

    Args:
        processes: the folder with one folder for each process.

    """
    with suppress(OSError), os.scandir(processes) as entries:
        return any(entry.name.isdigit() and _is_reader(Path(entry.path)) for entry in entries)
    return False


def _is_reader(process: Path) -> bool:
    try:
        name = (process / "comm").read_text("utf-8", "replace").strip()
        return name in _ORCA and process.stat().st_uid == os.getuid()
    except OSError:  # it has ended
        return False


async def _told_on_bus() -> bool:
    """Return what the desktop says on the session's bus (AT-SPI's ``org.a11y.Status``)."""
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return False
    from dbus_fast import Message, MessageFlag, MessageType  # noqa: PLC0415  # Linux only
    from dbus_fast.aio import MessageBus  # noqa: PLC0415  # likewise
    from dbus_fast.errors import (  # noqa: PLC0415  # likewise
        AuthError,
        DBusError,
        InvalidAddressError,
    )

    bus = None
    try:
        bus = MessageBus()
        await bus.connect()
        reply = await bus.call(
            Message(
                destination="org.a11y.Bus",
                path="/org/a11y/bus",
                interface="org.freedesktop.DBus.Properties",
                member="Get",
                signature="ss",
                body=["org.a11y.Status", "ScreenReaderEnabled"],
                # To look must not start anything.
                flags=MessageFlag.NO_AUTOSTART,
            )
        )
    except (OSError, ValueError, EOFError, DBusError, AuthError, InvalidAddressError):
        return False
    finally:
        if bus is not None:
            bus.disconnect()
    if reply is None or reply.message_type is not MessageType.METHOD_RETURN:
        return False
    return bool(reply.body) and getattr(reply.body[0], "value", False) is True


def _told_by_windows() -> bool:
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # Windows only
        import winreg  # noqa: PLC0415  # likewise

        found = ctypes.c_int(0)
        ask = ctypes.windll.user32.SystemParametersInfoW
        if ask(_GET_SCREEN_READER, 0, ctypes.byref(found), 0) and found.value:
            return True
        with suppress(OSError), winreg.OpenKey(winreg.HKEY_CURRENT_USER, _NARRATOR) as key:
            state, _ = winreg.QueryValueEx(key, "RunningState")
            return bool(state == 1)
    return False


def _told_by_macos() -> bool:
    asked = ("/usr/bin/defaults", "read", "com.apple.universalaccess", "voiceOverOnOffKey")
    try:
        told = subprocess.run(asked, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603  # a fixed command
    except (OSError, subprocess.TimeoutExpired):
        return False
    return told.stdout.strip() == b"1"
