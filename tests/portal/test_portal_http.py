"""What HTTP itself has to keep: who may post, what may be in it, what every answer carries."""

import asyncio
import base64
import hashlib
import json
import re
from collections import defaultdict
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from agent.cms.errors import CmsError
from agent.cms.login import LoginPurpose
from agent.portal.api import add_routes
from agent.portal.app import _ROOMS
from agent.portal.config import DemoCard
from agent.portal.wire import MAX_BODY
from agent.virtualcard.issuer import TestIssuer
from tests.portal.support import (
    MOBILE,
    Person,
    Site,
    SiteOptions,
    Visitor,
    publish,
    running_site,
    signed,
    submission,
)

OTP = {"contact": MOBILE}
POSTS = sorted(
    resource.canonical
    for app in [web.Application()]
    if add_routes(app.router) is None
    for resource in app.router.resources()
    if any(route.method == "POST" for route in resource)
)


def test_all_posts_are_found() -> None:
    assert len(POSTS) == 8


@pytest.mark.parametrize("path", ["/", "/api/session", "/api/otp", "/nowhere", "/js/app.js"])
async def test_every_answer_carries_the_headers(path: str, visitor: Visitor) -> None:
    async with visitor.http.get(path) as response:
        headers = response.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    ports = (28443, 28444, 28445)
    assert set(policy["connect-src"].split()) == {
        "'self'",
        "http://localhost:61161",
        *(f"{scheme}://localhost:{port}" for scheme in ("https", "wss") for port in ports),
    }
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Server"] == "portal"
    assert "Access-Control-Allow-Origin" not in headers


