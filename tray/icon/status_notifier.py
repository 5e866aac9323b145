"""The Linux icon: our own StatusNotifierItem and menu on the session's D-Bus, and nothing else.

No toolkit: GTK would weigh a hundred times as much, and an X icon has no menu. A desktop without
a panel that knows these items shows nothing; one whose panel starts later gets the icon then.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import structlog
from dbus_fast import BusType, DBusError, Message, MessageType, NameFlag, Variant
from dbus_fast.aio import MessageBus

from tray.icon import dbus_item, dbus_menu
from tray.icon.backend import NoTrayError
from tray.icon.face import Face

WATCHER: Final = "org.kde.StatusNotifierWatcher"
_WATCHER_PATH: Final = "/StatusNotifierWatcher"
_NOTIFIER: Final = "org.freedesktop.Notifications"
_NOTIFIER_PATH: Final = "/org/freedesktop/Notifications"
_BUS: Final = "org.freedesktop.DBus"
_BUS_PATH: Final = "/org/freedesktop/DBus"
CALL_SECONDS: Final = 5.0
"""How long another program may take to answer."""
CLOSE_SECONDS: Final = 1.0
"""How long the bus may take to be gone."""
SHOWN: Final = 8_000
"""Milliseconds for which a notification stays."""

_log = structlog.get_logger(__name__)


class StatusNotifier:
    """The icon, in an event loop of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._stop_wanted = False
        self._bus: MessageBus | None = None
        self._item: dbus_item.StatusNotifierItem | None = None
        self._menu: dbus_menu.DbusMenu | None = None
        self._name = ""
        self._sending: set[asyncio.Task[None]] = set()

    def run(self, face: Face, chosen: Callable[[str], None]) -> None:
        """Show ``face``; return after :meth:`stop`.

        Raises:
            NoTrayError: there is no session bus, or it has gone away.

        """
        asyncio.run(self._run(face, chosen))

    def show(self, face: Face) -> None:
        """Show another face; from any thread."""
        self._call(lambda: self._show(face))

    def notify(self, title: str, body: str) -> None:
        """Tell the citizen something for a few seconds; from any thread."""
        self._call(lambda: self._keep(self._notify(title, body)))

    def stop(self) -> None:
        """Have :meth:`run` return; from any thread, also before it runs."""
        with self._lock:
            self._stop_wanted = True
        self._call(lambda: self._stopped.set() if self._stopped is not None else None)

    def _call(self, work: Callable[[], None]) -> None:
        with self._lock, suppress(RuntimeError):  # the loop may have just ended
            if self._loop is not None:
                self._loop.call_soon_threadsafe(work)

    # In the loop.

    async def _run(self, face: Face, chosen: Callable[[str], None]) -> None:
        self._stopped = asyncio.Event()
        with self._lock:
            self._loop = asyncio.get_running_loop()
            if self._stop_wanted:
                return
        self._bus = bus = await _connect()
        lost = asyncio.ensure_future(
            bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast has no type here
        )
        try:
            await self._export(bus, face, chosen)
            await _wait(lost, self._stopped)
        finally:
            with self._lock:
                self._loop = None
            await self._close(bus, lost)

    async def _close(self, bus: MessageBus, lost: asyncio.Future[None]) -> None:
        """Let go of the bus, and wait until dbus-fast has: what it leaves behind complains later.

        Calls that wait for an answer would get none, and their errors nobody to look at them.
        """
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        bus.disconnect()
        await asyncio.wait((lost,), timeout=CLOSE_SECONDS)
        if not lost.cancel():
            lost.exception()  # whatever it was: the bus is gone

    async def _export(self, bus: MessageBus, face: Face, chosen: Callable[[str], None]) -> None:
        self._item = dbus_item.StatusNotifierItem(face, lambda: chosen("panel:state"))
        self._menu = dbus_menu.DbusMenu(face.menu, chosen)
        bus.export(dbus_item.PATH, self._item)
        bus.export(dbus_item.MENU_PATH, self._menu)
        self._name = f"org.kde.StatusNotifierItem-{os.getpid()}-1"
        await bus.request_name(self._name, NameFlag.DO_NOT_QUEUE)
        bus.add_message_handler(self._hear)
        rule = f"type='signal',sender='{_BUS}',member='NameOwnerChanged',arg0='{WATCHER}'"
        await _call(bus, _BUS, _BUS_PATH, _BUS, "AddMatch", "s", [rule])
        await self._register()

    def _hear(self, message: Message) -> None:
        """Register again when the desktop's panel has come back."""
        if (
            message.message_type is MessageType.SIGNAL
            and message.member == "NameOwnerChanged"
            and message.sender == _BUS
            and message.body[:1] == [WATCHER]
            and message.body[2]
        ):
            self._keep(self._register())

    async def _register(self) -> None:
        if self._bus is None:
            return
        try:
            await _call(
                *(self._bus, WATCHER, _WATCHER_PATH, WATCHER),
                *("RegisterStatusNotifierItem", "s", [self._name]),
            )
        except (DBusError, TimeoutError) as error:
            _log.info("no panel shows the icon yet", detail=str(error))

    def _show(self, face: Face) -> None:
        if self._item is not None and self._menu is not None:
            self._item.show(face)
            self._menu.show(face.menu)

    async def _notify(self, title: str, body: str) -> None:
        if self._bus is None:
            return
        content = ["Ankong", 0, "", title, await self._plain(self._bus, body), [], _HINTS, SHOWN]
        try:
            where = (_NOTIFIER, _NOTIFIER_PATH, _NOTIFIER)
            await _call(self._bus, *where, "Notify", "susssasa{sv}i", content)
        except (DBusError, TimeoutError) as error:
            _log.info("no notification can be shown", detail=str(error))

    async def _plain(self, bus: MessageBus, text: str) -> str:
        """Keep foreign text from being read as markup, where it would be."""
        try:
            where = (_NOTIFIER, _NOTIFIER_PATH, _NOTIFIER)
            (abilities,) = await _call(bus, *where, "GetCapabilities", "", [])
        except (DBusError, TimeoutError, ValueError):
            abilities = []
        if "body-markup" not in abilities:
            return text
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def _keep(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)


