"""A stand-in for systemd-logind: sessions of people at one screen, on a bus of the test's own."""

import itertools
from contextlib import suppress
from typing import Annotated, Any

from dbus_fast import BusType, RequestNameReply
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusObjectPath, DBusSignature, DBusStr
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from agent.host.seat.logind import LOGIND, MANAGER, PATH, SESSION

_Named = Annotated[list[Any], DBusSignature("so")]


class Session(ServiceInterface):
    """One session; its properties as logind has them."""

    def __init__(self, number: str, user: int, *, seat: str, kind: str, of: str) -> None:
        super().__init__(SESSION)
        self.number, self.user, self.seat, self.kind, self.of = number, user, seat, kind, of
        self.active = not seat  # without a seat it always is

    @property
    def path(self) -> str:
        return f"{PATH}/session/_{self.number}"

    @dbus_property(access=PropertyAccess.READ)
    def Active(self) -> DBusBool:  # noqa: N802
        return self.active

    @dbus_property(access=PropertyAccess.READ)
    def Type(self) -> DBusStr:  # noqa: N802
        return self.kind

    @dbus_property(access=PropertyAccess.READ)
    def Class(self) -> DBusStr:  # noqa: N802
        return self.of

    @dbus_property(access=PropertyAccess.READ)
    def Seat(self) -> Annotated[list[Any], DBusSignature("(so)")]:  # noqa: N802
        return [self.seat, f"{PATH}/seat/{self.seat}" if self.seat else "/"]

    def turn(self, *, active: bool) -> None:
        self.active = active
        self.emit_properties_changed({"Active": active})


class _Manager(ServiceInterface):
    def __init__(self, sessions: dict[str, Session]) -> None:
        super().__init__(MANAGER)
        self._sessions = sessions
        self.asked = 0

    @dbus_method()
    def ListSessions(self) -> Annotated[list[Any], DBusSignature("a(susso)")]:  # noqa: N802
        self.asked += 1
        return [
            [each.number, each.user, str(each.user), each.seat, each.path]
            for each in self._sessions.values()
        ]

    @dbus_signal()
    def SessionNew(self, number: DBusStr, path: DBusObjectPath) -> _Named:  # noqa: N802
        return [number, path]

    @dbus_signal()
    def SessionRemoved(self, number: DBusStr, path: DBusObjectPath) -> _Named:  # noqa: N802
        return [number, path]


class FakeLogind:
    """Sessions come, go, and take turns; use it in one event loop."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._bus: MessageBus | None = None
        self._numbers = itertools.count(1)
        self.sessions: dict[str, Session] = {}
        self.manager = _Manager(self.sessions)

    async def appear(self) -> None:
        self._bus = await MessageBus(self._address, BusType.SESSION).connect()
        self._bus.export(PATH, self.manager)
        for session in self.sessions.values():
            self._bus.export(session.path, session)
        assert await self._bus.request_name(LOGIND) is RequestNameReply.PRIMARY_OWNER

    async def vanish(self) -> None:
        if self._bus is not None:
            self._bus.unexport(PATH)
            for session in self.sessions.values():
                self._bus.unexport(session.path)
            self._bus.disconnect()
            with suppress(OSError):  # the bus may have ended before
                await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
            self._bus = None

    def sign_in(
        self, user: int, *, seat: str = "seat0", kind: str = "wayland", of: str = "user"
    ) -> Session:
        """Begin a session; one at a seat is in the back until :meth:`switch_to`."""
        number = str(next(self._numbers))
        session = self.sessions[number] = Session(number, user, seat=seat, kind=kind, of=of)
        if self._bus is not None:
            self._bus.export(session.path, session)
            self.manager.SessionNew(number, session.path)
        return session

    def sign_out(self, session: Session) -> None:
        del self.sessions[session.number]
        if self._bus is not None:
            self._bus.unexport(session.path)
            self.manager.SessionRemoved(session.number, session.path)

    def switch_to(self, wanted: Session | None) -> None:
        """Bring a session of a seat to the front, as fast user switching does; None for none."""
        for session in self.sessions.values():
            if session.seat and session.active and session is not wanted:
                session.turn(active=False)
        if wanted is not None and not wanted.active:
            wanted.turn(active=True)
