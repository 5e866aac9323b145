"""Who is in front on Linux: systemd-logind tells it on the system's bus.

https://www.freedesktop.org/software/systemd/man/org.freedesktop.login1.html. Sessions of this user
are asked about, not the one that this process was started in: a desktop that starts programs as
units of the user's manager starts them in no session.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Any, Final

import structlog
from dbus_fast import BusType, DBusError, Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, InvalidAddressError

from agent.host.seat.session_seat import SessionSeat

LOGIND: Final = "org.freedesktop.login1"
PATH: Final = "/org/freedesktop/login1"
MANAGER: Final = "org.freedesktop.login1.Manager"
SESSION: Final = "org.freedesktop.login1.Session"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_BUS: Final = "org.freedesktop.DBus"
_BUS_PATH: Final = "/org/freedesktop/DBus"
_GRAPHICAL: Final = ("x11", "wayland", "mir")  # compared, not hashed: a value may be anything
_OF_SESSIONS: Final = f"member='PropertiesChanged',path_namespace='{PATH}/session'"
_RULES: Final = (
    f"type='signal',sender='{LOGIND}',interface='{_PROPERTIES}',{_OF_SESSIONS}",
    f"type='signal',sender='{LOGIND}',interface='{MANAGER}',member='SessionNew'",
    f"type='signal',sender='{LOGIND}',interface='{MANAGER}',member='SessionRemoved'",
    f"type='signal',sender='{_BUS}',member='NameOwnerChanged',arg0='{LOGIND}'",
)
CALL_SECONDS: Final = 5.0
"""How long the bus or logind may take for one call."""
CLOSE_SECONDS: Final = 1.0
"""How long the end of a connection may take."""
_BROKEN_SECONDS: Final = 0.05  # likewise, of one that did not come about
MAX_SESSIONS: Final = 64
"""Sessions of this user that are looked at; who has more has them without a screen."""
PAUSES: Final = (0.5, 1.0, 2.0, 5.0)
"""Seconds before each attempt after a failure; afterwards nobody is believed to be in the back."""
RARE_SECONDS: Final = 60.0
"""Pause between attempts from then on."""

_FAILURES: Final = (OSError, EOFError, ValueError, DBusError, AuthError, InvalidAddressError)
"""What a bus, or whatever is in its place, can make of a call; TimeoutError is an OSError."""

_log = structlog.get_logger(__name__)


class LogindSeat(SessionSeat):
    """In front while a session of this user with a screen is active, or there is none with one."""

    def __init__(self, user: int | None = None) -> None:
        """Prepare to ask.

        Args:
            user: whose sessions count, as a number; None for this process's.

        """
        super().__init__()
        self._user = os.getuid() if user is None else user
        self._had_screen = False
        self._failures = 0
        self._news = asyncio.Event()

    async def _watch(self) -> None:
        while True:
            try:
                await self._follow()
            except _FAILURES as error:
                if isinstance(error, FileNotFoundError) and not self._had_screen:
                    return  # no bus at all: a container
                await self._pause(error)

    async def _pause(self, error: BaseException) -> None:
        """Wait after a failure; believe what was said last for some seconds, and no longer."""
        if self._failures == 0:
            _log.info("logind does not say who is in front", detail=str(error) or repr(error))
        pause = RARE_SECONDS
        if self._failures < len(PAUSES):
            pause = PAUSES[self._failures]
        else:
            self._tell(in_front=True)
        self._failures += 1
        await asyncio.sleep(pause)

    async def _follow(self) -> None:
        """Ask at the beginning, and with each news, until the bus goes away."""
        bus = MessageBus(bus_type=BusType.SYSTEM)
        lost = asyncio.ensure_future(
            bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast has no type here
        )
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await bus.connect()
            bus.add_message_handler(self._hear)
            for rule in _RULES:
                await _call(bus, (_BUS, _BUS_PATH, _BUS, "AddMatch"), "", rule)
            while not lost.done():
                self._news.clear()
                await self._ask(bus)
                await _first_of(lost, self._news)
            raise ConnectionError("the connection to the bus was lost")
        finally:
            await _disconnect(bus, lost)

    async def _ask(self, bus: MessageBus) -> None:
        """Ask logind; where it is not there now, the bus tells when it comes."""
        try:
            self._tell(in_front=await self._is_in_front(bus))
        except DBusError as error:
            if error.type not in _ABSENT:
                raise
            self._known.set()
        self._failures = 0

    def _hear(self, message: Message) -> None:
        """Note what may have changed; what it is, is asked: only the answer to that is current."""
        if message.message_type is not MessageType.SIGNAL or message.destination:
            return  # what is sent to this connection alone, anybody on the bus may have sent
        if message.member in {"SessionNew", "SessionRemoved", "NameOwnerChanged"} or (
            message.member == "PropertiesChanged" and "Active" in _changed(message)
        ):
            self._news.set()

    async def _is_in_front(self, bus: MessageBus) -> bool:
        where = (LOGIND, PATH, MANAGER, "ListSessions")
        (sessions,) = await _call(bus, where, "a(susso)")
        own = [each[4] for each in sessions if each[1] == self._user]
        active: list[bool] = []
        for path in own[:MAX_SESSIONS]:
            try:
                where = (LOGIND, path, _PROPERTIES, "GetAll")
                (facts,) = await _call(bus, where, "a{sv}", SESSION)
            except DBusError as error:
                if error.type in _ABSENT:
                    raise  # logind itself has ended, and not the session
                continue  # there will be news of that
            if _has_screen(facts):
                active.append(bool(_value(facts, "Active")))
        self._had_screen = self._had_screen or bool(active)
        # Whoever had a screen and has none any more has signed out.
        return any(active) if active else not self._had_screen


_ABSENT: Final = frozenset(
    {
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.NoReply",  # it ended in the middle of the call
    }
)


def _has_screen(facts: Mapping[str, Any]) -> bool:
    """Return whether a session is one at a screen, here or far away; one of ssh is none."""
    if _value(facts, "Class") not in ("user", "user-early", None):
        return False  # a greeter, a lock screen, the manager of the user's units
    seat = _value(facts, "Seat")
    at_seat = isinstance(seat, list | tuple) and bool(seat) and bool(seat[0])
    return at_seat or _value(facts, "Type") in _GRAPHICAL


def _value(facts: Mapping[str, Any], name: str) -> Any:
    return getattr(facts.get(name), "value", None)


def _changed(message: Message) -> frozenset[str]:
    """Return the names of the properties that a signal says have changed."""
    if message.signature != "sa{sv}as":
        return frozenset()
    _, values, names = message.body
    return frozenset({*values, *names})


async def _first_of(lost: asyncio.Future[None], news: asyncio.Event) -> None:
    coming = asyncio.ensure_future(news.wait())
    try:
        await asyncio.wait((lost, coming), return_when=asyncio.FIRST_COMPLETED)
    finally:
        coming.cancel()


async def _disconnect(bus: MessageBus, lost: asyncio.Future[None]) -> None:
    """Disconnect, and wait until that has happened: what ended later would be nobody's to read."""
    seconds = CLOSE_SECONDS if bus.connected else _BROKEN_SECONDS
    bus.disconnect()
    await asyncio.wait((lost,), timeout=seconds)
    if not lost.cancel() and not lost.cancelled():
        lost.exception()  # read, so that asyncio does not log it


async def _call(
    bus: MessageBus, where: tuple[str, str, str, str], signature: str, *texts: str
) -> list[Any]:
    """Call a method; return the values of its reply.

    Args:
        bus: connected.
        where: name, path, interface and member.
        signature: that the reply must have.
        texts: the arguments.

    Raises:
        DBusError: it returned an error, or nobody has that name.
        ValueError: the reply is another one.
        TimeoutError: it did not reply in time.

    """
    name, path, interface, member = where
    message = Message(
        destination=name,
        path=path,
        interface=interface,
        member=member,
        signature="s" * len(texts),
        body=list(texts),
        flags=MessageFlag.NO_AUTOSTART,  # to look must not start anything
    )
    async with asyncio.timeout(CALL_SECONDS):
        reply = await bus.call(message)
    if reply.message_type is MessageType.ERROR:
        what = reply.error_name or "org.freedesktop.DBus.Error.Failed"
        raise DBusError(what, str(reply.body))
    if reply.signature != signature:
        raise ValueError(f"{member} returned {reply.signature!r}")
    return list(reply.body)
