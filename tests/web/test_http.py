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
from agent.errors import AgentError, BadRequestError, ErrorCode, PinError
from agent.signing.sites import Site

SITE = "https://shop.example"
STRANGER = "https://stranger.example"
SIGN = {"params": {"data": "AAAA", "hash": "SHA-256", "format": "cms", "pin": "123456"}}
PUBLIC = ["/v1/status", "/v1/openapi.json", "/v1/messages.schema.json", "/sdk/ankong.js"]


async def test_everybody_learns_that_it_runs_and_no_more(agent: Any) -> None:
    for headers in ({}, {"Origin": STRANGER}):
        async with agent.http.get(f"{agent.url}/v1/status", headers=headers) as response:
            assert response.status == 200
            assert await response.json() == {
                "product": "ankong",
                "version": __version__,
                "api": "v1",
                "state": "running",
                "allowed": False,
                "virtual": False,
            }


async def test_an_allowed_site_sees_the_readers(start_agent: Any) -> None:
    agent = await start_agent(virtual=True)
    async with agent.http.get(f"{agent.url}/v1/status", headers={"Origin": SITE}) as response:
        body = await response.json()
    assert body["allowed"] is True
    assert body["virtual"] is True
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
        ("/v1/openapi.json", "openapi.json", "application/json"),
        ("/v1/messages.schema.json", "messages.schema.json", "application/schema+json"),
        ("/sdk/ankong.js", "sdk/ankong.js", "text/javascript"),
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
    await agent.service.entered.acquire()
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
    assert [bytes(secret.buffer) for secret in secrets_made] == [bytes(6)] * 3


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


async def test_an_administrator_may_allow_sha1(start_agent: Any) -> None:
    params = {**SIGN["params"], "hash": "SHA-1"}
    strict, lax = await start_agent(), await start_agent(allow_sha1=True)
    assert (await strict.post("sign", {"params": params}))[0] == 400
    assert (await lax.post("sign", {"params": params}))[0] == 200


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
        (ErrorCode.INTERNAL, 500),
    ],
)
async def test_codes_have_their_http_status(agent: Any, code: ErrorCode, status: int) -> None:
    agent.service.failure = AgentError("detail for the log", code=code)
    got, body = await agent.post("sign", SIGN)
    assert (got, body["error"]["code"]) == (status, code)
    assert "detail" not in body["error"]["message"]


async def test_what_the_service_finds_wrong_stays_vague(agent: Any) -> None:
    """A padding check that told its reason would be an oracle."""
    agent.service.failure = BadRequestError("padding byte 17 is wrong")
    _, body = await agent.post("decrypt", {"params": {"data": "AAEC", "format": "pkcs1"}})
    assert "17" not in json.dumps(body)


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("/home/user/secret"), KeyError("x"), RecursionError(), MemoryError()],
)
async def test_a_bug_of_ours_is_told_by_number_only(agent: Any, error: Exception) -> None:
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


@pytest.mark.parametrize("method", ["readers", "certificates", "sign", "sign_batch", "decrypt"])
async def test_without_permission_there_is_only_no(agent: Any, method: str) -> None:
    status, body = await agent.post(method, SIGN, STRANGER)
    assert (status, body["error"]["code"]) == (403, "origin_not_allowed")
    assert not agent.service.asked


async def test_a_revoked_permission_counts_at_once(agent: Any) -> None:
    assert (await agent.post("readers", {}))[0] == 200
    agent.service.allowed.clear()
    assert (await agent.post("readers", {}))[0] == 403


