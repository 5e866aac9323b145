"""Whoever speaks to the service badly gets a 4xx or nothing, never a verdict; nobody else waits."""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.validator import app as service_app
from agent.validator import doorman
from agent.validator import worker as service_worker
from agent.validator.logs import LineHandler
from agent.validator.messages import MAX_BODY
from tests.kits.service.service_support import (
    FOUND,
    KEY,
    InProcess,
    config_of,
    get,
    login_of,
    post,
    service,
)

OLD_KEY = "the-key-that-was-used-before-0123456789"
HASHES = [hashlib.sha256(key.encode()).hexdigest() for key in (OLD_KEY, KEY)]
CLIENTS = f"""
[[client]]
name = "shop"
key_sha256 = {json.dumps(HASHES)}
origins = {json.dumps(FOUND["origins"])}

[[client]]
name = "other"
key_sha256 = "{hashlib.sha256(b"of-the-other-client").hexdigest()}"
origins = ["https://other.example"]
"""
Bearer = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
async def open_to_all() -> AsyncIterator[InProcess]:
    async with service() as found:
        yield found


@pytest.fixture
async def guarded() -> AsyncIterator[InProcess]:
    async with service(config_of(clients=CLIENTS)) as found:
        yield found


def code_of(raw: bytes) -> tuple[int, str]:
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"access-control-" not in head.lower()
    return int(head.split()[1]), json.loads(body)["error"]["code"]


def closing(request: bytes) -> bytes:
    return request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


async def test_both_keys_of_a_client_open(guarded: InProcess) -> None:
    for key in (KEY, OLD_KEY):
        bearer = f"Bearer {key}"
        status, answer = await guarded.ask("login/verify", login_of(), Authorization=bearer)
        assert (status, answer["verdict"]) == (200, "accepted")


async def test_a_clients_key_opens_its_own_origins_only(guarded: InProcess) -> None:
    bearer = "Bearer of-the-other-client"
    _, answer = await guarded.ask("login/verify", login_of(), Authorization=bearer)
    assert answer == {"verdict": "refused", "code": "origin_mismatch"}


KEYS = {
    "none": {},
    "empty": {"Authorization": "Bearer "},
    "wrong": {"Authorization": "Bearer another"},
    "cut": {"Authorization": f"Bearer {KEY[:-1]}"},
    "hash": {"Authorization": f"Bearer {HASHES[1]}"},
    "basic": {"Authorization": f"Basic {KEY}"},
    "long": {"Authorization": f"Bearer {KEY * 50}"},
    "octets": {"Authorization": "Bearer \xff\xfe"},
}


async def test_without_a_key_the_body_is_not_even_read(guarded: InProcess) -> None:
    for name, headers in KEYS.items():
        lines = "".join(f"{header}: {value}\r\n" for header, value in headers.items())
        head = (
            f"POST /v1/login/verify HTTP/1.1\r\nHost: x\r\n{lines}"
            "Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n"
        )
        answer = await guarded.raw(head.encode("latin-1"))  # which hangs up without the body
        assert code_of(answer) == (401, "key_refused"), name
        assert b'WWW-Authenticate: Bearer realm="ankong-verify"' in answer


async def test_two_keys_in_one_request_are_none(guarded: InProcess) -> None:
    request = post("login/verify", login_of(), **Bearer)
    twice = request.replace(b"\r\n", f"\r\nAuthorization: Bearer {KEY}\r\n".encode(), 1)
    assert code_of(await guarded.raw(closing(twice)))[0] == 401


async def test_who_has_no_key_is_not_asked_for_a_body(guarded: InProcess) -> None:
    expecting = post("login/verify", login_of(), Expect="100-continue")
    assert code_of(await guarded.raw(expecting.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"))[0] == 401
    good = post("login/verify", login_of(), Expect="100-continue", Connection="close", **Bearer)
    assert (await guarded.raw(good)).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


BROWSERS = ("Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-User", "origin")


async def test_pages_are_refused(open_to_all: InProcess) -> None:
    for path in ("/v1/login/verify", "/readyz", "/metrics", "/v1/openapi.json"):
        for name in BROWSERS:
            request = post("login/verify", login_of()) if "login" in path else get(path)
            line = f"\r\n{name}: https://portal.example\r\n".encode()
            answer = await open_to_all.raw(closing(request.replace(b"\r\n", line, 1)))
            assert code_of(answer) == (403, "page_refused"), (path, name)


async def test_a_preflight_gets_no_permission(open_to_all: InProcess) -> None:
    request = b"OPTIONS /v1/login/verify HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert code_of(await open_to_all.raw(request)) == (405, "method_refused")


BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "not JSON"),
    "garbage": (b"\x00\xff\x13", 400, "not JSON"),
    "array": (b"[]", 400, "Expected `object`"),
    "deep": (b"[" * 60000, 400, "nested too deeply"),
    "duplicate": (b'{"token":"a","token":"b","challenge":"c"}', 400, "twice"),
    "unknown": (b'{"token":"","now":1}', 400, "unknown field `now`"),
    "missing": (b'{"challenge":"' + b"a" * 43 + b'"}', 400, "missing required field `token`"),
    "number": (b'{"token":1,"challenge":""}', 400, "$.token"),
    "null": (b'{"token":null,"challenge":""}', 400, "$.token"),
    "long-number": (b'{"token":' + b"9" * 5000 + b"}", 400, "$.token"),
    "purpose": (
        b'{"token":"","challenge":"' + b"a" * 43 + b'","purpose":"x"}',
        400,
        "$.purpose",
    ),
    "nan": (b'{"token":NaN}', 400, "NaN is no JSON"),
    "surrogate": (b'{"token":"\\ud800"}', 400, "surrogate"),
    "too long": (b" " * (MAX_BODY + 1), 413, ""),
    "129 KiB": (b'{"token":"' + b"A" * 129 * 1024 + b'"}', 413, ""),
}


