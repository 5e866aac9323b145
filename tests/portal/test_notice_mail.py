"""Notices by e-mail: what is handed in, to whom, and what a mail server's answers mean."""

import asyncio
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.portal.contact import Contact, LoginKind, parse_contact
from agent.portal.notices.composing import compose
from agent.portal.notices.kinds import NoticeKind
from agent.portal.notices.mail import MailSender, build_mail
from agent.portal.notices.sending import DeliveryError, NoticeMessage, Parcel
from agent.portal.notices.settings import SmtpSettings, parse_sender
from agent.words import Language, load
from tests.portal.smtp_server import MailServer, mail_server, server_certificate

TO = parse_contact("tester@example.test")
WHEN = 1_790_000_000


@pytest.fixture(autouse=True)
def _texts_are_read() -> None:
    for language in Language:
        assert load(language)


def parcel(contact: Contact = TO, **changes: Any) -> Parcel:
    message = compose(
        NoticeKind.GOLD, Language.CHINESE, {"way": "counter"}, created=WHEN, helpline="1999"
    )
    settings = {each: getattr(message, each) for each in NoticeMessage.__slots__}
    return Parcel(contact, NoticeMessage(**settings | changes), "0123abcd", WHEN)


def plain(server: MailServer, **changes: Any) -> SmtpSettings:
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "sender": "會員服務 <no-reply@city.example>",
    }
    return SmtpSettings(**settings | changes)


async def send(settings: SmtpSettings, what: Parcel | None = None, timeout_s: float = 30) -> None:
    sender = await asyncio.to_thread(MailSender, settings, timeout_s)
    await sender.send(what or parcel())


async def test_a_mail_says_who_speaks_and_that_no_person_does() -> None:
    async with mail_server() as server:
        await send(plain(server))
    (mail,) = server.mails
    assert server.recipients == ["tester@example.test"]
    assert mail["From"] == "會員服務 <no-reply@city.example>"
    assert mail["To"] == "tester@example.test"
    assert mail["Subject"] == "您已成為金質會員"
    assert mail["Message-ID"] == "<0123abcd@city.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "zh-Hant"
    assert mail["Date"].datetime.timestamp() == WHEN
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]  # a test fails on None as well
    for said in ("臨櫃辦理", "1999", "2026-09-21"):
        assert said in text
        assert said in html
    assert "http" not in text.replace("<!doctype", "")


async def test_what_a_message_says_is_never_markup() -> None:
    mail = build_mail(
        parse_sender("a@b.example"), parcel(subject="<b>&", paragraphs=('<script x="&">',))
    )
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]  # likewise
    assert "<script" not in html
    assert "<b>" not in html


@pytest.mark.parametrize("text", ["x\r\nBcc: other@example.test", "x\nX: y", "x\r.\r\nRCPT"])
async def test_no_text_becomes_a_header(text: str) -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline|header"):
        build_mail(parse_sender("a@b.example"), parcel(subject=text))


@pytest.mark.parametrize(
    "value",
    [
        "a@example.test\r\nRCPT TO:<other@example.test>",
        "a@example.test>\r\nDATA",
        "a@example.test, other@example.test",
        "A <a@example.test>",
        "a@[127.0.0.1]",
        "測試@example.test",
        '"a b"@example.test',
        "TESTER@example.test",
        "",
    ],
)
async def test_no_contact_becomes_a_command_or_a_second_address(value: str) -> None:
    async with mail_server() as server:
        with pytest.raises(DeliveryError) as caught:
            await send(plain(server), parcel(Contact(LoginKind.EMAIL, value)))
    assert caught.value.is_final
    assert not server.mails
    assert value not in str(caught.value) or not value


async def test_a_mobile_number_gets_no_mail() -> None:
    async with mail_server() as server:
        with pytest.raises(DeliveryError):
            await send(plain(server), parcel(parse_contact("0900000001")))


@pytest.mark.parametrize(
    ("answers", "is_final"),
    [
        ({"RCPT": "550 5.1.1 no such user"}, True),
        ({"RCPT": "553 no such user"}, True),
        ({"RCPT": "550 5.7.1 relaying denied"}, False),
        ({"RCPT": "450 4.2.1 try later"}, False),
        ({"RCPT": "452 too many"}, False),
        ({"MAIL": "550 5.7.1 not you"}, False),
        ({"MAIL": "451 busy"}, False),
        ({"DATA": "552 5.2.2 full"}, True),
        ({"DATA": "451 4.3.0 disk full"}, False),
        ({"DATA": "354 what"}, False),
        ({"DATA": "nonsense"}, False),
    ],
    ids=str,
)
async def test_only_what_will_never_be_taken_is_given_up(
    answers: dict[str, str], is_final: bool
) -> None:
    async with mail_server() as server:
        server.answers = answers
        with pytest.raises(DeliveryError) as caught:
            await send(plain(server))
    assert caught.value.is_final is is_final
    assert "tester" not in str(caught.value)
    assert server.mails == []


