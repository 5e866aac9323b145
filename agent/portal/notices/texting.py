"""Notices by text message: the operator's own service, asked over HTTP."""

import asyncio
import ssl
from http import HTTPStatus
from typing import Final

import aiohttp
import msgspec

from agent.portal.contact import LoginKind
from agent.portal.notices.sending import DeliveryError, Parcel, checked_contact
from agent.portal.notices.settings import SmsSettings, read_secret

_TIMEOUT_S: Final = 20.0
_MAX_ANSWER: Final = 4096  # octets
_TRUNK_PREFIX: Final = "0"
_COUNTRY: Final = "+886"


class _SmsRequest(msgspec.Struct, frozen=True):
    """The body of a request: the number as E.164 writes it, and what to send there."""

    id: str
    to: str
    text: str


class _SmsAnswer(msgspec.Struct, frozen=True):
    """The body of an answer; others than these fields are the service's own.

    Attributes:
        accepted: whether the message is on its way.
        permanent: of one that is not: whether it never will be.

    """

    accepted: bool
    permanent: bool = False


class TextSender:
    """Posts each message to one URL.

    ``{"id":"…","to":"+886…","text":"…"}``, with ``Authorization: Bearer`` and the id once more as
    ``Idempotency-Key``. Only the answer 200 or 202 with ``{"accepted":true}`` says that the message
    is on its way: a proxy's page, a redirection or an empty answer does not.
    """

    def __init__(
        self, http: aiohttp.ClientSession, settings: SmsSettings, timeout_s: float = _TIMEOUT_S
    ) -> None:
        """Read the certificates to trust, which blocks: call it in a thread.

        Raises:
            OSError: they cannot be read.

        """
        self._http = http
        self._settings = settings
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._tls = ssl.create_default_context(cafile=settings.ca_file or None)

    async def send(self, parcel: Parcel) -> None:
        """Hand one message over.

        Raises:
            DeliveryError: the service did not say that it takes it.

        """
        try:
            token = await asyncio.to_thread(read_secret, self._settings.token_file)
            status, body = await self._ask(token, parcel)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise DeliveryError(f"sms: {type(error).__name__}") from error
        if status not in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
            raise DeliveryError(f"sms: status {status}")
        try:
            answer = msgspec.json.decode(body, type=_SmsAnswer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise DeliveryError("sms: not an answer") from error
        if not answer.accepted:
            raise DeliveryError("sms: refused", is_final=answer.permanent)

    async def _ask(self, token: str, parcel: Parcel) -> tuple[int, bytes]:
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": parcel.identity,
            "Content-Type": "application/json",
        }
        body = _SmsRequest(parcel.identity, _international(parcel), parcel.message.short)
        async with self._http.post(
            self._settings.url,
            data=msgspec.json.encode(body),
            headers=headers,
            allow_redirects=False,
            timeout=self._timeout,
            ssl=self._tls,
        ) as response:
            read = b""
            while not response.content.at_eof():
                read += await response.content.read(_MAX_ANSWER)
                if len(read) > _MAX_ANSWER:
                    raise ValueError("a long answer")
        return response.status, read


def _international(parcel: Parcel) -> str:
    """Return the number with its country code (E.164).

    Raises:
        DeliveryError: the contact is no number that this service would have taken.

    """
    contact = checked_contact(parcel.contact, LoginKind.MOBILE)
    return _COUNTRY + contact.value.removeprefix(_TRUNK_PREFIX)
