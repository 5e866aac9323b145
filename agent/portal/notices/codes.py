"""One-time codes by the same senders as notices: at once, and never through the outbox.

Only the demonstration writes a code down, for its mailbox, until the code expires.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from sqlalchemy import insert

from agent.portal.contact import Contact, LoginKind
from agent.portal.notices.composing import compose
from agent.portal.notices.kinds import Facts, NoticeKind
from agent.portal.notices.sending import DeliveryError, Parcel, Sender
from agent.portal.notifier import NotifierError
from agent.portal.otp import LIFETIME
from agent.portal.store.database import PortalDatabase
from agent.portal.store.tables import NOTICE
from agent.portal.store.transaction import Transaction
from agent.words import Language
from agent.words.language import FIRST

_TIMEOUT_S: Final = 20.0


class SenderNotifier:
    """Sends codes by mail and text message."""

    def __init__(
        self,
        senders: Mapping[LoginKind, Sender],
        helpline: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take a sender for each kind of contact, and the clock that mail is dated by."""
        self._senders = senders
        self._helpline = helpline
        self._clock = clock

    async def send(self, contact: Contact, code: str, language: Language = FIRST) -> None:
        """Send the six digits; the answer to the page waits for it, 20 seconds at most.

        Raises:
            NotifierError: they could not be sent.

        """
        now = int(self._clock())
        facts = _facts(code)
        message = compose(NoticeKind.CODE, language, facts, created=now, helpline=self._helpline)
        parcel = Parcel(contact, message, secrets.token_hex(16), now)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._senders[contact.kind].send(parcel)
        except (DeliveryError, TimeoutError) as error:
            raise NotifierError(str(error) or "timeout") from error


class MailboxNotifier:
    """For the demo: puts codes into the mailbox; the page shows them, too."""

    def __init__(self, db: PortalDatabase) -> None:
        """Keep codes in ``db`` until they expire."""
        self._db = db

    async def send(self, contact: Contact, code: str, language: Language = FIRST) -> None:
        """Put the six digits into the mailbox."""
        await self._db.run(_put, contact, code, language)


def _put(tx: Transaction, contact: Contact, code: str, language: Language) -> None:
    tx.execute(
        insert(NOTICE).values(
            kind=NoticeKind.CODE.value,
            channel=contact.kind.value,
            contact=contact.value,
            language=str(language),
            facts=msgspec.json.encode(_facts(code)).decode(),
            created=tx.now,
            due=tx.now,
            state="sent",
            ended=tx.now,
        )
    )


def _facts(code: str) -> Facts:
    return {"code": code, "minutes": LIFETIME // 60}