async def test_a_server_that_is_down_or_closes_in_the_middle_is_tried_again() -> None:
    async with mail_server() as server:
        settings = plain(server)
    with pytest.raises(DeliveryError) as caught:
        await send(settings)
    assert not caught.value.is_final
    async with mail_server() as server:
        server.answers = {"close": ""}
        with pytest.raises(DeliveryError) as caught:
            await send(plain(server))
    assert not caught.value.is_final  # and yet it has the mail: at least once, see claims.py
    assert len(server.mails) == 1


async def test_a_server_that_never_answers_is_tried_again() -> None:
    async with mail_server() as server:
        server.hangs = True
        with pytest.raises(DeliveryError, match="data") as caught:
            await send(plain(server), timeout_s=0.3)
    assert not caught.value.is_final


async def test_starttls_is_used_and_the_password_goes_only_there(tmp_path: Path) -> None:
    tls, trusted = await asyncio.to_thread(server_certificate, tmp_path)
    secret = tmp_path / "password"
    await asyncio.to_thread(secret.write_text, "correct horse\nsecond line\n")
    options: dict[str, Any] = {
        "host": "localhost",
        "tls": "starttls",
        "ca_file": str(trusted),
        "user": "portal",
        "password_file": str(secret),
    }
    async with mail_server(tls, auth_required=True) as server:
        await send(plain(server, **options))
        assert server.encrypted == [True]
        assert server.logins == [(b"portal", b"correct horse")]
        server.answers = {"AUTH": "no"}
        with pytest.raises(DeliveryError) as caught:
            await send(plain(server, **options))
    assert not caught.value.is_final
    assert "horse" not in str(caught.value)


async def test_tls_from_the_first_octet(tmp_path: Path) -> None:
    tls, trusted = await asyncio.to_thread(server_certificate, tmp_path)
    async with mail_server(tls, implicit=True) as server:
        await send(plain(server, host="localhost", tls="implicit", ca_file=str(trusted)))
    assert len(server.mails) == 1


@pytest.mark.parametrize("name", ["other.test", "localhost"])
async def test_a_certificate_of_somebody_else_or_of_nobody_is_refused(
    tmp_path: Path, name: str
) -> None:
    tls, trusted = await asyncio.to_thread(server_certificate, tmp_path, name)
    options: dict[str, Any] = {"host": "localhost", "tls": "starttls"}
    if name != "localhost":
        options["ca_file"] = str(trusted)
    async with mail_server(tls) as server:
        with pytest.raises(DeliveryError):
            await send(plain(server, **options))
    assert server.mails == []


async def test_a_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    _, trusted = await asyncio.to_thread(server_certificate, tmp_path)
    async with mail_server() as server:
        with pytest.raises(DeliveryError):
            await send(plain(server, host="localhost", tls="starttls", ca_file=str(trusted)))
    assert server.mails == []


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "mail.example", "sender": "a@b.example", "tls": "none"},
        {"host": "127.0.0.1.example", "sender": "a@b.example", "tls": "none"},
        {"host": "a", "sender": "a@b.example", "tls": "perhaps"},
        {"host": "a", "sender": "a@b.example", "user": "x"},
        {"host": "a", "sender": "a@b.example", "password_file": "x"},
        {"host": "", "sender": "a@b.example"},
        {"host": "a", "sender": "nobody"},
        {"host": "a", "sender": "a@b.example, c@d.example"},
        {"host": "a", "sender": "a@測試.example"},
        {"host": "a", "sender": "測試@b.example"},
        {"host": "a", "sender": "A <a@b.example>\r\nBcc: c@d.example"},
        {"host": "a", "sender": "a@b.example", "prot": 25},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused_with_a_reason(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        msgspec.convert(settings, SmtpSettings)


def test_the_usual_ports_are_known() -> None:
    ports = {
        tls: SmtpSettings(host="localhost", sender="a@b.example", tls=tls).used_port
        for tls in ("starttls", "implicit", "none")
    }
    assert ports == {"starttls": 587, "implicit": 465, "none": 25}
    assert parse_sender("王測試 <a@b.example>") == Address("王測試", "a", "b.example")
