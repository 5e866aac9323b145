"""Asking the identity service: its verdicts, its failures, and a stand-in that is strict."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from agent.portal.ics.standin import PATH, create_standin
from agent.portal.serving import listen, serving
from agent.relying.ics import (
    NO_CREDENTIALS,
    IcsClient,
    IcsCredentials,
    IdentityServiceError,
    IdentityVerdict,
    checked_url,
    load_credentials,
)
from agent.relying.ics_xml import FIELD, MAX_SIZE, IcsResponse, Pair, read_request, write_response
from agent.virtualcard.identity import generate_id_number
from tests.portal.support import public_pem, rsa_key

SERIAL = "1234567890123456"
NUMBER = generate_id_number(1)
FUTURE = (datetime.now(UTC) + timedelta(days=1)).isoformat()
PAST = (datetime.now(UTC) - timedelta(days=1)).isoformat()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def at(app: web.Application) -> AsyncIterator[str]:
    with listen("127.0.0.1", 0) as sock:
        async with serving(app, sock):
            yield f"http://127.0.0.1:{sock.getsockname()[1]}{PATH}"


async def ask(
    app: web.Application, credentials: IcsCredentials = NO_CREDENTIALS, timeout_s: float = 10
) -> IdentityVerdict:
    async with at(app) as url, aiohttp.ClientSession() as http:
        return await IcsClient(http, url, credentials, timeout_s).check(SERIAL, NUMBER)


def record(**facts: object) -> dict[str, object]:
    return {"subject_serial": SERIAL, "id_number": NUMBER, "not_after": FUTURE} | facts


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ([record()], IdentityVerdict.MATCH),
        ([record(use="SIGN", name="王測試")], IdentityVerdict.MATCH),
        ([record(subject_serial="0" * 16)], IdentityVerdict.NO_SUCH_PAIR),
        ([record(id_number=generate_id_number(2))], IdentityVerdict.NO_CERTIFICATE),
        ([], IdentityVerdict.NO_CERTIFICATE),
        ([record(activated=False)], IdentityVerdict.NOT_ACTIVATED),
        ([record(not_after=PAST)], IdentityVerdict.EXPIRED),
        ([record(revoked_at=PAST)], IdentityVerdict.REVOKED),
        ([record(revoked_at=PAST), record()], IdentityVerdict.MATCH),
    ],
)
async def test_the_stand_in_says_what_its_list_says(
    records: list[dict[str, object]], verdict: IdentityVerdict, tmp_path: Path
) -> None:
    (tmp_path / "issued.json").write_text(json.dumps(records), encoding="utf-8")
    assert await ask(create_standin(tmp_path / "issued.json")) is verdict


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '[{"id_number": "x"}]'])
async def test_a_stand_in_without_a_list_says_nothing(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "issued.json").write_text(content, encoding="utf-8")
    with pytest.raises(IdentityServiceError):
        await ask(create_standin(tmp_path / "issued.json"))


@pytest.fixture
def credentials(tmp_path: Path) -> tuple[IcsCredentials, x509.Certificate]:
    key = rsa_key("site")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "測試網站")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "site.pem").write_bytes(public_pem(certificate))
    (tmp_path / "site.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return load_credentials(tmp_path / "site.pem", tmp_path / "site.key"), certificate


async def test_a_known_site_signs_its_questions(
    credentials: tuple[IcsCredentials, x509.Certificate], tmp_path: Path
) -> None:
    ours, certificate = credentials
    (tmp_path / "issued.json").write_text(json.dumps([record()]), encoding="utf-8")
    strict = create_standin(tmp_path / "issued.json", [certificate])
    assert await ask(strict, ours) is IdentityVerdict.MATCH
    impostor = IcsCredentials(ours.client_id, rsa_key_signer("impostor"))
    for wrong in (NO_CREDENTIALS, impostor, IcsCredentials("00" * 20, ours.sign)):
        again = create_standin(tmp_path / "issued.json", [certificate])
        with pytest.raises(IdentityServiceError, match="1001"):
            await ask(again, wrong)


def rsa_key_signer(name: str) -> Callable[[bytes], bytes]:
    key = rsa_key(name)
    return lambda data: key.sign(data, PKCS1v15(), hashes.SHA256())


def answering(make: Callable[[str], web.Response]) -> web.Application:
    """A service that is given the nonce and answers as it likes."""

    async def handle(request: web.Request) -> web.Response:
        form = await request.post()
        asked = read_request(str(form[FIELD]).encode())
        return make(asked.request.nonce)

    app = web.Application()
    app.router.add_post(PATH, handle)
    return app


def said(nonce: str, code: int) -> bytes:
    return write_response(IcsResponse(nonce, code), Pair(SERIAL, NUMBER))


@pytest.mark.parametrize("code", range(6))
async def test_each_verdict_is_understood(code: int) -> None:
    app = answering(lambda nonce: web.Response(body=said(nonce, code)))
    assert await ask(app) == code


@pytest.mark.parametrize("code", [6, 999, 1001, 1023, 99_999, -1, -10_000])
async def test_a_failure_of_the_service_is_no_verdict(code: int) -> None:
    app = answering(lambda nonce: web.Response(body=said(nonce, code)))
    with pytest.raises(IdentityServiceError, match=str(code)):
        await ask(app)


BOMB = b'<!DOCTYPE a [<!ENTITY a "' + b"ha" * 99 + b'">]><ICSResponse>&a;&a;</ICSResponse>'


@pytest.mark.parametrize(
    "make",
    [
        lambda _: web.Response(body=said("otherNonce12345", 0)),
        lambda _: web.Response(body=said("", 0)),
        lambda nonce: web.Response(body=said(nonce, 0), status=500),
        lambda nonce: web.Response(body=said(nonce, 0), status=204),
        lambda _: web.Response(body=BOMB),
        lambda _: web.Response(body=b""),
        lambda nonce: web.Response(body=said(nonce, 0) + b" " * MAX_SIZE),
        lambda nonce: web.Response(body=said(nonce, 0)[:-5]),
        lambda nonce: web.Response(body=said(nonce, 0) * 2),
    ],
    ids=["nonce", "no nonce", "500", "204", "bomb", "empty", "huge", "cut", "twice"],
)
async def test_a_wrong_answer_is_no_verdict(make: Callable[[str], web.Response]) -> None:
    with pytest.raises(IdentityServiceError):
        await ask(answering(make))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_an_id_number_does_not_follow_a_redirect(status: int) -> None:
    """The other server would answer, and with 307 and 308 it would be sent the whole question."""
    reached: list[str] = []

    async def take(request: web.Request) -> web.Response:
        reached.append(await request.text())
        return web.Response(body=said("otherNonce12345", 0))

    elsewhere = web.Application()
    elsewhere.router.add_route("*", PATH, take)
    async with at(elsewhere) as other:
        headers = {"Location": other}
        app = answering(lambda _: web.Response(status=status, headers=headers))
        with pytest.raises(IdentityServiceError, match=str(status)):
            await ask(app)
        async with aiohttp.ClientSession() as http, http.post(other) as response:
            assert response.status == 200
    assert reached == [""]  # by this test's own question


async def test_a_service_that_hangs_is_given_up() -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response(body=b"")

    app = web.Application()
    app.router.add_post(PATH, hang)
    with pytest.raises(IdentityServiceError, match="Timeout"):
        await ask(app, timeout_s=0.1)


async def test_a_service_that_is_not_there_is_no_verdict() -> None:
    async with aiohttp.ClientSession() as http:
        with listen("127.0.0.1", 0) as sock:
            port = sock.getsockname()[1]
        client = IcsClient(http, f"http://127.0.0.1:{port}/")
        with pytest.raises(IdentityServiceError, match="not reached") as caught:
            await client.check(SERIAL, NUMBER)
        assert NUMBER not in str(caught.value)


@pytest.mark.parametrize("serial", ["", "123<", "12 34", "陳"])
async def test_a_subject_serial_that_is_no_number_is_no_question(serial: str) -> None:
    async with aiohttp.ClientSession() as http:
        client = IcsClient(http, "http://127.0.0.1:9/")
        with pytest.raises(IdentityServiceError):
            await client.check(serial, NUMBER)


@pytest.mark.parametrize(
    "url",
    ["https://ics.test/cgi-bin/x", "http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/"],
)
def test_an_id_number_may_travel_there(url: str) -> None:
    assert checked_url(url, "ics_url") == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "http://ics.test/", "http://127.0.0.1.test/", "http://10.0.0.1/", "https://"),
        *("ftp://localhost/", "file:///etc/passwd", "//localhost/", "http://localhost@evil.test/"),
    ],
)
def test_an_id_number_may_not_travel_there(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        checked_url(url, "ics_url")


@pytest.mark.parametrize(
    "body",
    [b"", b"x", FIELD.encode() + b"=", FIELD.encode() + b"=<a/>", b"&" * 100, b"\xff" * 50],
)
async def test_the_stand_in_refuses_what_is_no_request(body: bytes, tmp_path: Path) -> None:
    (tmp_path / "issued.json").write_text("[]", encoding="utf-8")
    async with (
        at(create_standin(tmp_path / "issued.json")) as url,
        aiohttp.ClientSession() as http,
        http.post(url, data=body) as response,
    ):
        assert response.status == 400
        assert "Traceback" not in await response.text()