async def test_a_bad_body_is_a_bad_request(open_to_all: InProcess) -> None:
    for name, (body, status, told) in BODIES.items():
        head = (
            "POST /v1/login/verify HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        answer = await open_to_all.raw(head.encode(), body if status == 400 else b"")
        assert code_of(answer)[0] == status, name
        assert told in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"], name


CHALLENGES = {
    "empty": "",
    "short": "A" * 42,
    "long": "A" * 87,
    "padded": "A" * 42 + "=",
    "base64": "A" * 42 + "+",
    "bits that no octet has": "A" * 42 + "B",
    "line feed": "A" * 43 + "\n",
    "no number of octets": "A" * 45,
}


async def test_a_challenge_is_32_to_64_octets(open_to_all: InProcess) -> None:
    for name, challenge in CHALLENGES.items():
        body = {**login_of(), "challenge": challenge}
        status, answer = await open_to_all.ask("login/verify", body)
        assert (status, answer["error"]["code"]) == (400, "bad_request"), name
        assert "$.challenge" in answer["error"]["message"], name


async def test_a_chunked_body_has_the_same_limit(open_to_all: InProcess) -> None:
    head = (
        b"POST /v1/login/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    assert code_of(await open_to_all.raw(head, chunk * 4, b"1\r\n \r\n")) == (413, "too_large")


async def test_only_plain_json_is_read(open_to_all: InProcess) -> None:
    for headers in ({"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}):
        request = post("login/verify", login_of(), **headers)
        assert code_of(await open_to_all.raw(closing(request))) == (415, "not_json")


async def test_a_slow_body_is_given_up(
    open_to_all: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_app, "BODY_S", 0.05)
    request = post("login/verify", login_of())
    assert code_of(await open_to_all.raw(request[:-5])) == (408, "body_timeout")
    assert open_to_all.app.is_idle


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110  # what the service has no event for
        await asyncio.sleep(0)


async def test_a_body_that_breaks_off_leaves_nothing_behind(open_to_all: InProcess) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", open_to_all.port)
    writer.write(post("login/verify", login_of())[:-5])
    await writer.drain()
    await until(lambda: not open_to_all.app.is_idle)
    writer.transport.abort()
    await until(lambda: open_to_all.app.is_idle)


async def test_too_many_bodies_at_once_are_an_outage(
    open_to_all: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_app, "MAX_BODIES", 0)
    answer = await open_to_all.raw(closing(post("login/verify", login_of())))
    assert code_of(answer) == (503, "busy")
    assert b"Retry-After: 1" in answer


async def test_who_connects_and_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorman, "HEAD_S", 0.05)
    async with service() as found:
        assert await found.raw(b"POST /v1/login") == b""


async def test_who_comes_when_all_places_are_taken_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorman, "MAX_CONNECTIONS", 1)
    async with service() as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(get("/livez"))
        assert b" 200 OK" in await reader.readline()
        waiting = asyncio.create_task(found.raw(closing(get("/livez"))))
        writer.write(get("/readyz"))
        while b"ready" not in (line := await reader.read(4096)):
            assert line
        assert not waiting.done()
        writer.close()
        assert b" 200 OK" in await waiting


async def test_who_says_nothing_makes_room_for_who_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorman, "MAX_CONNECTIONS", 2)
    async with service() as found:
        silent = [await asyncio.open_connection("127.0.0.1", found.port) for _ in range(2)]
        silent[0][1].write(b"POST /v1/login")
        assert b" 200 OK" in await found.raw(closing(get("/livez")))
        with suppress(ConnectionError):
            assert await silent[0][0].read() == b""  # the oldest one
        for _, writer in silent:
            writer.close()


async def test_a_stranger_keeps_no_place(guarded: InProcess) -> None:
    for request in (get("/livez"), get("/readyz"), get("/v1/no"), b"HEAD" + get("/metrics")[3:]):
        assert b"Connection: close" in await guarded.raw(request)
    wrong = post("login/verify", login_of(), Authorization="Bearer another")
    assert code_of(await guarded.raw(wrong)) == (401, "key_refused")
    good = post("login/verify", login_of(), **Bearer)
    answers = await guarded.raw(good, closing(good))
    assert answers.count(b" 200 OK") == 2


async def test_a_stop_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_worker, "DRAIN_S", 0.05)
    monkeypatch.setattr(service_worker, "_CLOSE_S", 0.05)
    async with service() as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(post("login/verify", login_of())[:-5])
        await until(lambda: not found.app.is_idle)
    assert b'"accepted"' not in await reader.read()
    writer.close()