@pytest.mark.parametrize("method", ["status", "connect", "readers", "sign"])
@pytest.mark.parametrize("origin", [None, "null", f"{SITE}/", f"{SITE}.evil.example"])
async def test_nobody_calls_without_an_honest_origin(
    agent: Any, method: str, origin: str | None
) -> None:
    status, body = await agent.post(method, SIGN if method == "sign" else {}, origin)
    if origin == f"{SITE}.evil.example" and method in {"status", "connect"}:
        assert status == 200  # a stranger, but an honest one
    else:
        assert (status, body["error"]["code"]) == (403, "origin_not_allowed")
    assert not agent.service.asked


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "gzip"},
        {"Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Host": "evil.example"},
        {"Host": "localhost"},
        {"Host": "localhost.evil.example:1"},
    ],
    ids=repr,
)
async def test_a_call_in_disguise_is_refused(agent: Any, headers: dict[str, str]) -> None:
    status, body = await agent.post("sign", SIGN, **headers)
    assert 400 <= status < 500
    assert body["error"]["code"] in {"bad_request", "origin_not_allowed"}
    assert not agent.service.asked


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/sign/",
        "/v2/sign",
        "/v1/%73tatus",
        "/v1/cancel",
        "/V1/status",
        "/v1/../v1/status",
        "//v1/status",
        "/v1/status%00",
        "/v1/status;x",
        "/sdk/../openapi.json",
        "/sdk/",
    ],
)
async def test_a_path_has_one_spelling(agent: Any, path: str) -> None:
    _, body = await raw_request(agent, f"GET {path} HTTP/1.1")
    assert body["error"]["code"] == "bad_request"


async def test_a_query_changes_nothing(agent: Any) -> None:
    status, body = await raw_request(agent, "GET /v1/status?now=1 HTTP/1.1")
    assert status == 200
    assert body["product"] == "ankong"


async def test_an_absolute_target_is_refused(agent: Any) -> None:
    status, _ = await raw_request(agent, "GET https://evil.example/v1/status HTTP/1.1")
    assert status == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "HEAD", "PROPFIND"])
async def test_other_methods_do_not_exist(agent: Any, method: str) -> None:
    async with agent.http.request(method, f"{agent.url}/v1/status") as response:
        assert response.status == 405
    async with agent.http.request(method, f"{agent.plain_url}/v1/ping") as response:
        assert response.status == 405


async def test_get_does_not_sign(agent: Any) -> None:
    async with agent.http.get(f"{agent.url}/v1/sign", headers={"Origin": SITE}) as response:
        assert response.status == 405
        assert (await response.json())["error"]["code"] == "bad_request"


async def test_leaving_cancels_what_was_asked(agent: Any) -> None:
    agent.service.gate = asyncio.Event()
    leaving = asyncio.create_task(agent.post("sign", SIGN))
    await agent.service.entered.acquire()
    leaving.cancel()
    await agent.until(lambda: agent.service.cancelled)


async def test_one_site_has_a_bounded_number_of_requests_under_way(start_agent: Any) -> None:
    from agent.web.limits import Limits

    agent = await start_agent(limits=Limits(pending=2))
    agent.service.allowed.add(Site(STRANGER))
    agent.service.gate = asyncio.Event()
    waiting = [asyncio.create_task(agent.post("sign", SIGN)) for _ in range(2)]
    for _ in waiting:
        await agent.service.entered.acquire()
    status, body = await agent.post("sign", SIGN)
    assert (status, body["error"]["code"]) == (429, "rate_limited")
    assert await agent.alive()
    other = asyncio.create_task(agent.post("sign", SIGN, STRANGER))
    await agent.service.entered.acquire()
    agent.service.gate.set()
    assert [status for status, _ in await asyncio.gather(*waiting, other)] == [200] * 3


async def preflight(agent: Any, path: str, site: str | None, **headers: str) -> Any:
    sent = {"Access-Control-Request-Method": "POST", **headers}
    if site is not None:
        sent["Origin"] = site
    async with agent.http.options(f"{agent.url}{path}", headers=sent) as response:
        return response


@pytest.mark.parametrize("path", ["/v1/status", "/v1/connect"])
async def test_anybody_may_ask_to_be_allowed(agent: Any, path: str) -> None:
    response = await preflight(agent, path, STRANGER)
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == STRANGER
    assert response.headers["Access-Control-Allow-Methods"] == "POST"
    assert response.headers["Access-Control-Allow-Headers"] == "content-type"
    assert "Origin" in response.headers["Vary"]
    assert "Access-Control-Allow-Private-Network" not in response.headers


async def test_only_allowed_sites_may_send_more(agent: Any) -> None:
    assert (await preflight(agent, "/v1/sign", SITE)).status == 204
    response = await preflight(agent, "/v1/sign", STRANGER)
    assert response.status == 403
    assert "Access-Control-Allow-Methods" not in response.headers


