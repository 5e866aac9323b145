"""Notices by text message: what the operator's service is asked, and which answers count."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from agent.portal.contact import Contact, LoginKind, parse_contact
from agent.portal.notices.composing import compose
from agent.portal.notices.kinds import NoticeKind
from agent.portal.notices.sending import DeliveryError, Parcel
from agent.portal.notices.settings import SmsSettings
from agent.portal.notices.texting import TextSender
from agent.portal.serving import listen, serving
from agent.words import Language, load

TO = parse_contact("0900 000 001")


@pytest.fixture(autouse=True)
def _texts_are_read() -> None:
    for language in Language:
        assert load(language)


def parcel(contact: Contact = TO) -> Parcel:
    message = compose(
        NoticeKind.CASE_SENT,
        Language.ENGLISH,
        {"case": "C-2026-0001"},
        created=1_790_000_000,
        helpline="1999",
    )
    return Parcel(contact, message, "0123abcd", 1_790_000_000)


@dataclass
class Hook:
    """The operator's service: what it answers, and what it was asked."""

    url: str = ""
    status: int = 202
    body: bytes = b'{"accepted":true}'
    headers: dict[str, str] = field(default_factory=dict)
    waits_for: asyncio.Event | None = None
    closes: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    sent_headers: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.sent_headers.append(dict(request.headers))
        if self.waits_for is not None:
            await self.waits_for.wait()
        if self.closes:
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@asynccontextmanager
async def running_hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", hook.answer)
    with listen("127.0.0.1", 0) as sock:
        hook.url = f"http://127.0.0.1:{sock.getsockname()[1]}/send"
        async with serving(app, sock):
            yield hook


async def send(hook: Hook, folder: Path, what: Parcel | None = None, timeout_s: float = 20) -> None:
    token = folder / "token"
    await asyncio.to_thread(token.write_text, "secret-token\n")
    settings = SmsSettings(url=hook.url, token_file=str(token))
    async with aiohttp.ClientSession() as http:
        sender = await asyncio.to_thread(TextSender, http, settings, timeout_s)
        await sender.send(what or parcel())


async def test_the_service_is_told_the_number_the_text_and_which_message_it_is(
    tmp_path: Path,
) -> None:
    async with running_hook() as hook:
        await send(hook, tmp_path)
    (asked,) = hook.asked
    assert asked["id"] == "0123abcd"
    assert asked["to"] == "+886900000001"
    assert asked["text"].startswith("[Ankong Citizen Demo] Your case number is C-2026-0001.")
    assert "1999" in asked["text"]
    assert set(asked) == {"id", "to", "text"}
    assert hook.sent_headers[0]["Authorization"] == "Bearer secret-token"
    assert hook.sent_headers[0]["Idempotency-Key"] == "0123abcd"


@pytest.mark.parametrize(
    ("status", "body", "is_final"),
    [
        (200, b'{"accepted":false}', False),
        (200, b'{"accepted":false,"permanent":true}', True),
        (200, b"", False),
        (200, b"<html>Please log in", False),
        (200, b'{"accepted":1}', False),
        (200, b'{"accepted":"true"}', False),
        (200, b"{}", False),
        (200, b"true", False),
        (200, b'{"accepted":true} {}', False),
        (200, b'{"accepted":true' + b" " * 5000 + b"}", False),
        (200, b"[" * 4000, False),
        (200, b'{"accepted":tr\xff', False),
        (201, b'{"accepted":true}', False),
        (204, b"", False),
        (302, b'{"accepted":true}', False),
        (400, b'{"accepted":true}', False),
        (401, b'{"accepted":false,"permanent":true}', False),
        (429, b'{"accepted":true}', False),
        (500, b'{"accepted":true}', False),
    ],
    ids=str,
)
async def test_only_the_one_answer_says_that_it_is_on_its_way(
    tmp_path: Path, status: int, body: bytes, is_final: bool
) -> None:
    async with running_hook() as hook:
        hook.status, hook.body = status, body
        if status == 302:
            hook.headers = {"Location": hook.url}
        with pytest.raises(DeliveryError) as caught:
            await send(hook, tmp_path)
    assert caught.value.is_final is is_final
    assert len(hook.asked) == 1  # no redirection is followed
    assert "0900" not in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_service_that_is_slow_closes_or_is_down_is_tried_again(tmp_path: Path) -> None:
    async with running_hook() as hook:
        hook.waits_for = asyncio.Event()
        with pytest.raises(DeliveryError) as caught:
            await send(hook, tmp_path, timeout_s=0.3)
        assert not caught.value.is_final
        hook.waits_for.set()
        hook.closes = True
        with pytest.raises(DeliveryError) as caught:
            await send(hook, tmp_path)
        assert not caught.value.is_final
    with pytest.raises(DeliveryError) as caught:
        await send(hook, tmp_path)
    assert not caught.value.is_final


@pytest.mark.parametrize(
    "contact",
    [
        parse_contact("a@example.test"),
        Contact(LoginKind.MOBILE, "0900000001,0900000002"),
        Contact(LoginKind.MOBILE, "٠٩٠٠٠٠٠٠٠١"),
        Contact(LoginKind.MOBILE, ""),
        Contact(LoginKind.CARD, "0900000001"),
    ],
    ids=lambda contact: contact.value,
)
async def test_what_is_no_number_of_ours_is_asked_of_nobody(
    tmp_path: Path, contact: Contact
) -> None:
    async with running_hook() as hook:
        with pytest.raises(DeliveryError) as caught:
            await send(hook, tmp_path, parcel(contact))
    assert caught.value.is_final
    assert hook.asked == []


@pytest.mark.parametrize("token", [None, b"", b"\n", b"x" * 5000, b"\xff\xfe"], ids=str)
async def test_without_its_token_nothing_is_asked(tmp_path: Path, token: bytes | None) -> None:
    file = tmp_path / "other"
    if token is not None:
        await asyncio.to_thread(file.write_bytes, token)
    async with running_hook() as hook, aiohttp.ClientSession() as http:
        settings = SmsSettings(url=hook.url, token_file=str(file))
        sender = await asyncio.to_thread(TextSender, http, settings)
        with pytest.raises(DeliveryError) as caught:
            await sender.send(parcel())
    assert not caught.value.is_final
    assert hook.asked == []


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "http://sms.example/", "token_file": "x"},
        {"url": "ftp://localhost/", "token_file": "x"},
        {"url": "", "token_file": "x"},
        {"url": "https://sms.example/"},
        {"url": "https://sms.example/", "token_file": "x", "tokenfile": "y"},
    ],
    ids=str,
)
def test_settings_that_would_show_messages_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        msgspec.convert(settings, SmsSettings)
