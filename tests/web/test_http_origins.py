"""Who may call the native API over HTTPS, and which answers a page can read."""

import json
from typing import Any

import pytest

from agent.errors import AgentError, ErrorCode

SITE = "https://shop.example"
STRANGER = "https://stranger.example"
SIGN = {"params": {"data": "AAAA", "hash": "SHA-256", "format": "cms", "pin": "123456"}}
PUBLIC = ["/v1/status", "/v1/openapi.json", "/v1/messages.schema.json", "/sdk/ankong.js"]


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


@pytest.mark.parametrize(
    ("call", "content_type", "status", "word"),
    [
        ("POST /v1/nothing", "application/json", 404, "path"),
        ("PUT /v1/sign", "application/json", 405, "method"),
        ("POST /v1/sign", "text/plain", 415, "Content-Type"),
        ("POST /v1/connect", "application/json", 403, "connect asks the user"),
    ],
)
async def test_a_page_s_developer_is_told_what_was_wrong(
    agent: Any, call: str, content_type: str, status: int, word: str
) -> None:
    method, _, path = call.partition(" ")
    agent.service.failure = AgentError("refused", code=ErrorCode.ORIGIN_NOT_ALLOWED)
    headers = {"Origin": SITE, "Content-Type": content_type}
    async with agent.http.request(
        method, f"{agent.url}{path}", data=b"{}", headers=headers
    ) as response:
        assert response.status == status
        assert word in (await response.json())["error"]["message"]


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


async def raw_request(agent: Any, *lines: str) -> tuple[int, dict[str, Any]]:
    """Send one request as it is written, with our Host; give the status and the JSON body."""
    reader, writer = await agent.raw()
    head = [lines[0], f"Host: localhost:{agent.serving.port}", *lines[1:], "Connection: close"]
    writer.write("\r\n".join([*head, "", ""]).encode())
    answer = await reader.read()
    writer.close()
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)
