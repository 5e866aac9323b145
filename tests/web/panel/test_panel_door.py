"""The panel's door, without a browser: who gets in, who does not, and what an answer gives away."""

import pytest

from agent.size_limits import MAX_PANEL_BODY
from tests.web.panel.panel_door import READS, Door


async def test_with_cookie_key_and_origin_the_page_gets_in(door: Door) -> None:
    state = await door.get("state")
    assert state["ports"]["port"] == door.agent.serving.port
    assert state["readers"][0]["state"] == "card"


async def test_a_token_opens_once(door: Door) -> None:
    token = {"token": door.key.make_token()}
    first, _ = await door.ask("POST", "api/open", token, **{"X-Ankong-Panel": "open"})
    second, body = await door.ask("POST", "api/open", token, **{"X-Ankong-Panel": "open"})
    assert (first.status, second.status) == (200, 401)
    assert "Set-Cookie" not in second.headers
    assert b"key" not in body.replace(b"message", b"")


async def test_the_cookie_is_for_no_script_no_other_site_and_no_plain_http(door: Door) -> None:
    token = {"token": door.key.make_token()}
    response, _ = await door.ask("POST", "api/open", token, **{"X-Ankong-Panel": "open"})
    flags = {part.strip().lower() for part in response.headers["Set-Cookie"].split(";")[1:]}
    assert {"httponly", "secure", "samesite=strict", "path=/panel/"} <= flags


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize(
    "missing",
    [
        {"Cookie": None},
        {"Cookie": "x=y"},
        {"X-Ankong-Panel": None},
        {"X-Ankong-Panel": "open"},
        {"X-Ankong-Panel": "A" * 43},
        {"X-Ankong-Panel": "A" * 5000},
    ],
)
async def test_nothing_is_told_without_both_halves_of_the_secret(
    door: Door, name: str, missing: dict[str, str | None]
) -> None:
    response, body = await door.ask("GET", f"api/{name}", **missing)
    assert response.status in (401, 403)
    assert b"Ankong Virtual Reader" not in body
    assert (await door.get("state"))["service"]  # and nobody was thrown out for it


async def test_halves_of_two_browsers_make_no_whole(door: Door) -> None:
    first = door.cookie
    await door.open()
    response, _ = await door.ask("GET", "api/state", Cookie=f"{door.cookie_name}={first}")
    assert response.status == 401


ORIGINS = [
    "null",
    "https://localhost",
    "https://evil.example",
    "http://localhost:{port}",
    "https://localhost:{other}",
    "https://127.0.0.1:{port}",
    "https://localhost.evil.example:{port}",
    "https://LOCALHOST:{port}",
    "https://localhost:{port}/",
    "https://localhost:{port}.evil.example",
    "https://localhost:{port}@evil.example",
]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "api/state"), ("POST", "api/sites")]
)
async def test_another_origin_gets_nothing_even_with_the_secrets(
    door: Door, origin: str, method: str, path: str
) -> None:
    port = door.agent.serving.port
    named = origin.format(port=port, other=port - 1)
    body = {"origin": "https://evil.example", "action": "block"} if method == "POST" else None
    response, raw = await door.ask(method, path, body, Origin=named)
    assert response.status == 403, raw
    assert "Access-Control-Allow-Origin" not in response.headers
    assert door.store.snapshot() == ()


@pytest.mark.parametrize(
    "metadata",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "frame"},
        {"Sec-Fetch-Dest": "embed"},
        {"Sec-Fetch-Dest": "object"},
        {"Sec-Fetch-Dest": "serviceworker"},
    ],
)
@pytest.mark.parametrize("path", ["", "js/app.js", "api/state"])
async def test_what_the_browser_says_of_a_request_counts(
    door: Door, metadata: dict[str, str], path: str
) -> None:
    response, _ = await door.ask("GET", path, Origin=None, **metadata)
    assert response.status == 403


async def test_an_address_that_was_typed_in_shows_the_page_but_calls_nothing(door: Door) -> None:
    typed = {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document", "Origin": None}
    page, _ = await door.ask("GET", "", **typed)
    call, _ = await door.ask("GET", "api/state", **typed)
    assert (page.status, call.status) == (200, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": None},
        {"Origin": None},
        {"Content-Encoding": "gzip"},
        {"X-Ankong-Panel": None},
    ],
)
async def test_what_a_form_can_send_changes_nothing(
    door: Door, headers: dict[str, str | None]
) -> None:
    body = {"origin": "https://shop.example", "action": "block"}
    response, _ = await door.ask("POST", "api/sites", body, **headers)
    assert response.status in (403, 415)
    assert door.store.snapshot() == ()


@pytest.mark.parametrize("path", ["", "api/open", "api/state", "api/sites", "js/app.js"])
async def test_no_preflight_succeeds(door: Door, path: str) -> None:
    for origin in (door.origin, "https://evil.example"):
        response, _ = await door.ask(
            "OPTIONS",
            path,
            Origin=origin,
            **{
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "x-ankong-panel",
            },
        )
        assert response.status >= 400
        assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("host", ["evil.example", "localhost", "localhost:1", "localhost.:{port}"])
async def test_another_host_is_refused(door: Door, host: str) -> None:
    named = host.format(port=door.agent.serving.port)
    response, _ = await door.ask("GET", "api/state", Host=named, Origin=f"https://{named}")
    assert response.status == 421


@pytest.mark.parametrize("path", ["", "css/base.css", "js/app.js", "api/state", "nowhere", "api/x"])
async def test_every_answer_keeps_others_out(door: Door, path: str) -> None:
    response, _ = await door.ask("GET", path)
    headers = response.headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


async def test_leaving_ends_it(door: Door) -> None:
    response, _ = await door.ask("POST", "api/close", {})
    assert response.status == 204
    after, _ = await door.ask("GET", "api/state")
    assert after.status == 401


@pytest.mark.parametrize(
    "path",
    ["../v1/status", "%2e%2e/v1/status", "js/%61pp.js", "js/../index.html", "index.html", "js/"],
)
async def test_a_path_has_one_spelling(door: Door, path: str) -> None:
    port = door.agent.serving.port
    reader, writer = await door.agent.raw()
    writer.write(f"GET /panel/{path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
    status = await reader.readline()
    assert status.split()[1] == b"404"
    writer.close()


async def test_the_bare_name_leads_to_the_page(door: Door) -> None:
    url = f"{door.origin}/panel"
    async with door.agent.http.get(url, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (308, "/panel/")


async def test_the_native_api_is_as_it_was(door: Door) -> None:
    assert await door.agent.alive()
    async with door.agent.http.get(f"{door.origin}/panelling") as response:
        assert response.status == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 10_000, b'{"action":"block"}', b'{"x":1}'],
)
@pytest.mark.parametrize("name", ["open", "sites", "selftest", "doctor", "settings"])
async def test_a_body_that_makes_no_sense_is_answered(door: Door, name: str, body: bytes) -> None:
    marker = {"X-Ankong-Panel": "open"} if name == "open" else {}
    response, raw = await door.ask("POST", f"api/{name}", body, **marker)
    assert response.status == 400, raw
    assert b"Traceback" not in raw


async def test_a_body_that_is_too_long_is_refused(door: Door) -> None:
    response, _ = await door.ask("POST", "api/sites", b" " * (MAX_PANEL_BODY + 1))
    assert response.status == 413
