"""The native API over a WebSocket: side by side, cancellable, and with events."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import structlog.testing

from agent.errors import PinError
from agent.origin import Origin
from agent.signing.model import CardPresence, Event, ReaderView, Snapshot
from agent.web.front.limits import Limits

SITE = "https://shop.example"
STRANGER = "https://stranger.example"
PARAMS = {"data": "AAAA", "hash": "SHA-256", "format": "cms", "pin": "123456"}


async def ask(socket: Any, request_id: Any, method: str, **params: Any) -> None:
    await socket.send_json({"id": request_id, "method": method, "params": params})


async def told(socket: Any) -> dict[str, Any]:
    message: dict[str, Any] = await socket.receive_json(timeout=10)
    return message


async def test_questions_are_answered_by_id(agent: Any) -> None:
    async with agent.socket() as socket:
        assert socket.protocol == "ankong.v1"
        await ask(socket, 1, "status")
        assert (await told(socket))["result"]["allowed"] is True
        await ask(socket, "two", "readers")
        answer = await told(socket)
        assert answer["id"] == "two"
        assert answer["result"]["service"] == "available"
        await ask(socket, 3, "sign", **PARAMS)
        assert (await told(socket))["result"]["signature"]
        await ask(socket, 4, "decrypt", data="AAEC", format="pkcs1")
        assert await told(socket) == {"id": 4, "result": {"data": "AgEA"}}


async def test_a_slow_signature_keeps_nobody_waiting(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    async with agent.socket() as socket:
        await ask(socket, 1, "sign", **PARAMS)
        await agent.service.is_entered()
        await ask(socket, 2, "status")
        assert (await told(socket))["id"] == 2
        agent.service.gate.set()
        assert (await told(socket))["id"] == 1


async def test_cancel_ends_a_request_and_says_so(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    async with agent.socket() as socket:
        await ask(socket, 1, "sign", **PARAMS)
        await agent.service.is_entered()
        await ask(socket, 2, "cancel", request=1)
        answers = {message["id"]: message for message in (await told(socket), await told(socket))}
        assert answers[2]["result"] == {"cancelled": True}
        assert answers[1]["error"]["code"] == "user_cancelled"
        assert agent.service.cancelled == 1
        await ask(socket, 1, "status")
        assert "result" in await told(socket)


async def test_cancel_right_behind_a_request_still_answers_it(
    agent: Any, secrets_made: list[Any]
) -> None:
    """Both messages are read before the request's task has begun to run."""
    agent.service.gate = asyncio.Event()
    async with agent.socket() as socket:
        first = json.dumps({"id": 1, "method": "sign", "params": PARAMS})
        second = json.dumps({"id": 2, "method": "cancel", "params": {"request": 1}})
        await asyncio.gather(socket.send_str(first), socket.send_str(second))
        answers = {message["id"]: message for message in (await told(socket), await told(socket))}
        assert answers[1]["error"]["code"] == "user_cancelled"
        assert answers[2]["result"] == {"cancelled": True}
        assert [bytes(secret.buffer) for secret in secrets_made] == [bytes(6)]
        await ask(socket, 1, "status")
        assert "result" in await told(socket)


