"""The native API over HTTPS, and the beacon over plain HTTP."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

import agent.web
from agent import __version__
from agent.errors import (
    AgentError,
    BadRequestError,
    ErrorCode,
    MuteCardError,
    PinError,
    WeakHashError,
)
from agent.origin import Origin
from agent.signing.model import ReaderProblem
from agent.size_limits import MAX_DATA
from agent.web.front import refusal

SITE = "https://shop.example"
STRANGER = "https://stranger.example"
SIGN = {"params": {"data": "AAAA", "hash": "SHA-256", "format": "cms", "pin": "123456"}}
PUBLIC = [
    "/v1/status",
    "/v1/openapi.json",
    "/v1/messages.schema.json",
    "/sdk/ankong.js",
    "/sdk/digest.js",
    "/sdk/element.js",
    "/sdk/fake.js",
    "/sdk/pdf.js",
]


@pytest.mark.parametrize("virtual", [True, False])
async def test_everybody_learns_that_it_runs_and_no_more(start_agent: Any, virtual: bool) -> None:
    agent = await start_agent(virtual=virtual)
    for headers in ({}, {"Origin": STRANGER}):
        async with agent.http.get(f"{agent.url}/v1/status", headers=headers) as response:
            assert response.status == 200
            assert await response.json() == {
                "product": "ankong",
                "version": __version__,
                "api": "v1",
                "allowed": False,
                "max_data": MAX_DATA,
            }


async def test_an_allowed_site_sees_the_readers(start_agent: Any) -> None:
    agent = await start_agent(virtual=True)
    async with agent.http.get(f"{agent.url}/v1/status", headers={"Origin": SITE}) as response:
        body = await response.json()
    assert body["allowed"] is True
    assert body["virtual"] is True
    assert (body["state"], body["max_data"]) == ("running", MAX_DATA)
    assert body["readers"] == [
        {
            "name": "Ankong Virtual Reader 0",
            "state": "card",
            "card": {"generation": "gen2", "serial": "TS00000000000001"},
            "attempts_left": 3,
        }
    ]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
async def test_every_loopback_name_works(agent: Any, host: str) -> None:
    url = f"https://{host}:{agent.serving.port}/v1/status"
    async with agent.http.get(url) as response:
        assert response.status == 200


@pytest.mark.parametrize("path", PUBLIC)
async def test_documents_are_for_everybody_but_named_exactly(agent: Any, path: str) -> None:
    async with agent.http.get(f"{agent.url}{path}", headers={"Origin": STRANGER}) as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == STRANGER
        assert response.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in response.headers
    async with agent.http.get(f"{agent.url}{path}") as response:
        assert response.status == 200
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_the_documents_are_those_of_the_package(agent: Any) -> None:
    folder = Path(agent_folder())
    for path, name, content_type in (
        ("/v1/openapi.json", "native/openapi.json", "application/json"),
        ("/v1/messages.schema.json", "native/messages.schema.json", "application/schema+json"),
        ("/sdk/ankong.js", "sdk/ankong.js", "text/javascript"),
        ("/sdk/digest.js", "sdk/digest.js", "text/javascript"),
        ("/sdk/element.js", "sdk/element.js", "text/javascript"),
        ("/sdk/explain.js", "sdk/explain.js", "text/javascript"),
        ("/sdk/fake.js", "sdk/fake.js", "text/javascript"),
        ("/sdk/pdf.js", "sdk/pdf.js", "text/javascript"),
        ("/sdk/style.js", "sdk/style.js", "text/javascript"),
        ("/sdk/words.js", "sdk/words.js", "text/javascript"),
        ("/sdk/ankong.d.ts", "sdk/types/ankong.d.ts", "application/typescript"),
        ("/sdk/element.d.ts", "sdk/types/element.d.ts", "application/typescript"),
        ("/sdk/fake.d.ts", "sdk/types/fake.d.ts", "application/typescript"),
    ):
        async with agent.http.get(f"{agent.url}{path}") as response:
            assert await response.read() == await asyncio.to_thread((folder / name).read_bytes)
            assert response.content_type == content_type


def agent_folder() -> str:
    return str(agent.web.__path__[0])


async def test_every_answer_is_guarded_by_its_headers(agent: Any) -> None:
    for path in ("/v1/status", "/nowhere", "/v1/sign"):
        async with agent.http.get(f"{agent.url}{path}") as response:
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
            assert "aiohttp" not in response.headers["Server"]
            assert "Python" not in response.headers["Server"]


async def test_a_call_asks_at_the_door_once_and_reads_its_origin_once(
    agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Origin] = []
    read: list[str] = []
    parse = Origin.parse

    class Allowed(set[Origin]):
        def __contains__(self, site: object) -> bool:
            asked.append(site)  # type: ignore[arg-type]
            return super().__contains__(site)

    def parsed(text: str) -> Origin:
        read.append(text)
        return parse(text)

    agent.service.allowed = Allowed(agent.service.allowed)
    monkeypatch.setattr(Origin, "parse", parsed)
    for _ in range(2):  # the service itself, which is a stand-in here, asks once more
        asked.clear()
        read.clear()
        status, _ = await agent.post("sign", SIGN)
        assert status == 200
        assert asked == [parse(SITE)]
        assert read == [SITE]


async def test_connect_asks_the_citizen(agent: Any) -> None:
    assert await agent.post("connect", {}, STRANGER) == (200, {"result": {"allowed": True}})
    assert agent.service.questions == 1
    assert (await agent.post("readers", {}, STRANGER))[0] == 200


@pytest.mark.parametrize(
    "code", [ErrorCode.ORIGIN_NOT_ALLOWED, ErrorCode.ORIGIN_BLOCKED, ErrorCode.USER_CANCELLED]
)
async def test_the_citizen_may_say_no(agent: Any, code: ErrorCode) -> None:
    agent.service.failure = AgentError("no", code=code)
    _, body = await agent.post("connect", {}, STRANGER)
    assert body["error"]["code"] == code


async def test_one_site_asks_one_question_at_a_time(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    first = asyncio.create_task(agent.post("connect", {}, STRANGER))
    await agent.service.is_entered()
    _, body = await agent.post("connect", {}, STRANGER)
    assert body["error"]["code"] == "busy"
    agent.service.gate.set()
    assert (await first)[0] == 200
    assert agent.service.questions == 1


async def test_readers_and_certificates_are_listed(agent: Any) -> None:
    _, body = await agent.post("readers", {"id": 3, "method": "readers"})
    assert body["id"] == 3
    assert body["result"]["service"] == "available"
    assert len(body["result"]["readers"]) == 1
    _, body = await agent.post("certificates", {"params": {"reader": "R"}})
    (shown,) = body["result"]["certificates"]
    facts = agent.service.certificate.facts
    assert base64.b64decode(shown["certificate"]) == facts.der
    assert shown["thumbprint"] == facts.thumbprint.hex()
    assert shown["id"] == "SIGN"
    assert shown["usage"] == ["key_cert_sign"]
    assert shown["id_last4"] is None
    assert shown["not_before"] == f"{facts.not_before:%Y-%m-%dT%H:%M:%SZ}"
    assert int(shown["serial"], 16) == facts.serial


async def test_a_card_that_could_not_be_read_stands_beside_the_others(agent: Any) -> None:
    _, body = await agent.post("certificates", {})
    assert "problems" not in body["result"]
    late = AgentError("detail for the log", code=ErrorCode.TIMEOUT)
    agent.service.problems = (ReaderProblem("R", late),)
    _, body = await agent.post("certificates", {})
    assert len(body["result"]["certificates"]) == 1
    assert body["result"]["problems"] == [
        {"reader": "R", "code": "timeout", "message": "it took too long", "retriable": True}
    ]


async def test_signing_hands_the_pin_over_once(agent: Any) -> None:
    status, body = await agent.post("sign", {"id": "a", **SIGN})
    assert status == 200
    assert body["id"] == "a"
    assert base64.b64decode(body["result"]["signature"]) == b"signature 0"
    assert body["result"]["reader"] == "Ankong Virtual Reader 0"
    assert body["result"]["card_serial"] == "TS00000000000001"
    assert agent.service.pins == [b"123456"]


@pytest.mark.parametrize("failure", [None, AgentError("no"), ZeroDivisionError()], ids=repr)
@pytest.mark.parametrize("page_pin", [True, False])
async def test_no_pin_outlives_its_request(
    start_agent: Any, secrets_made: list[Any], failure: Any, page_pin: bool
) -> None:
    agent = await start_agent(page_pin=page_pin)
    agent.service.failure = failure
    with structlog.testing.capture_logs():
        await agent.post("sign", SIGN)
        await agent.post("decrypt", {"params": {"data": "AA==", "format": "cms", "pin": "654321"}})
        await agent.post("sign", {"params": {**SIGN["params"], "digest": "A" * 43 + "="}})
        await agent.post("authenticate", {"params": {"challenge": "A" * 43 + "=", "pin": "123456"}})
    assert [bytes(secret.buffer) for secret in secrets_made] == [bytes(6)] * 4


async def test_a_batch_gives_one_signature_for_each_item(agent: Any) -> None:
    params = {"items": [{"data": "AAAA"}] * 3, "hash": "SHA-384", "format": "pkcs1"}
    _, body = await agent.post("sign_batch", {"params": params})
    signatures = [base64.b64decode(each) for each in body["result"]["signatures"]]
    assert signatures == [b"signature 0", b"signature 1", b"signature 2"]
    assert agent.service.pins == [None]


async def test_decryption_gives_the_plaintext(agent: Any) -> None:
    _, body = await agent.post("decrypt", {"params": {"data": "AAEC", "format": "cms"}})
    assert body == {"result": {"data": "AgEA"}}


async def test_an_administrator_may_keep_pages_from_handing_pins_over(start_agent: Any) -> None:
    agent = await start_agent(page_pin=False)
    assert (await agent.post("sign", SIGN))[0] == 200
    assert agent.service.pins == [None]


async def test_a_developer_learns_which_member_asks_for_a_hash_that_is_not_signed(
    agent: Any,
) -> None:
    agent.service.failure = WeakHashError("SHA-1 is not allowed here")
    status, body = await agent.post("sign", {"params": {**SIGN["params"], "hash": "SHA-1"}})
    assert status == 400
    assert body["error"]["message"] == "SHA-1 is not allowed here - at `$.params.hash`"


async def test_a_card_error_reaches_the_page_as_a_code(agent: Any) -> None:
    agent.service.failure = PinError("63C2", attempts_left=2)
    status, body = await agent.post("sign", {"id": 9, **SIGN})
    assert status == 409
    assert body == {
        "id": 9,
        "error": {
            "code": "pin_incorrect",
            "message": "the PIN is wrong",
            "retriable": True,
            "attempts_left": 2,
        },
    }


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (ErrorCode.TIMEOUT, 504),
        (ErrorCode.PCSC_UNAVAILABLE, 503),
        (ErrorCode.RATE_LIMITED, 429),
        (ErrorCode.NO_CARD, 409),
        (ErrorCode.CARD_ERROR, 409),
        (ErrorCode.CARD_MUTE, 409),
        (ErrorCode.INTERNAL, 500),
    ],
)
async def test_codes_have_their_http_status(agent: Any, code: ErrorCode, status: int) -> None:
    agent.service.failure = AgentError("detail for the log", code=code)
    got, body = await agent.post("sign", SIGN)
    assert (got, body["error"]["code"]) == (status, code)
    assert "detail" not in body["error"]["message"]


async def test_a_mute_card_is_not_called_none(agent: Any) -> None:
    agent.service.failure = MuteCardError("detail for the log")
    _, body = await agent.post("certificates", {})
    assert body["error"] == {
        "code": "card_mute",
        "message": "something is in the reader, but answers nothing; turn the card over, or clean "
        "its contacts",
        "retriable": True,
    }


async def test_what_the_service_finds_wrong_stays_vague(agent: Any) -> None:
    """A padding check that told its reason would be an oracle."""
    agent.service.failure = BadRequestError("padding byte 17 is wrong")
    _, body = await agent.post("decrypt", {"params": {"data": "AAEC", "format": "pkcs1"}})
    assert "17" not in json.dumps(body)
    assert "$.params.data" in body["error"]["message"]


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("/home/user/secret"), KeyError("x"), RecursionError(), MemoryError()],
)
async def test_a_bug_of_ours_is_told_by_number_only(
    agent: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests may have met the same kind: that is logged in full once an hour.
    monkeypatch.setattr(refusal, "_unexpected", refusal.UnexpectedErrors())
    agent.service.failure = error
    with structlog.testing.capture_logs() as lines:
        status, body = await agent.post("sign", SIGN)
    assert (status, body["error"]["code"]) == (500, "internal")
    assert "secret" not in json.dumps(body)
    assert "Error" not in json.dumps(body)
    (line,) = lines
    assert line["reference"] in body["error"]["message"]
    assert line["exc_info"] is error
    assert await agent.alive()


async def test_a_text_that_is_no_unicode_does_not_break_the_answer(agent: Any) -> None:
    agent.service.certificate = type(agent.service.certificate)(
        agent.service.certificate.facts, "R\udc80", "SIGN", "l", "s"
    )
    with structlog.testing.capture_logs():
        _, body = await agent.post("certificates", {})
    assert body["error"]["code"] == "internal"


async def test_an_invalid_request_is_answered_with_its_id(agent: Any) -> None:
    status, body = await agent.post("sign", {"id": 4, "params": {"data": "AAAA"}})
    assert status == 400
    assert body["id"] == 4
    assert body["error"]["code"] == "bad_request"
    assert "hash" in body["error"]["message"]


async def test_leaving_cancels_what_was_asked(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    leaving = asyncio.create_task(agent.post("sign", SIGN))
    await agent.service.is_entered()
    leaving.cancel()
    await agent.until(lambda: agent.service.cancelled)


async def test_one_site_has_a_bounded_number_of_requests_under_way(start_agent: Any) -> None:
    from agent.web.front.limits import Limits

    agent = await start_agent(limits=Limits(pending=2))
    agent.service.allowed.add(Origin.parse_any(STRANGER))
    agent.service.gate = asyncio.Event()
    waiting = [asyncio.create_task(agent.post("sign", SIGN)) for _ in range(2)]
    for _ in waiting:
        await agent.service.is_entered()
    status, body = await agent.post("sign", SIGN)
    assert (status, body["error"]["code"]) == (429, "rate_limited")
    assert body["error"]["retry_after"] == 1
    assert await agent.alive()
    other = asyncio.create_task(agent.post("sign", SIGN, STRANGER))
    await agent.service.is_entered()
    agent.service.gate.set()
    assert [status for status, _ in await asyncio.gather(*waiting, other)] == [200] * 3
