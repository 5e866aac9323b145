"""Documents around and over the limits: said to be too large, and nothing else ends with them."""

import asyncio
import base64
import json
from typing import Any

import aiohttp
import pytest

from agent.size_limits import MAX_ANSWERED_MESSAGE, MAX_DATA, MAX_MESSAGE

STRANGER = "https://stranger.example"
MIB = 1024 * 1024
SIZES = (1.0, 3.9, 4.1, 5.9, 6.1, 10.0)
MOST_ANSWERED = (MAX_ANSWERED_MESSAGE - 1024) // 4 * 3
"""Bytes of the longest document whose refusal still has an ``id``: some 12 MiB."""


def sign_params(size: int) -> dict[str, Any]:
    data = base64.b64encode(bytes(size)).decode()
    return {"data": data, "hash": "SHA-256", "format": "cms-detached"}


def request(size: int, request_id: object = "large", **more: Any) -> str:
    return json.dumps({"id": request_id, "method": "sign", "params": sign_params(size), **more})


async def answers(socket: aiohttp.ClientWebSocketResponse, count: int) -> dict[Any, Any]:
    """Return the next answers by their ids."""
    told = [await socket.receive_json(timeout=20) for _ in range(count)]
    return {answer["id"]: answer for answer in told}


def assert_outcome(answer: dict[str, Any], size: int) -> None:
    if size <= MAX_DATA:
        assert answer["result"]["signature"]
        return
    error = answer["error"]
    assert (error["code"], error["retriable"]) == ("too_large", False)
    limit = MAX_DATA if len(request(size)) <= MAX_MESSAGE else MAX_MESSAGE
    assert f"at most {limit} bytes" in error["message"]


@pytest.mark.parametrize("mebibytes", [*SIZES, MOST_ANSWERED / MIB])
async def test_a_document_of_any_size_gets_an_answer_by_its_id(
    agent: Any, mebibytes: float
) -> None:
    size = int(mebibytes * MIB)
    agent.service.gate = asyncio.Event()
    async with agent.socket() as socket:
        # One under way before, one asked for behind it: both are answered as if nothing had been.
        before = {"id": "before", "method": "sign", "params": sign_params(3)}
        await socket.send_json(before)
        await agent.service.is_entered()
        await socket.send_str(request(size))
        await socket.send_json({"id": "behind", "method": "status"})
        agent.service.gate.set()
        told = await answers(socket, 3)
        assert told["before"]["result"]["signature"]
        assert told["behind"]["result"]["max_data"] == MAX_DATA
        assert_outcome(told["large"], size)
        assert not socket.closed
    signed = [len(asked.documents[0].data) for asked in agent.service.asked]
    assert signed == ([3, size] if size <= MAX_DATA else [3])


async def test_an_id_behind_a_large_document_is_found(agent: Any) -> None:
    message = f'{{"method":"sign","params":{json.dumps(sign_params(10 * MIB))},"id":7}}'
    async with agent.socket() as socket:
        await socket.send_str(message)
        assert_outcome((await answers(socket, 1))[7], 10 * MIB)


async def test_a_batch_is_too_large_as_a_whole(agent: Any) -> None:
    document = {"data": sign_params(2 * MIB)["data"]}
    for count, is_signed in ((2, True), (3, False)):
        params = {"items": [document] * count, "hash": "SHA-256", "format": "cms-detached"}
        async with agent.socket() as socket:
            await socket.send_json({"id": 1, "method": "sign_batch", "params": params})
            answer = (await answers(socket, 1))[1]
        status, told = await agent.post("sign_batch", {"id": 1, "params": params})
        if is_signed:
            assert len(answer["result"]["signatures"]) == count
            assert status == 200
        else:
            assert answer["error"]["code"] == told["error"]["code"] == "too_large"
            assert status == 413


@pytest.mark.parametrize("mebibytes", SIZES)
async def test_over_http_too(agent: Any, mebibytes: float) -> None:
    size = int(mebibytes * MIB)
    status, answer = await agent.post("sign", {"params": sign_params(size)})
    assert status == (200 if size <= MAX_DATA else 413)
    if status == 413:
        assert answer["error"]["code"] == "too_large"
        assert not agent.service.asked
    assert await agent.alive()


async def test_a_stranger_is_told_that_it_is_one_whatever_the_size(agent: Any) -> None:
    async with agent.socket(STRANGER) as socket:
        await socket.send_str(request(9000))
        answer = await socket.receive_json(timeout=20)
        assert answer["error"]["code"] == "origin_not_allowed"


async def test_what_no_answer_is_for_says_why_it_closes(agent: Any) -> None:
    async with agent.socket() as socket:
        await socket.send_str(request(MOST_ANSWERED + 1024))
        message = await socket.receive(timeout=20)
        assert message.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert await agent.alive()
