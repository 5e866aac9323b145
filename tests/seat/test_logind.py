"""Who is in front on Linux, told by a logind that comes, goes, lies and changes its mind."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from dbus_fast import DBusError, Message, MessageType, Variant

from agent.host.seat import find_seat
from agent.host.seat import logind as of_logind
from agent.host.seat.logind import MANAGER, PATH, SESSION, LogindSeat
from tests.seat.fake_logind import FakeLogind
from tests.tray.conftest import Bus

SECONDS = 20.0
ME, OTHER = 1001, 1002
NO_BUS: Any = None  # where a stand-in answers


def open_files() -> int:
    return len(tuple(Path("/proc/self/fd").iterdir()))


async def becomes(seat: LogindSeat, *, in_front: bool) -> None:
    async with asyncio.timeout(SECONDS):
        while seat.in_front is not in_front:
            await seat.turned()


@pytest.fixture
async def seat() -> AsyncIterator[LogindSeat]:
    made = LogindSeat(ME)
    async with made.watched(SECONDS):
        yield made


async def test_who_is_switched_away_from_is_in_the_back(logind: FakeLogind) -> None:
    mine, theirs = logind.sign_in(ME), logind.sign_in(OTHER)
    logind.switch_to(mine)
    seat = LogindSeat(ME)
    async with seat.watched(SECONDS):
        assert seat.in_front
        for _ in range(3):
            logind.switch_to(theirs)
            await becomes(seat, in_front=False)
            logind.switch_to(mine)
            await becomes(seat, in_front=True)


async def test_an_agent_that_starts_in_the_back_knows_it_at_once(logind: FakeLogind) -> None:
    logind.sign_in(ME)
    logind.switch_to(logind.sign_in(OTHER))
    seat = LogindSeat(ME)
    async with seat.watched(SECONDS):
        assert not seat.in_front


@pytest.mark.parametrize(
    "session",
    [
        None,
        {"seat": "", "kind": "tty"},  # ssh
        {"seat": "", "kind": "unspecified", "of": "manager"},  # the user's services
        {"seat": "seat0", "of": "greeter"},
    ],
)
async def test_without_a_screen_of_their_own_nobody_is_in_the_back(
    logind: FakeLogind, session: dict[str, str] | None
) -> None:
    if session is not None:
        logind.sign_in(ME, **session).active = False
    logind.switch_to(logind.sign_in(OTHER))
    seat = LogindSeat(ME)
    async with seat.watched(SECONDS):
        assert seat.in_front
        mine = logind.sign_in(ME)  # now there is one
        await becomes(seat, in_front=False)
        logind.switch_to(mine)
        await becomes(seat, in_front=True)


async def test_a_remote_desktop_is_in_front_beside_one_in_the_back(logind: FakeLogind) -> None:
    logind.sign_in(ME)
    logind.switch_to(logind.sign_in(OTHER))
    remote = logind.sign_in(ME, seat="", kind="x11")
    seat = LogindSeat(ME)
    async with seat.watched(SECONDS):
        assert seat.in_front
        logind.sign_out(remote)
        await becomes(seat, in_front=False)


async def test_who_signed_out_is_in_the_back_until_they_come_again(
    logind: FakeLogind, seat: LogindSeat
) -> None:
    mine = logind.sign_in(ME)
    await becomes(seat, in_front=False)
    logind.switch_to(mine)
    await becomes(seat, in_front=True)
    logind.sign_out(mine)
    await becomes(seat, in_front=False)
    logind.switch_to(logind.sign_in(ME))
    await becomes(seat, in_front=True)


async def test_one_of_several_sessions_in_front_is_enough(
    logind: FakeLogind, seat: LogindSeat
) -> None:
    """Two agents of one user, in two sessions, hear the same."""
    first, second = logind.sign_in(ME), logind.sign_in(ME)
    await becomes(seat, in_front=False)
    logind.switch_to(second)
    await becomes(seat, in_front=True)
    logind.sign_out(first)
    logind.switch_to(None)
    await becomes(seat, in_front=False)


async def test_after_a_storm_of_switches_it_is_right(logind: FakeLogind, seat: LogindSeat) -> None:
    mine, theirs = logind.sign_in(ME), logind.sign_in(OTHER)
    for _ in range(30):
        logind.switch_to(mine)
        logind.switch_to(theirs)
        await asyncio.sleep(0)
    await becomes(seat, in_front=False)
    logind.switch_to(mine)
    await becomes(seat, in_front=True)


async def test_logind_may_restart(logind: FakeLogind, seat: LogindSeat) -> None:
    mine, theirs = logind.sign_in(ME), logind.sign_in(OTHER)
    logind.switch_to(theirs)
    await becomes(seat, in_front=False)
    await logind.vanish()
    theirs.active, mine.active = False, True
    assert not seat.in_front  # nobody has said otherwise
    await logind.appear()
    await becomes(seat, in_front=True)


async def test_logind_may_come_later_than_the_agent(logind: FakeLogind) -> None:
    await logind.vanish()
    logind.sign_in(ME)
    seat = LogindSeat(ME)
    async with seat.watched(SECONDS):
        assert seat.in_front
        await logind.appear()
        await becomes(seat, in_front=False)


async def test_without_a_bus_for_long_nobody_is_in_the_back(
    logind: FakeLogind, system_bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is as it was before anybody asked: the first who came keeps the port."""
    monkeypatch.setattr(of_logind, "PAUSES", (0.0, 0.0, 0.0))
    logind.sign_in(ME)
    seat = LogindSeat(ME)
    with structlog.testing.capture_logs() as lines:
        async with seat.watched(SECONDS):
            assert not seat.in_front
            await logind.vanish()
            system_bus.end()
            await becomes(seat, in_front=True)
    assert len(lines) == 1


