"""The icon on Linux: a StatusNotifierItem and its menu on the session's D-Bus (DECISIONS.md).

A desktop whose panel does not support such items shows no icon; when a panel that does starts
later, the icon appears then.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

import structlog
from dbus_fast import BusType, DBusError, Message, MessageType, NameFlag, Variant
from dbus_fast.aio import MessageBus

from tray.icon import dbus_item, dbus_menu
from tray.icon.backend import NoTrayError, TrayNotice
from tray.icon.view import TrayView

WATCHER: Final = "org.kde.StatusNotifierWatcher"
_WATCHER_PATH: Final = "/StatusNotifierWatcher"
_NOTIFIER: Final = "org.freedesktop.Notifications"
_NOTIFIER_PATH: Final = "/org/freedesktop/Notifications"
_BUS: Final = "org.freedesktop.DBus"
_BUS_PATH: Final = "/org/freedesktop/DBus"
CALL_SECONDS: Final = 5.0
"""How long another program may take to answer a call."""
CLOSE_SECONDS: Final = 1.0
"""How long closing the connection to the bus may take."""
NOTIFICATION_MILLISECONDS: Final = 8_000
"""How long a notification is shown."""

MAX_CLICKABLE: Final = 16
"""Notifications whose clicks are waited for: a desktop may keep them in a list for days."""
_CLICK: Final = "default"  # the action of a click on the notification itself

_log = structlog.get_logger(__name__)


class StatusNotifier:
    """The icon on Linux, in an event loop of its own; see :class:`~tray.icon.backend.Backend`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._stop_wanted = False
        self._bus: MessageBus | None = None
        self._item: dbus_item.StatusNotifierItem | None = None
        self._menu: dbus_menu.DbusMenu | None = None
        self._name = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._chosen: Callable[[str], None] = lambda _: None
        self._told: Callable[[bool], None] = lambda _: None
        self._notifying = asyncio.Lock()
        self._shown: dict[tuple[str | None, int], str] = {}

    def run(
        self,
        view: TrayView,
        chosen: Callable[[str], None],
        shown: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Show the icon; block until :meth:`stop` is called.

        Raises:
            NoTrayError: there is no session bus, or the connection to it was lost.

        """
        self._told = shown
        asyncio.run(self._run(view, chosen))

    def show(self, view: TrayView) -> None:
        """Replace what is shown; may be called from any thread."""
        self._call_in_loop(lambda: self._show(view))

    def notify(self, notice: TrayNotice) -> None:
        """Show a notification; may be called from any thread."""
        self._call_in_loop(lambda: self._start_task(self._notify(notice)))

    def stop(self) -> None:
        """Make :meth:`run` return; may be called from any thread, also before :meth:`run`."""
        with self._lock:
            self._stop_wanted = True
        self._call_in_loop(lambda: self._stopped.set() if self._stopped is not None else None)

    def _call_in_loop(self, work: Callable[[], None]) -> None:
        with self._lock, suppress(RuntimeError):  # the loop may have just ended
            if self._loop is not None:
                self._loop.call_soon_threadsafe(work)

    # In the loop.

    async def _run(self, view: TrayView, chosen: Callable[[str], None]) -> None:
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
            await self._export(bus, view, chosen)
            await _wait(lost, self._stopped)
        finally:
            with self._lock:
                self._loop = None
            await self._close(bus, lost)

    async def _close(self, bus: MessageBus, lost: asyncio.Future[None]) -> None:
        """Disconnect from the bus and wait until dbus-fast has finished.

        Calls in progress are cancelled first. A task that ended later would print a traceback
        that nobody can handle.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        bus.disconnect()
        await asyncio.wait((lost,), timeout=CLOSE_SECONDS)
        if not lost.cancel():
            lost.exception()  # read, so that asyncio does not log it; the connection is closed

    async def _export(self, bus: MessageBus, view: TrayView, chosen: Callable[[str], None]) -> None:
        self._chosen = chosen
        self._item = dbus_item.StatusNotifierItem(view, lambda: chosen("panel:state"))
        self._menu = dbus_menu.DbusMenu(view.menu, chosen)
        bus.export(dbus_item.PATH, self._item)
        bus.export(dbus_item.MENU_PATH, self._menu)
        self._name = f"org.kde.StatusNotifierItem-{os.getpid()}-1"
        await bus.request_name(self._name, NameFlag.DO_NOT_QUEUE)
        bus.add_message_handler(self._on_message)
        rule = f"type='signal',sender='{_BUS}',member='NameOwnerChanged',arg0='{WATCHER}'"
        await _call(bus, _BUS, _BUS_PATH, _BUS, "AddMatch", "s", [rule])
        clicks = f"type='signal',sender='{_NOTIFIER}',member='ActionInvoked'"
        await _call(bus, _BUS, _BUS_PATH, _BUS, "AddMatch", "s", [clicks])
        await self._register()

    def _on_message(self, message: Message) -> None:
        """Register again when the desktop's panel has started again; hear clicks."""
        if message.message_type is not MessageType.SIGNAL:
            return
        if (
            message.member == "NameOwnerChanged"
            and message.sender == _BUS
            and message.body[:1] == [WATCHER]
        ):
            if message.body[2]:
                self._start_task(self._register())
            else:
                self._told(False)  # the desktop's panel has ended
        if (
            message.interface == _NOTIFIER
            and message.member == "ActionInvoked"
            and message.signature == "us"
            and message.body[1] == _CLICK
        ):
            self._start_task(self._clicked(message.sender, message.body[0]))

    async def _clicked(self, sender: str | None, number: int) -> None:
        """Do what a notification stands for, once, if its sender is who showed it."""
        async with self._notifying:  # its number may not have been read yet
            key = self._shown.pop((sender, number), "")
        if key:
            self._chosen(key)

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
            self._told(False)
        else:
            self._told(True)

    def _show(self, view: TrayView) -> None:
        if self._item is not None and self._menu is not None:
            self._item.show(view)
            self._menu.show(view.menu)

    async def _notify(self, notice: TrayNotice) -> None:
        if self._bus is None:
            return
        where = (_NOTIFIER, _NOTIFIER_PATH, _NOTIFIER)
        try:
            (capabilities,) = await _call(self._bus, *where, "GetCapabilities", "", [])
        except (DBusError, TimeoutError, ValueError):
            capabilities = []
        clickable = "actions" in capabilities
        text = notice.text(clickable=clickable)
        if "body-markup" in capabilities:
            text = _without_markup(text)
        actions = [_CLICK, notice.title] if clickable and notice.key else []
        content = ["Ankong", 0, "", notice.title, text, actions, _HINTS, NOTIFICATION_MILLISECONDS]
        try:
            async with self._notifying:
                reply = await _request(self._bus, *where, "Notify", "susssasa{sv}i", content)
                if actions and reply.signature == "u":
                    self._remember(reply.sender, reply.body[0], notice.key)
        except (DBusError, TimeoutError) as error:
            _log.info("no notification can be shown", detail=str(error))

    def _remember(self, sender: str | None, number: int, key: str) -> None:
        """Remember what a notification stands for; the oldest is forgotten."""
        self._shown.pop((sender, number), None)
        self._shown[sender, number] = key
        while len(self._shown) > MAX_CLICKABLE:
            del self._shown[next(iter(self._shown))]

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)