async def test_cancel_knows_only_this_sockets_requests(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    async with agent.socket() as socket, agent.socket() as other:
        await ask(socket, 1, "sign", **PARAMS)
        await agent.service.is_entered()
        for request in (1, "1", 99):
            await ask(other, 5, "cancel", request=request)
            assert await told(other) == {"id": 5, "result": {"cancelled": False}}
        await ask(socket, 5, "cancel", request="1")
        assert await told(socket) == {"id": 5, "result": {"cancelled": False}}
        assert agent.service.cancelled == 0


async def test_an_id_in_use_is_refused_and_free_again_afterwards(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    async with agent.socket() as socket:
        await ask(socket, 1, "sign", **PARAMS)
        await agent.service.is_entered()
        await ask(socket, 1, "status")
        assert (await told(socket))["error"]["code"] == "bad_request"
        assert agent.service.cancelled == 0
        agent.service.gate.set()
        assert "signature" in (await told(socket))["result"]
        await ask(socket, 1, "status")
        assert "result" in await told(socket)


async def test_closing_the_socket_cancels_what_it_asked(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    async with agent.socket() as socket:
        for request_id in (1, 2):
            await ask(socket, request_id, "sign", **PARAMS)
            await agent.service.is_entered()
    await agent.until(lambda: agent.service.cancelled == 2)
    await agent.until(lambda: not agent.service.listeners)


async def test_losing_the_connection_cancels_what_it_asked(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    async with agent.socket() as socket:
        await ask(socket, 1, "sign", **PARAMS)
        await agent.service.is_entered()
        socket._response.connection.transport.abort()
        await agent.until(lambda: agent.service.cancelled == 1)
    await agent.until(lambda: not agent.service.listeners)
    assert await agent.alive()


async def test_a_card_error_reaches_the_page_as_a_code(agent: Any) -> None:
    agent.service.failure = PinError("63C1", attempts_left=1)
    async with agent.socket() as socket:
        await ask(socket, 1, "sign", **PARAMS)
        error = (await told(socket))["error"]
    assert (error["code"], error["attempts_left"], error["retriable"]) == ("pin_incorrect", 1, True)


async def test_a_bug_of_ours_ends_one_request_only(agent: Any) -> None:
    agent.service.failure = ZeroDivisionError("/home/user/secret")
    async with agent.socket() as socket:
        with structlog.testing.capture_logs() as lines:
            await ask(socket, 1, "sign", **PARAMS)
            answer = await told(socket)
        assert answer["error"]["code"] == "internal"
        assert "secret" not in json.dumps(answer)
        assert lines[0]["reference"] in answer["error"]["message"]
        await ask(socket, 2, "status")
        assert "result" in await told(socket)


READER = ReaderView("Ankong Virtual Reader 1", CardPresence.EMPTY)


async def test_events_reach_an_allowed_site(agent: Any) -> None:
    async with agent.socket() as socket:
        await agent.until(lambda: agent.service.listeners)
        agent.service.tell(Event("reader_added", READER, True))
        agent.service.tell(Event("service_changed", None, False))
        assert await told(socket) == {
            "event": "reader_added",
            "data": {
                "reader": {
                    "name": READER.name,
                    "state": "empty",
                    "card": None,
                    "attempts_left": None,
                }
            },
        }
        assert await told(socket) == {
            "event": "service_changed",
            "data": {"service": "unavailable"},
        }


async def test_events_wait_for_permission_and_end_with_it(agent: Any) -> None:
    async with agent.socket(STRANGER) as socket:
        await agent.until(lambda: agent.service.listeners)
        agent.service.tell(Event("reader_added", READER, True))
        await ask(socket, 1, "readers")
        assert (await told(socket))["error"]["code"] == "origin_not_allowed"
        await ask(socket, 2, "connect")
        assert await told(socket) == {"id": 2, "result": {"allowed": True}}
        agent.service.tell(Event("card_inserted", READER, True))
        assert (await told(socket))["event"] == "card_inserted"
        agent.service.allowed.discard(Origin.parse_any(STRANGER))
        agent.service.tell(Event("card_removed", READER, True))
        await ask(socket, 3, "status")
        assert (await told(socket))["id"] == 3


async def test_a_readers_odd_name_does_not_stop_the_events(agent: Any) -> None:
    async with agent.socket() as socket:
        await agent.until(lambda: agent.service.listeners)
        with structlog.testing.capture_logs():
            odd = ReaderView("R\udc80", CardPresence.EMPTY)
            agent.service.tell(Event("reader_added", odd, True))
            agent.service.tell(Event("reader_removed", READER, True))
            assert (await told(socket))["event"] == "reader_removed"


async def test_without_permission_a_big_message_is_not_even_read(agent: Any) -> None:
    async with agent.socket(STRANGER) as socket:
        await socket.send_str('{"id":1,"method":"nonsense' + "x" * 50_000 + '"}')
        answer = await told(socket)
        assert answer == {"id": 1, "error": answer["error"]}
        assert answer["error"]["code"] == "origin_not_allowed"


async def test_without_a_service_the_readers_are_none(agent: Any) -> None:
    agent.service.view = Snapshot(False)
    async with agent.socket() as socket:
        await ask(socket, 1, "readers")
        result = (await told(socket))["result"]
    assert result == {"service": "unavailable", "readers": []}


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"protocols": []}, 400),
        ({"protocols": ["ankong.v2"]}, 400),
        ({"origin": None}, 403),
        ({"origin": "null"}, 403),
        ({"origin": f"{SITE}/"}, 403),
        ({"headers": {"Host": "evil.example"}}, 421),
        ({"headers": {"Sec-Fetch-Mode": "cors"}}, 403),
        ({"headers": {"Sec-WebSocket-Version": "12"}}, 400),
    ],
    ids=repr,
)
async def test_a_socket_is_refused_before_it_is_accepted(
    agent: Any, options: dict[str, Any], status: int
) -> None:
    wanted = {"origin": SITE, "protocols": ["ankong.v1"], **options}
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await agent.http.ws_connect(f"{agent.url}/v1/socket", **wanted)
    assert caught.value.status == status
    assert not agent.service.listeners
    assert await agent.alive()