async def test_where_there_is_no_bus_it_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    seat = find_seat()
    with structlog.testing.capture_logs() as lines:
        async with seat.watched(SECONDS):
            assert seat.in_front
    assert lines == []


async def test_a_reply_that_is_none_is_not_believed(
    logind: FakeLogind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the name may say anything; the pauses keep it from being asked for ever."""
    monkeypatch.setattr(of_logind, "PAUSES", (0.0,))
    logind.sign_in(ME)
    seat = LogindSeat(ME)
    asked = asyncio.Event()

    async def strange(*_: object) -> list[object]:
        asked.set()
        raise ValueError("ListSessions returned 'v'")

    monkeypatch.setattr(of_logind, "_call", strange)
    async with seat.watched(0.01):
        async with asyncio.timeout(SECONDS):
            await asked.wait()
        assert seat.in_front


def _signal(member: str, signature: str = "so", **more: Any) -> Message:
    """Make a signal as it would come from the bus, with values of its signature."""
    values = {"so": ["7", f"{PATH}/session/_37"], "sa{sv}as": [SESSION, {}, ["Active"]]}
    return Message(
        message_type=MessageType.SIGNAL,
        path=PATH,
        interface=MANAGER,
        member=member,
        signature=signature,
        body=more.pop("body", values.get(signature)),
        **more,
    )


async def test_only_what_everybody_is_told_is_heard() -> None:
    """Anybody on the bus may send signals to one connection, of any form, and very many."""
    seat = LogindSeat(ME)
    changed = _signal("PropertiesChanged", "sa{sv}as", destination=":1.7")
    for message in (_signal("SessionNew", destination=":1.7"), changed):
        seat._hear(message)
    seat._hear(_signal("PropertiesChanged", "sa{sv}aas", body=["x", {}, [["Active"]]]))
    assert not seat._news.is_set()
    seat._hear(_signal("PropertiesChanged", "sa{sv}as"))
    assert seat._news.is_set()


@pytest.mark.parametrize("name", ["Class", "Type"])
async def test_properties_may_be_anything(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    facts = {"Class": Variant("s", "user"), name: Variant("aas", [["x11"]])}

    async def strange(_: object, where: tuple[str, ...], *__: object) -> list[object]:
        return [[["1", ME, "me", "", where[1]]]] if where[3] == "ListSessions" else [facts]

    monkeypatch.setattr(of_logind, "_call", strange)
    assert await LogindSeat(ME)._is_in_front(NO_BUS)


@pytest.mark.parametrize(("error", "in_front"), [("NoReply", True), ("UnknownObject", False)])
async def test_it_may_end_in_the_middle_of_a_question(
    monkeypatch: pytest.MonkeyPatch, error: str, in_front: bool
) -> None:
    """That is not the end of the session, whose ports would be given up for it."""
    facts = {"Type": Variant("s", "wayland"), "Active": Variant("b", True)}
    left = False

    async def answer(_: object, where: tuple[str, ...], *__: object) -> list[object]:
        if where[3] == "ListSessions":
            return [[["1", ME, "me", "seat0", where[1]]]]
        if left:
            raise DBusError(f"org.freedesktop.DBus.Error.{error}", "it has left")
        return [facts]

    monkeypatch.setattr(of_logind, "_call", answer)
    seat, bus = LogindSeat(ME), NO_BUS
    await seat._ask(bus)
    left = True
    await seat._ask(bus)
    assert seat.in_front is in_front


async def test_nothing_is_left_when_it_ends(logind: FakeLogind) -> None:
    logind.sign_in(ME)
    before = open_files(), len(asyncio.all_tasks())
    for _ in range(3):
        async with LogindSeat(ME).watched(SECONDS):
            pass
    await asyncio.sleep(0)
    assert (open_files(), len(asyncio.all_tasks())) == before
