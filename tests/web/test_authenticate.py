"""The method ``authenticate`` on both of its ways: what a page may say, and what it may not."""

import base64
import json
from typing import Any

import pytest

from agent.cms.digest import HashAlgorithm
from agent.cms.login import LoginPurpose
from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.signing.model import AuthenticationRequest

SITE = "https://shop.example"
CHALLENGE = bytes(range(32))


def base64_of(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def params(**more: Any) -> dict[str, Any]:
    return {"challenge": base64_of(CHALLENGE), **more}


async def by_http(agent: Any, asked: dict[str, Any]) -> dict[str, Any]:
    _, body = await agent.post("authenticate", {"id": 1, "params": asked})
    found: dict[str, Any] = body
    return found


async def by_socket(agent: Any, asked: dict[str, Any]) -> dict[str, Any]:
    async with agent.socket() as socket:
        await socket.send_json({"id": 1, "method": "authenticate", "params": asked})
        found: dict[str, Any] = json.loads(await socket.receive_str())
        return found


WAYS = pytest.mark.parametrize("ask", [by_http, by_socket])


@WAYS
async def test_the_site_is_the_one_that_the_connection_names(agent: Any, ask: Any) -> None:
    answer = await ask(agent, params(pin="123456"))
    result = answer["result"]
    assert sorted(result) == ["algorithm", "reader", "thumbprint", "token"]
    assert base64.b64decode(result["token"]) == SITE.encode() + CHALLENGE
    assert agent.service.asked == [AuthenticationRequest(CHALLENGE)]
    assert agent.service.pins == [b"123456"]


@WAYS
async def test_everything_that_can_be_said_arrives(agent: Any, ask: Any) -> None:
    wanted = params(purpose="identify", hash="SHA-384", certificate="0f" * 32, reader="R")
    assert "result" in await ask(agent, wanted)
    assert agent.service.asked == [
        AuthenticationRequest(
            CHALLENGE, LoginPurpose.IDENTIFY, HashAlgorithm.SHA384, b"\x0f" * 32, "R"
        )
    ]


@WAYS
@pytest.mark.parametrize(
    "wrong",
    [
        {"challenge": base64_of(bytes(31))},
        {"challenge": base64_of(bytes(65))},
        {"challenge": None},
        {"challenge": "_" * 43 + "="},
        {"purpose": "sign"},
        {"purpose": "Login"},
        {"hash": "SHA-1"},
        {"origin": SITE},
        {"nonce": base64_of(CHALLENGE)},
        {"document_name": "登入"},
        {"format": "cms"},
        {"time": "2026-06-15T08:30:00Z"},
    ],
    ids=repr,
)
async def test_whatever_else_is_said_is_refused(
    start_agent: Any, ask: Any, wrong: dict[str, Any]
) -> None:
    agent = await start_agent(allow_sha1=True)
    answer = await ask(agent, params(**wrong))
    assert answer["error"]["code"] == "bad_request"
    assert answer["error"]["retriable"] is False
    assert agent.service.asked == []


@WAYS
async def test_an_insecure_site_is_told_so(agent: Any, ask: Any) -> None:
    agent.service.failure = AgentError("http", code=ErrorCode.INSECURE_ORIGIN)
    error = (await ask(agent, params()))["error"]
    assert (error["code"], error["retriable"]) == ("insecure_origin", False)


async def test_a_site_that_is_not_allowed_asks_in_vain(agent: Any) -> None:
    agent.service.allowed.discard(Origin.parse(SITE))
    status, body = await agent.post("authenticate", {"params": params()})
    assert (status, body["error"]["code"]) == (403, "origin_not_allowed")
    assert agent.service.asked == []


async def test_an_administrator_may_keep_pages_from_handing_pins_over(start_agent: Any) -> None:
    agent = await start_agent(page_pin=False)
    assert "result" in await by_http(agent, params(pin="123456"))
    assert agent.service.pins == [None]
