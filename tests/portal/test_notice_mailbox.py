"""The demonstration's mailbox, codes by the senders, and the language that a member chose."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from agent.portal.contact import Contact, LoginKind
from agent.portal.notices.codes import SenderNotifier
from agent.portal.notices.sending import DeliveryError, Parcel
from agent.portal.notifier import NotifierError
from agent.portal.otp import LIFETIME
from agent.virtualcard.issuer import TestIssuer
from agent.words import Language, load
from tests.portal.smtp_server import mail_server
from tests.portal.support import MOBILE, Person, Site, SiteOptions, Visitor, running_site

PAGE = {"Accept": "text/html"}


async def mailbox(visitor: Visitor, **headers: str) -> str:
    async with visitor.http.get("/mailbox", headers=PAGE | headers) as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        return await response.text()


def messages(page: str) -> list[tuple[str, str]]:
    return re.findall(r'data-kind="(\w+)" data-contact="([^"]*)"', page)


async def test_it_shows_what_was_told_to_whom_newest_first(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    assert messages(await mailbox(visitor)) == []
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    page = await mailbox(visitor)
    kinds = [kind for kind, contact in messages(page) if contact == MOBILE]
    assert kinds == ["gold", "registered", "code"]
    assert citizen.id_number not in page
    assert "1999" in page
    assert "<script>" not in page
    site.clock.offset += LIFETIME
    assert [kind for kind, _ in messages(await mailbox(visitor))] == ["gold", "registered"]


async def test_a_card_that_logs_in_says_nothing_and_a_second_code_only_itself(
    visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    await visitor.post("/api/logout")
    assert await visitor.login(citizen) == "ok"
    await visitor.register()
    kinds = [kind for kind, _ in messages(await mailbox(visitor))]
    assert kinds == ["code", "gold", "registered", "code"]


async def test_the_page_speaks_to_its_reader_and_a_message_to_its_member(
    site: Site, visitor: Visitor
) -> None:
    visitor.http.cookie_jar.update_cookies({"language": "vi"}, visitor.http._base_url)
    await visitor.register()
    other = await site.visitor()
    page = await mailbox(other, **{"Accept-Language": "en"})
    assert '<html lang="en">' in page
    assert '<div lang="vi">' in page
    assert load(Language.VIETNAMESE)["notice.registered.subject"] in page


async def test_only_a_demonstration_has_one(test_issuer: TestIssuer, tmp_path: Path) -> None:
    options = SiteOptions(settings={"demo": False, "notify": ("/bin/true",)})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        async with visitor.http.get("/mailbox", headers=PAGE) as response:
            assert response.status == 404
        assert await visitor.code("/api/otp", {"contact": MOBILE}) == "ok"


async def test_without_the_demonstration_codes_and_notices_go_by_mail(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    address = "tester@example.test"
    async with mail_server() as server:
        smtp = {
            "host": "127.0.0.1",
            "port": server.port,
            "tls": "none",
            "sender": "a@city.example",
        }
        settings = _converted(smtp)
        options = SiteOptions(settings={"demo": False, **settings})
        async with running_site(test_issuer, tmp_path, options) as site:
            visitor = await site.visitor()
            headers = {"Accept-Language": "en"}
            _, answer = await visitor.post("/api/otp", {"contact": address}, headers=headers)
            assert answer["demo_code"] is None
            (mail,) = server.mails  # it is there before the page is told so
            assert mail["Subject"] == load(Language.ENGLISH)["notice.code.subject"]
            text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # a test fails on None as well
            (code,) = re.findall(r"[0-9]{6}", text)
            body = {"contact": address, "code": code}
            assert await visitor.code("/api/otp/confirm", body) == "ok"
            server.answers = {"RCPT": "450 later"}
            assert await visitor.code("/api/otp", {"contact": address}) == "internal"
    assert code.encode() not in await asyncio.to_thread(_content, tmp_path)


def _content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("portal.db*"))


def _converted(smtp: dict[str, Any]) -> dict[str, Any]:
    from agent.portal.notices.settings import SmsSettings, SmtpSettings

    sms = SmsSettings(url="http://127.0.0.1:9/", token_file="/nowhere")
    return {"smtp": SmtpSettings(**smtp), "sms": sms}


class Refuses:
    """A sender that takes nothing."""

    async def send(self, parcel: Parcel) -> None:
        raise DeliveryError(f"refused at {parcel.created}")


async def test_a_code_that_cannot_be_sent_is_an_error_without_the_code() -> None:
    for language in Language:
        assert load(language)
    notifier = SenderNotifier({LoginKind.MOBILE: Refuses()}, "1999", lambda: 7.0)
    with pytest.raises(NotifierError, match="refused at 7"):
        await notifier.send(Contact(LoginKind.MOBILE, MOBILE), "012345")


async def test_a_choice_of_language_is_kept_with_the_member_and_leads_nowhere_else(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    headers = {"Origin": visitor.origin}
    for chosen, back, where in (
        ("vi", "/mailbox", "/mailbox"),
        ("xx", "//evil.test/", "/"),
        ("", "/\\evil.test", "/"),
    ):
        form = {"language": chosen, "back": back}
        async with visitor.http.post(
            "/language", data=form, headers=headers, allow_redirects=False
        ) as response:
            assert (response.status, response.headers["Location"]) == (303, where)
    await visitor.post("/api/logout")
    visitor.set_cookies(
        {name: value for name, value in visitor.cookies().items() if name != "language"}
    )
    assert await visitor.login(citizen) == "card_not_registered"
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    page = await mailbox(await site.visitor())
    newest = re.search(r'data-kind="gold".*?<div lang="(\w+)">', page, re.DOTALL)
    assert newest is not None
    assert newest[1] == "vi"
