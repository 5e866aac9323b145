"""Notices by e-mail: the message (RFC 5322, RFC 2045) and its submission (RFC 6409)."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from html import escape
from typing import Final

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException

from agent.portal.contact import LoginKind
from agent.portal.notices.sending import DeliveryError, NoticeMessage, Parcel, checked_contact
from agent.portal.notices.settings import SmtpSettings, parse_sender, read_secret

_COMMAND_TIMEOUT_S: Final = 60.0
_PATIENCE: Final = 5
"""For the answer behind the last octet: whoever gives up there may send twice (RFC 1047)."""
_POLICY: Final = SMTP_POLICY.clone(cte_type="7bit", raise_on_defect=True)
_STYLE: Final = "font-family:sans-serif;font-size:16px;line-height:1.6;max-width:36em"
_SMALL: Final = "font-size:14px;border-top:1px solid;padding-top:1em"
_PERMANENT: Final = range(500, 600)
_POLICY_REFUSAL: Final = "5.7."
"""Security or policy (RFC 3463 §3.8): the operator's to mend, and no fault of the member's."""


class MailSender:
    """Hands mail in at one server, with a connection for each message."""

    def __init__(self, settings: SmtpSettings, timeout_s: float = _COMMAND_TIMEOUT_S) -> None:
        """Read the certificates to trust, which blocks: call it in a thread.

        Args:
            settings: of the server.
            timeout_s: seconds that each of its answers may take.

        Raises:
            OSError: they cannot be read.

        """
        self._settings = settings
        self._timeout_s = timeout_s
        self._sender = parse_sender(settings.sender)
        self._tls: ssl.SSLContext | None = None
        if settings.tls != "none":
            self._tls = ssl.create_default_context(cafile=settings.ca_file or None)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2

    async def send(self, parcel: Parcel) -> None:
        """Hand one message in.

        Raises:
            DeliveryError: the server did not accept it. After a connection that broke behind the
                last octet nobody knows whether it did.

        """
        content = build_mail(self._sender, parcel).as_bytes(policy=_POLICY)
        recipient = parcel.contact.value
        with _reasons("connect"):
            smtp = self._client(await self._password())
            await smtp.connect()
        try:
            with _reasons("mail"):
                await smtp.ehlo()
                await smtp.mail(self._sender.addr_spec)
            with _reasons("rcpt", may_be_final=True):
                await smtp.rcpt(recipient)
            with _reasons("data", may_be_final=True):
                await smtp.data(content, timeout=_PATIENCE * self._timeout_s)
            with suppress(SMTPException):  # it is accepted, whatever the server says to our leave
                await smtp.quit()
        finally:
            smtp.close()

    async def _password(self) -> str | None:
        file = self._settings.password_file
        return await asyncio.to_thread(read_secret, file) if file else None

    def _client(self, password: str | None) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.used_port,
            username=settings.user or None,
            password=password,
            local_hostname=self._sender.domain,  # and not what this computer is called inside
            timeout=self._timeout_s,
            use_tls=settings.tls == "implicit",
            start_tls=settings.tls == "starttls",
            tls_context=self._tls,
        )


def build_mail(sender: Address, parcel: Parcel) -> EmailMessage:
    """Return a mail as text and as simple HTML.

    Raises:
        DeliveryError: the contact is no address that this service would have taken.

    """
    mail = EmailMessage(policy=_POLICY)
    message = parcel.message
    mail["From"] = sender
    mail["To"] = Address(addr_spec=checked_contact(parcel.contact, LoginKind.EMAIL).value)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(datetime.fromtimestamp(parcel.created, UTC))
    mail["Message-ID"] = f"<{parcel.identity}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no out-of-office answers, please
    mail.set_content(_as_text(message), cte="base64")
    mail.add_alternative(_as_html(message), subtype="html", cte="base64")
    mail["Content-Language"] = str(message.language)
    return mail


def _as_text(message: NoticeMessage) -> str:
    return "\n\n".join((*message.paragraphs, "-- \n" + "\n".join(message.footer))) + "\n"


def _as_html(message: NoticeMessage) -> str:
    said = "".join(f"<p>{escape(each)}</p>" for each in message.paragraphs)
    footer = "<br>".join(map(escape, message.footer))
    title = escape(message.subject)
    return (
        f'<!doctype html>\n<html lang="{message.language}"><head><meta charset="utf-8">'
        f"<title>{title}</title></head>\n"
        f'<body><div style="{_STYLE}"><h1 style="font-size:20px">{title}</h1>\n{said}\n'
        f'<p style="{_SMALL}">{footer}</p></div></body></html>\n'
    )


@contextmanager
def _reasons(step: str, *, may_be_final: bool = False) -> Iterator[None]:
    """Turn what goes wrong in a step of the submission into its reason."""
    try:
        yield
    except SMTPResponseException as error:
        is_policy = error.message.startswith(_POLICY_REFUSAL)
        is_final = may_be_final and error.code in _PERMANENT and not is_policy
        raise DeliveryError(f"smtp {step}: {error.code}", is_final=is_final) from error
    except (SMTPException, OSError, ValueError) as error:
        raise DeliveryError(f"smtp {step}: {type(error).__name__}") from error