async def test_pipelined_requests_are_answered_in_turn(open_to_all: InProcess) -> None:
    requests = post("login/verify", login_of()) + get("/livez") + closing(get("/readyz"))
    answer = await open_to_all.raw(requests)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    places = [answer.index(word) for word in (b'"accepted"', b'"live"', b'"ready"')]
    assert places == sorted(places)


GARBAGE = {
    "tls": b"\x16\x03\x01\x02\x00\x01\x00",
    "short": b"GET\r\n\r\n",
    "negative": b"POST /v1/login/verify HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "both": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "long header": b"GET /livez HTTP/1.1\r\nX: " + b"a" * 70000 + b"\r\n\r\n",
}


async def test_garbage_is_no_request(
    open_to_all: InProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, garbage in GARBAGE.items():
        try:
            answer = await open_to_all.raw(garbage + b"\r\n\r\n")
        except ConnectionResetError:
            answer = b""
        first = answer.partition(b" ")[2][:4]
        assert first in {b"", b"400 "}, name
        if first:
            assert code_of(answer) == (400, "bad_request"), name
            assert b"aiohttp" not in answer
            assert b"Server: ankong-verify" in answer
            assert b"aaaa" not in answer
        assert (await open_to_all.get("/livez"))[0] == 200
    assert capfd.readouterr().err == ""


MARKER = "Zxqj"


async def test_log_and_metrics_hold_nothing_about_anybody(
    guarded: InProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    bodies: list[tuple[str, Any]] = [
        ("login/verify", login_of()),
        ("login/verify", {**login_of(), "challenge": MARKER * 12}),
        ("login/verify", login_of(origin=MARKER)),
        ("login/verify", {**login_of(), MARKER: MARKER}),
        ("login/verify", {**login_of(), "token": MARKER * 9}),
        ("document/verify", {"cms": MARKER * 9, "content": MARKER}),
        ("certificate/verify", {"certificate": MARKER * 9}),
        ("identity/check", {"subject_serial": MARKER, "id_number": MARKER}),
        (MARKER, MARKER),
    ]
    for path, body in bodies:
        await guarded.ask(path, body, **Bearer)
        await guarded.ask(path, body, Authorization=f"Bearer {MARKER}")
    _, metrics = await guarded.get("/metrics")
    log = capfd.readouterr().err
    assert len(log.splitlines()) == 2 * len(bodies) - 2
    _, answer = await guarded.ask("login/verify", login_of(), **Bearer)
    holder = answer["login"]["holder"]
    secrets = [MARKER, KEY, login_of()["token"][:24], FOUND["challenge"][:24]]
    secrets += [holder["name"], holder["subject_serial"], answer["login"]["time"]]
    for text in (log, metrics):
        for secret in secrets:
            assert secret not in text
    assert answer["login"]["certificate"]["thumbprint"][:8] in log
    assert answer["login"]["certificate"]["thumbprint"][:9] not in log


async def test_the_log_says_what_an_operator_needs(
    guarded: InProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    await guarded.ask("login/verify", login_of("wrong-origin"), **Bearer)
    line = json.loads(capfd.readouterr().err)
    assert (line["event"], line["client"], line["code"]) == ("login", "shop", "origin_mismatch")
    assert FOUND["origin"] in line["detail"]


async def test_a_body_never_crashes_it(open_to_all: InProcess) -> None:
    """Any JSON at all, at any path, is judged or refused, and is no fault of ours."""
    texts = st.text(max_size=20)
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=6,
    )
    fields = ("token", "challenge", "purpose", "origin", "cms", "content", "certificate")
    bodies = st.dictionaries(st.sampled_from(fields) | texts, values, max_size=4)
    found: list[Any] = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(body=values | bodies)
    def collect(body: Any) -> None:
        found.append(body)

    collect()
    for body in found:
        for path in ("login", "document", "certificate"):
            status, answer = await open_to_all.ask(f"{path}/verify", body)
            assert status in {200, 400}
            assert answer.get("verdict") != "accepted"


def test_of_what_libraries_log_only_the_pattern_is_kept(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("aiohttp.server")
    handler = LineHandler()
    logger.addHandler(handler)
    try:
        int(MARKER)
    except ValueError:
        logger.exception("Error handling request from %s", MARKER)
    finally:
        logger.removeHandler(handler)
    line = json.loads(capfd.readouterr().err)
    assert (line["text"], line["level"]) == ("Error handling request from %s", "error")
    assert line["exception"].startswith("ValueError at test_service_hostile.py:")
    assert MARKER not in json.dumps(line)