async def test_older_browsers_get_their_private_network_header(agent: Any) -> None:
    headers = {"Access-Control-Request-Private-Network": "true"}
    response = await preflight(agent, "/v1/connect", STRANGER, **headers)
    assert response.headers["Access-Control-Allow-Private-Network"] == "true"


@pytest.mark.parametrize(
    ("path", "site", "method", "status"),
    [
        ("/v1/connect", None, "POST", 403),
        ("/v1/connect", "null", "POST", 403),
        ("/v1/connect", STRANGER, "PUT", 405),
        ("/v1/connect", STRANGER, "", 405),
        ("/v1/nothing", STRANGER, "POST", 404),
        ("*", STRANGER, "POST", 404),
    ],
)
async def test_other_preflights_fail(
    agent: Any, path: str, site: str | None, method: str, status: int
) -> None:
    lines = [f"OPTIONS {path} HTTP/1.1", f"Access-Control-Request-Method: {method}"]
    lines += [f"Origin: {site}"] if site else []
    got, body = await raw_request(agent, *lines)
    assert got == status
    assert "error" in body


async def test_a_refused_site_can_read_that_it_is_refused(agent: Any) -> None:
    headers = {"Origin": STRANGER, "Content-Type": "application/json"}
    url = f"{agent.url}/v1/readers"
    async with agent.http.post(url, data=b"{}", headers=headers) as response:
        assert response.headers["Access-Control-Allow-Origin"] == STRANGER
        assert (await response.json())["error"]["code"] == "origin_not_allowed"


async def test_a_dishonest_origin_is_never_echoed(agent: Any) -> None:
    headers = {"Origin": f"{STRANGER}/", "Content-Type": "application/json"}
    url = f"{agent.url}/v1/connect"
    async with agent.http.post(url, data=b"{}", headers=headers) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_the_beacon_says_where_tls_is(agent: Any) -> None:
    url = f"{agent.plain_url}/v1/ping"
    async with agent.http.get(url, headers={"Origin": STRANGER}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == STRANGER
        assert await response.json() == {
            "product": "ankong",
            "version": __version__,
            "tls": agent.serving.port,
        }


async def test_the_beacon_side_says_its_version_in_words(agent: Any) -> None:
    async with agent.http.get(f"{agent.plain_url}/") as response:
        assert f"version:{__version__}" in await response.text()


@pytest.mark.parametrize("path", ["/v1/status", "/v1/sign", "/v1/socket", "/sign", "/pkcs11info"])
async def test_the_beacon_side_serves_nothing_else(agent: Any, path: str) -> None:
    async with agent.http.get(f"{agent.plain_url}{path}", headers={"Origin": SITE}) as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "bad_request"


async def test_the_beacon_side_checks_the_host_too(agent: Any) -> None:
    for host in ("evil.example", f"localhost:{agent.serving.port}"):
        url = f"{agent.plain_url}/v1/ping"
        async with agent.http.get(url, headers={"Host": host}) as response:
            assert response.status == 421


async def test_other_protocols_can_move_in_beside_the_beacon(start_agent: Any) -> None:
    from agent.web.endpoint import answer

    def door(port: int, further: Any) -> Any:
        async def handle(request: Any) -> Any:
            if request.path == "/sign":
                return answer(b'{"port":%d}' % port, None)
            return await further(request)

        return handle

    agent = await start_agent(door=door)
    async with agent.http.get(f"{agent.plain_url}/sign") as response:
        assert await response.json() == {"port": agent.serving.ping_port}
    async with agent.http.get(f"{agent.plain_url}/v1/ping") as response:
        assert (await response.json())["product"] == "ankong"
    async with agent.http.get(f"{agent.url}/sign") as response:
        assert response.status == 404


async def raw_request(agent: Any, *lines: str) -> tuple[int, dict[str, Any]]:
    """Send one request as it is written, with our Host; give the status and the JSON body."""
    reader, writer = await agent.raw()
    head = [lines[0], f"Host: localhost:{agent.serving.port}", *lines[1:], "Connection: close"]
    writer.write("\r\n".join([*head, "", ""]).encode())
    answer = await reader.read()
    writer.close()
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)