async def test_other_ports_of_the_agent_are_in_policy_and_config(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    options = SiteOptions(settings={"agent_ports": (1234,), "agent_ping_port": 5678})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        _, answer = await visitor.get("/api/config")
        assert answer == {"agent": {"ports": [1234], "ping_port": 5678}, "demo": True}
        async with visitor.http.get("/") as response:
            policy = response.headers["Content-Security-Policy"]
        assert "https://localhost:1234 wss://localhost:1234 http://localhost:5678" in policy
        assert "28443" not in policy


async def test_config_of_a_site_as_it_comes(visitor: Visitor) -> None:
    assert (await visitor.get("/api/config"))[1] == {
        "agent": {"ports": [28443, 28444, 28445], "ping_port": 61161},
        "demo": True,
    }


async def test_a_demo_s_page_is_told_its_card(test_issuer: TestIssuer, tmp_path: Path) -> None:
    options = SiteOptions(settings={"demo_card": DemoCard("A123456789", "246813")})
    async with running_site(test_issuer, tmp_path, options) as site:
        _, answer = await (await site.visitor()).get("/api/config")
        assert answer["demo_card"] == {"id_number": "A123456789", "pin": "246813"}


FOREIGN = [
    {"Origin": "null"},
    {"Origin": "https://localhost"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1.evil.test"},
    {"Origin": "http://evil.test"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "evil.test"},
    {"Host": "0.0.0.0"},  # noqa: S104 - a name to be refused, not an address to listen on
]


@pytest.mark.parametrize("path", POSTS)
async def test_no_other_page_may_post(path: str, visitor: Visitor) -> None:
    for headers in FOREIGN:
        status, answer = await visitor.post(path, headers=headers)
        assert (status, answer["error"]["code"]) == (403, "origin_not_allowed"), headers
    async with visitor.http.post(path, json={}) as response:
        assert response.status == 403  # no Origin at all


async def test_no_other_name_leads_here(visitor: Visitor) -> None:
    status, _ = await visitor.get("/api/session", headers={"Host": "evil.test"})
    assert status == 403


async def test_both_names_of_this_machine_lead_here(visitor: Visitor, citizen: Person) -> None:
    name = visitor.origin.replace("127.0.0.1", "localhost")
    status, answer = await visitor.post(
        "/api/login/card/challenge",
        headers={"Origin": name, "Host": name.removeprefix("http://")},
    )
    assert status == 200
    body = signed(answer, citizen, name, LoginPurpose.LOGIN)
    assert await visitor.code("/api/login/card", body) == "card_not_registered"


@pytest.mark.parametrize("path", POSTS)
async def test_only_json_is_read(path: str, visitor: Visitor) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        headers = {"Origin": visitor.origin, "Content-Type": kind}
        async with visitor.http.post(path, data=b"{}", headers=headers) as response:
            assert response.status == 400, kind
            assert (await response.json())["error"]["code"] == "bad_request"


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"{",
    b'{"contact":1}',
    b'{"contact":null}',
    b'{"contact":["0900000001"]}',
    b'{"contact":""}',
    b'{"contact":"\xff"}',
    b'{"contact":"\\ud800"}',
    b'{"contact":"' + b"9" * 255 + b'"}',
    b'{"challenge_id":"a","token":"***"}',
    b'{"challenge_id":"a","token":"AAA"}',
    b'{"challenge_id":"a","token":"AA==AA=="}',
    b'{"challenge_id":"a","token":""}',
    b'{"challenge_id":"a"}',
    b'{"id_number":"A1","x":1}',
    b"[" * 100_000,
    b'{"a":' * 20_000,
]


@pytest.mark.parametrize("path", POSTS)
async def test_no_body_does_more_than_be_refused(path: str, visitor: Visitor) -> None:
    headers = {"Origin": visitor.origin, "Content-Type": "application/json"}
    for body in HOSTILE:
        async with visitor.http.post(path, data=body, headers=headers) as response:
            assert 400 <= response.status < 500, body[:40]
            answer = await response.json()
        assert set(answer["error"]) == {"code", "message", "retriable"}
    assert (await visitor.get("/api/session"))[0] == 200


async def test_a_huge_body_is_refused(visitor: Visitor) -> None:
    headers = {"Origin": visitor.origin, "Content-Type": "application/json"}
    body = json.dumps({"contact": "9" * MAX_BODY}).encode()
    async with visitor.http.post("/api/otp", data=body, headers=headers) as response:
        assert (await response.json())["error"]["code"] == "bad_request"


async def test_a_signature_of_any_size_is_judged_or_refused(visitor: Visitor) -> None:
    for size in (1, 60_000, 65_536, 65_537, 90_000):
        _, challenge = await visitor.post("/api/login/card/challenge")
        body = submission(challenge, b"\x30" * size)
        expected = "signature_invalid" if size <= 65_536 else "bad_request"
        assert await visitor.code("/api/login/card", body) == expected


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(data=st.binary(min_size=1, max_size=200))
async def test_any_octets_as_a_signature_are_an_invalid_signature(
    data: bytes, visitor: Visitor
) -> None:
    _, challenge = await visitor.post("/api/login/card/challenge")
    body = submission(challenge, data)
    assert await visitor.code("/api/login/card", body) == "signature_invalid"


async def test_whoever_opens_where_forms_are_sent_to_is_led_to_a_page(visitor: Visitor) -> None:
    application = web.Application()
    for add in _ROOMS:
        add(application.router)
    routes: dict[str, set[str]] = defaultdict(set)
    for route in application.router.routes():
        assert route.resource is not None
        routes[route.resource.canonical].add(route.method)
    asked = {"Accept": "text/html"}
    only_posts = [path for path, methods in routes.items() if methods == {"POST"}]
    for path in only_posts:
        if path.startswith(("/api/", "/staff")):  # those are not for everybody
            continue
        where, left = re.sub(r"{\w+}", "1", path), 5
        while left and where.startswith("/") and not where.startswith("/#"):
            async with visitor.http.get(where, headers=asked, allow_redirects=False) as answer:
                assert answer.status != 405, where
                # A number that nobody has is not found; a form's own address always leads on.
                assert answer.status in ({303} if where == path else {200, 303, 404, 410}), where
                where, left = answer.headers.get("Location", ""), left - 1
        assert left, path
    assert len(only_posts) > 20


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused(method: str, visitor: Visitor) -> None:
    headers = {"Origin": visitor.origin, "Content-Type": "application/json"}
    for path in (*POSTS, "/api/nowhere", "/"):
        async with visitor.http.request(method, path, headers=headers) as response:
            assert response.status in {400, 404}, path
            assert "Access-Control-Allow-Methods" not in response.headers


async def test_a_body_that_never_comes_keeps_nobody_waiting(
    site: Site, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    host = site.origin.removeprefix("http://")
    _, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(
        f"POST /api/otp HTTP/1.1\r\nHost: {host}\r\nOrigin: {site.origin}\r\n"
        f"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode()
    )
    await writer.drain()
    assert await visitor.code("/api/otp", OTP) == "ok"
    writer.close()
    await writer.wait_closed()
    assert await visitor.code("/api/logout") == "ok"
    assert not [entry for entry in caplog.records if entry.levelname == "ERROR"]


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor: Visitor) -> None:
    async with visitor.http.post(
        "/api/otp", json=OTP, headers={"Origin": visitor.origin}
    ) as response:
        (cookie,) = response.headers.getall("Set-Cookie")
    parts = {part.strip().lower() for part in cookie.split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= parts
    assert "secure" not in parts
    assert not any(part.startswith("domain") for part in parts)
    token = re.fullmatch(r"session=([\w-]+);.*", cookie)
    assert token is not None
    assert len(base64.urlsafe_b64decode(token[1] + "=")) == 32


async def test_behind_https_the_cookie_is_for_https_only(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    options = SiteOptions(settings={"origins": ("https://gold.test",)})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        headers = {"Origin": "https://gold.test", "Host": "gold.test"}
        async with visitor.http.post("/api/otp", json=OTP, headers=headers) as response:
            (cookie,) = response.headers.getall("Set-Cookie")
    assert cookie.startswith("__Host-session=")
    assert "secure" in {part.strip().lower() for part in cookie.split(";")}


@pytest.mark.sqlite
async def test_only_a_hash_of_the_token_is_kept(site: Site, visitor: Visitor) -> None:
    await visitor.register()
    token = visitor.cookies()["session"]
    assert set(visitor.cookies()) == {"session", "browser"}
    stored = b"".join(
        [path.read_bytes() for path in await asyncio.to_thread(list, site.folder.glob("portal.*"))]
    )
    assert token.encode() not in stored
    assert hashlib.sha256(token.encode()).digest() in stored


async def test_a_visit_alone_begins_no_session(visitor: Visitor) -> None:
    await visitor.get("/api/session")
    async with visitor.http.get("/") as response:
        assert response.status == 200
    await visitor.code("/api/logout")
    assert visitor.cookies() == {}


@pytest.mark.parametrize("token", ["", "x", "é", "a" * 4000, "'; DROP TABLE session; --"])
async def test_an_invented_token_is_nobody(token: str, visitor: Visitor) -> None:
    await visitor.register()
    headers = {"Cookie": f"session={token}"}
    async with (
        aiohttp.ClientSession(visitor.origin) as http,
        http.get("/api/session", headers=headers) as response,
    ):
        assert await response.json() == {"member": None}


async def test_the_page_and_the_sdk_are_served(visitor: Visitor) -> None:
    for path, kind in {
        "/": "text/html",
        "/index.html": "text/html",
        "/static/index.html": "text/html",
        "/js/app.js": "text/javascript",
        "/static/js/app.js": "text/javascript",
        "/css/base.css": "text/css",
        "/sdk/ankong.js": "text/javascript",
        "/sdk/digest.js": "text/javascript",
        "/sdk/pdf.js": "text/javascript",
        "/sdk/pinbox.js": "text/javascript",
    }.items():
        async with visitor.http.get(path) as response:
            assert response.status == 200, path
            assert response.content_type == kind
            assert response.headers["Cache-Control"] == "no-cache"
            body, tag = await response.read(), response.headers["ETag"]
        assert len(body) > 100
        async with visitor.http.get(path, headers={"If-None-Match": tag}) as response:
            assert (response.status, await response.read()) == (304, b"")


OUTSIDE = [
    "/static/../app.py",
    "/..%2f..%2fapp.py",
    "/static/%2e%2e/app.py",
    "/js/..\\..\\app.py",
    "//etc/passwd",
    "/static//etc/passwd",
    "/js",
    "/js/",
    "/sdk/",
    "/sdk/package.json",
    "/app.py",
    "/.git/config",
    "/%00",
    "/downloads/../portal.db",
    "/downloads/..%2fportal.db",
    "/downloads/",
]


async def test_no_path_leads_out_of_the_page(site: Site, visitor: Visitor) -> None:
    async with aiohttp.ClientSession() as http:
        for path in OUTSIDE:
            async with http.get(URL(site.origin + path, encoded=True)) as response:
                assert response.status in {400, 404}, path
    assert (await visitor.get("/api/session"))[0] == 200


async def test_installers_are_listed_with_their_digest_and_handed_out(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    folder = tmp_path / "dist"
    await asyncio.to_thread(_make_installers, folder)
    options = SiteOptions(settings={"downloads": str(folder)})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        _, answer = await visitor.get("/api/downloads")
        listed = answer["downloads"]
        assert [(item["name"], item["system"]) for item in listed] == [
            ("ankong.deb", "linux"),
            ("ankong.msi", "windows"),
            ("ankong.pkg", "macos"),
        ]
        for item in listed:
            async with visitor.http.get(item["url"]) as response:
                body = await response.read()
                assert response.content_type == "application/octet-stream"
                assert response.headers["Content-Disposition"].startswith("attachment")
                assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert item["size"] == len(body)
            assert item["sha256"] == hashlib.sha256(body).hexdigest()
        assert (await visitor.get("/downloads/notes.txt"))[0] == 404
        assert (await visitor.get("/downloads/secret.msi"))[0] == 404


def _make_installers(folder: Path) -> None:
    folder.mkdir()
    for suffix in ("msi", "pkg", "deb"):
        (folder / f"ankong.{suffix}").write_bytes(suffix.encode() * 1000)
    (folder / "notes.txt").write_text("not for download", encoding="utf-8")
    (folder / ".hidden.msi").write_text("nor this", encoding="utf-8")
    (folder / "folder.msi").mkdir()
    (folder / "secret.msi").symlink_to(folder / "notes.txt")


async def test_without_installers_the_list_is_empty(visitor: Visitor) -> None:
    assert (await visitor.get("/api/downloads"))[1] == {"downloads": []}


async def test_answers_about_people_are_kept_by_no_cache(visitor: Visitor) -> None:
    for path in ("/api/session", "/api/config", "/api/downloads", "/api/nowhere"):
        async with visitor.http.get(path) as response:
            assert response.headers["Cache-Control"] == "no-store"


async def test_a_challenge_is_32_random_octets(visitor: Visitor, citizen: Person) -> None:
    await visitor.register()
    seen = set()
    for path, body in (
        ("/api/upgrade/card/challenge", {"id_number": citizen.id_number}),
        ("/api/upgrade/card/challenge", {"id_number": citizen.id_number}),
        ("/api/login/card/challenge", {}),
        ("/api/login/card/challenge", {}),
    ):
        _, answer = await visitor.post(path, body)
        assert answer["expires_in"] == 300
        text = answer["challenge"]
        assert len(text) == 43
        assert len(base64.urlsafe_b64decode(text + "=")) == 32
        seen.add(text)
    assert len(seen) == 4


async def test_a_refused_login_is_a_bad_request_with_one_code(
    visitor: Visitor, citizen: Person, caplog: pytest.LogCaptureFixture
) -> None:
    _, challenge = await visitor.post("/api/login/card/challenge")
    elsewhere = signed(challenge, citizen, "https://evil.example", LoginPurpose.LOGIN)
    status, answer = await visitor.post("/api/login/card", elsewhere)
    assert status == 400
    assert answer["error"]["code"] == "origin_mismatch"
    assert "evil.example" not in json.dumps(answer)
    (told,) = (each for each in caplog.records if "origin_mismatch" in each.getMessage())
    assert told.levelname == "WARNING"  # the operator may have named the site wrongly
    assert "https://evil.example" in told.getMessage()
    assert visitor.origin in told.getMessage()
    # The same again gets the same answer, and nothing else is looked at any more.
    assert await visitor.code("/api/login/card", elsewhere) == "origin_mismatch"
    right = signed(challenge, citizen, visitor.origin, LoginPurpose.LOGIN)
    assert await visitor.code("/api/login/card", right) == "challenge_used"


async def test_a_name_is_tidied_and_kept(visitor: Visitor, citizen: Person) -> None:
    await visitor.register()
    assert await visitor.code("/api/profile", {"name": "  王　小測 "}) == "ok"
    assert (await visitor.member())["name"] == "王　小測"
    assert await visitor.upgrade(citizen) == "ok"
    assert (await visitor.member())["name"] == "王　小測"


async def test_a_site_without_an_anchor_or_with_a_wrong_one_does_not_start(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    await asyncio.to_thread(publish, test_issuer, tmp_path)
    options = SiteOptions(settings={"anchors": (str(tmp_path / "issued.json"),)})
    with pytest.raises(CmsError):
        async with running_site(test_issuer, tmp_path, options):
            pass


async def test_the_way_that_only_the_app_offers_says_so_and_leads_on(visitor: Visitor) -> None:
    headers = {"Accept": "text/html", "Accept-Language": "zh-TW"}
    async with visitor.http.get("/ways/telecom", headers=headers) as answer:
        page = await answer.text()
    assert (answer.status, "只在手機 App 提供" in page, 'href="/ways/online"' in page) == (
        200,
        True,
        True,
    )
