"""Long bodies have so much room; whoever finds none waits unread, and is refused in the end."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.signing.model import CardCertificate
from agent.web.front.room import SHORT, BodyRoom
from agent.web.native import routes
from tests.web.conftest import AgentFactory, FakeService

SITE = Origin.parse("https://shop.example")
OTHER = Origin.parse("https://other.example")
THIRD = Origin.parse("https://third.example")
LONG = SHORT + 1
LIMIT = 2 * LONG


async def is_let_in(room: BodyRoom, site: Origin, declared: int | None) -> bool:
    try:
        async with room.hold(site, declared, LIMIT):
            return True
    except AgentError as error:
        return error.code is not ErrorCode.BUSY


@pytest.mark.parametrize(
    ("held", "asks", "declared", "expected"),
    [
        ([], SITE, LONG, True),
        ([(SITE, LONG)], SITE, LONG, True),
        ([(SITE, LONG)] * 2, SITE, LONG, False),  # half of it is its part
        ([(SITE, LONG)] * 2, SITE, SHORT, True),
        ([(SITE, LONG)] * 2, OTHER, LONG, True),
        ([(SITE, LONG)] * 2 + [(OTHER, LONG)] * 2, THIRD, LONG, False),
        ([(SITE, LONG), (OTHER, LONG)], THIRD, None, True),
        ([(SITE, LONG), (OTHER, LONG), (THIRD, LONG)], THIRD, None, False),  # it may be long
    ],
)
async def test_who_finds_room(
    held: list[tuple[Origin, int]], asks: Origin, declared: int | None, *, expected: bool
) -> None:
    room = BodyRoom(0.05, 4 * LONG)
    async with AsyncExitStack() as stack:
        for site, length in held:
            await stack.enter_async_context(room.hold(site, length, LIMIT))
        assert await is_let_in(room, asks, declared) is expected
    assert await is_let_in(room, asks, declared)
    assert not room._held


async def test_whoever_waits_is_let_in_when_there_is_room() -> None:
    room = BodyRoom(60, 4 * LONG)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(room.hold(SITE, LONG, LIMIT))
        waiting = [asyncio.create_task(is_let_in(room, SITE, LONG)) for _ in range(10)]
        await asyncio.sleep(0)
        assert not any(each.done() for each in waiting)
    assert await asyncio.gather(*waiting) == [True] * 10


async def test_whoever_goes_away_while_waiting_leaves_nothing() -> None:
    room = BodyRoom(60, LONG)
    async with room.hold(SITE, LONG, LIMIT):
        waiting = asyncio.create_task(is_let_in(room, OTHER, LONG))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await is_let_in(room, THIRD, LONG)


async def test_long_calls_are_answered_in_turn(
    start_agent: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "BodyRoom", lambda seconds: BodyRoom(seconds, 2 * LONG))
    agent = await start_agent()  # type: ignore[operator]  # the fixture of this folder
    body = b'{"params":{"hash":"SHA-256","format":"cms","data":"' + b"QUJD" * (LONG // 4) + b'"}}'
    answers = await asyncio.gather(*(agent.post("sign", body) for _ in range(10)))
    assert [status for status, _ in answers] == [200] * 10


SIGNING = (
    b'{"id":%d,"method":"sign","params":{"hash":"SHA-256","format":"cms","data":"'
    + b"QUJD" * (LONG // 4)
    + b'"}}'
)


async def test_what_is_to_be_signed_has_room_until_it_is_answered(
    start_agent: AgentFactory, card_certificate: CardCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only until it is read: a window may be open for minutes, and a site asks much at once."""
    room = BodyRoom(60, 6 * LONG)
    monkeypatch.setattr(routes, "BodyRoom", lambda _: room)
    service = FakeService(card_certificate, gate=(gate := asyncio.Event()))
    agent = await start_agent(service=service)
    body = SIGNING[SIGNING.index(b'{"hash"') : -1]
    async with agent.socket() as socket:
        call = asyncio.create_task(agent.post("sign", b'{"params":%s}' % body))
        await service.is_entered()
        assert room._held.total() > LONG
        await socket.send_str((SIGNING % 1).decode())
        await service.is_entered()
        await socket.send_str((SIGNING % 2).decode())
        refused = await socket.receive_json()
        assert (refused["id"], refused["error"]["code"]) == (2, "busy")
        await socket.send_str('{"id":3,"method":"status","params":{}}')
        assert "result" in await socket.receive_json()  # nothing else on it dies with that
        gate.set()
        assert (await socket.receive_json())["id"] == 1
        assert (await call)[0] == 200
        await socket.send_str((SIGNING % 4).decode())
        assert "result" in await socket.receive_json()
    assert not room._held