async def test_an_ordinary_request_for_the_socket_is_refused(agent: Any) -> None:
    headers = {"Origin": SITE, "Sec-WebSocket-Protocol": "ankong.v1"}
    async with agent.http.get(f"{agent.url}/v1/socket", headers=headers) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "bad_request"


async def test_no_compression_is_negotiated(agent: Any) -> None:
    async with agent.socket(compress=15) as socket:
        assert not socket.compress


async def test_one_site_has_a_bounded_number_of_sockets(start_agent: Any) -> None:
    agent = await start_agent(limits=Limits(sockets=2))
    async with agent.socket(), agent.socket():
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await agent.http.ws_connect(
                f"{agent.url}/v1/socket", origin=SITE, protocols=["ankong.v1"]
            )
        assert caught.value.status == 429
        async with agent.socket(STRANGER) as other:
            await ask(other, 1, "status")
            assert "result" in await told(other)


async def test_strangers_sockets_are_few_and_the_oldest_of_whoever_has_most_goes_first(
    start_agent: Any,
) -> None:
    agent = await start_agent(limits=Limits(domain_sockets=3, stranger_sockets=5))
    async with AsyncExitStack() as stack:

        async def open_one(site: str) -> Any:
            return await stack.enter_async_context(agent.socket(site))

        allowed = await open_one(SITE)
        honest = await open_one("https://honest.example")
        pests = [await open_one(f"https://{number}.pest.example") for number in range(8)]
        others = [await open_one(f"https://other{number}.example") for number in range(2)]
        for gone in pests[:6]:
            assert (await gone.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSED
        for number, here in enumerate((allowed, honest, *pests[6:], *others)):
            await ask(here, number, "status")
            assert "result" in await told(here)


async def test_a_site_that_was_allowed_meanwhile_is_no_stranger(start_agent: Any) -> None:
    agent = await start_agent(limits=Limits(domain_sockets=1, stranger_sockets=1))
    async with agent.socket(STRANGER) as socket:
        await ask(socket, 1, "connect")
        assert "result" in await told(socket)
        async with agent.socket("https://other.example"), agent.socket("https://third.example"):
            await ask(socket, 2, "readers")
            assert "result" in await told(socket)


async def test_a_blocked_site_gets_no_socket_and_hears_why(start_agent: Any) -> None:
    agent = await start_agent()
    agent.service.blocked.add(Origin.parse(STRANGER))
    async with agent.socket(STRANGER) as socket:
        message = await socket.receive(timeout=10)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert (message.data, message.extra) == (1008, "origin_blocked")
    assert not agent.service.listeners


async def test_stopping_says_goodbye_and_cancels(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    async with agent.socket() as socket:
        await ask(socket, 1, "sign", **PARAMS)
        await agent.service.is_entered()
        goodbye = asyncio.create_task(socket.receive())
        await agent.serving.close()
        message = await goodbye
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.GOING_AWAY
        assert agent.service.cancelled == 1


async def test_on_a_port_that_is_given_up_a_socket_ends_with_its_last_answer(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    async with agent.socket() as busy, agent.socket() as idle:
        await ask(idle, 1, "status")
        await told(idle)
        await ask(busy, 1, "sign", **PARAMS)
        await agent.service.is_entered()
        await agent.serving._listeners.release("native")
        assert (await idle.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
        agent.service.gate.set()
        assert (await told(busy))["result"]["signature"]
        assert (await busy.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
    with pytest.raises(aiohttp.ClientConnectorError):
        await agent.alive()