_HINTS: Final = {"category": Variant("s", "device"), "urgency": Variant("y", 1)}


async def _wait(lost: asyncio.Future[None], stopped: asyncio.Event) -> None:
    """Return when the icon is to go.

    Raises:
        NoTrayError: the bus was lost before.

    """
    wanted = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait((lost, wanted), return_when=asyncio.FIRST_COMPLETED)
    finally:
        wanted.cancel()
    if not stopped.is_set():
        raise NoTrayError("the session bus is gone")


async def _connect() -> MessageBus:
    try:
        async with asyncio.timeout(CALL_SECONDS):
            return await MessageBus(bus_type=BusType.SESSION).connect()
    except Exception as error:  # whatever stands in the address, or answers there
        raise NoTrayError(f"no session bus: {error}") from error


async def _call(  # noqa: PLR0913, PLR0917  # that is what a D-Bus call is made of
    bus: MessageBus,
    name: str,
    path: str,
    interface: str,
    member: str,
    signature: str,
    body: list[Any],
) -> list[Any]:
    """Call a method of another program.

    Raises:
        DBusError: it says no, or is not there.
        TimeoutError: it says nothing.

    """
    message = Message(
        destination=name,
        path=path,
        interface=interface,
        member=member,
        signature=signature,
        body=body,
    )
    async with asyncio.timeout(CALL_SECONDS):
        reply = await bus.call(message)
    if reply.message_type is MessageType.ERROR:
        raise DBusError(reply.error_name or "org.freedesktop.DBus.Error.Failed", str(reply.body))
    return list(reply.body)