def _without_markup(text: str) -> str:
    """Return the text with ``&``, ``<`` and ``>`` escaped, for a desktop that reads markup.

    Names of documents come from pages: they must not become links or pictures.
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_HINTS: Final = {"category": Variant("s", "device"), "urgency": Variant("y", 1)}


async def _wait(lost: asyncio.Future[None], stopped: asyncio.Event) -> None:
    """Wait until the icon is stopped.

    Raises:
        NoTrayError: the connection to the bus was lost before.

    """
    wanted = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait((lost, wanted), return_when=asyncio.FIRST_COMPLETED)
    finally:
        wanted.cancel()
    if not stopped.is_set():
        raise NoTrayError("the connection to the session bus was lost")


async def _connect() -> MessageBus:
    try:
        async with asyncio.timeout(CALL_SECONDS):
            return await MessageBus(bus_type=BusType.SESSION).connect()
    except Exception as error:  # the address or the program behind it may be anything
        raise NoTrayError(f"no session bus: {error}") from error


async def _call(bus: MessageBus, *call: Any) -> list[Any]:
    """Call a method of another program; return the values of its reply.

    See :func:`_request`.
    """
    return list((await _request(bus, *call)).body)


async def _request(  # noqa: PLR0913, PLR0917  # a D-Bus call has so many parts
    bus: MessageBus,
    name: str,
    path: str,
    interface: str,
    member: str,
    signature: str,
    body: list[Any],
) -> Message:
    """Call a method of another program; return its reply.

    Raises:
        DBusError: it returned an error, or there is no such program or method.
        TimeoutError: it did not reply within ``CALL_SECONDS``.

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
    return reply
