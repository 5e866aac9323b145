"""The demonstration's mailbox: what was told to whom, instead of sending it."""

from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web
from sqlalchemy import Row, select

from agent.portal import moments
from agent.portal.api import PORTAL
from agent.portal.errors import PortalCode, PortalError
from agent.portal.notices.claims import SHOWN_DAYS
from agent.portal.notices.composing import compose
from agent.portal.notices.kinds import Facts, NoticeKind
from agent.portal.notices.sending import NoticeMessage
from agent.portal.otp import LIFETIME as CODE_LIFETIME
from agent.portal.pages.templates import render_in_thread
from agent.portal.store.tables import NOTICE
from agent.portal.store.transaction import Transaction
from agent.words.language import BY_TAG, FIRST

_MOST: Final = 100
_KINDS: Final = frozenset(NoticeKind)


@dataclass(frozen=True, slots=True)
class MailboxMessage:
    """A message as the page shows it.

    Attributes:
        key: grows from one message to the next.
        kind: what it tells.
        channel: "email" or "mobile".
        contact: who was told.
        created: in seconds since 1970.
        is_waiting: whether it was not delivered yet.
        message: what was told.

    """

    key: int
    kind: NoticeKind
    channel: str
    contact: str
    created: int
    is_waiting: bool
    message: NoticeMessage

    @property
    def rfc3339(self) -> str:
        """When it was told, for programs."""
        return moments.rfc3339(self.created)


async def get_mailbox(request: web.Request) -> web.Response:
    """Show what was told, newest first.

    Raises:
        PortalError: ``not_found``: this is no demonstration.

    """
    config = request.app[PORTAL].config
    if not config.demo:
        raise PortalError(PortalCode.NOT_FOUND)
    messages = await request.app[PORTAL].db.read(_messages, config.helpline)
    return await render_in_thread(
        request,
        "notices/mailbox.html",
        messages=messages,
        shown_days=SHOWN_DAYS,
        helpline=config.helpline,
    )


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the mailbox, which only a demonstration has."""
    router.add_get("/mailbox", get_mailbox)


def _messages(tx: Transaction, helpline: str) -> list[MailboxMessage]:
    is_alive = (NOTICE.c.kind != NoticeKind.CODE.value) | (
        NOTICE.c.created > tx.now - CODE_LIFETIME
    )
    newest = select(NOTICE).where(NOTICE.c.contact != "", is_alive).order_by(NOTICE.c.id.desc())
    rows = tx.execute(newest.limit(_MOST))
    return [_message(row, helpline) for row in rows if row.kind in _KINDS]


def _message(row: Row[tuple[object, ...]], helpline: str) -> MailboxMessage:
    kind = NoticeKind(row.kind)
    facts: Facts = msgspec.json.decode(row.facts, type=dict[str, str | int])
    language = BY_TAG.get(row.language, FIRST)
    message = compose(kind, language, facts, created=row.created, helpline=helpline)
    return MailboxMessage(
        key=row.id,
        kind=kind,
        channel=row.channel,
        contact=row.contact,
        created=row.created,
        is_waiting=row.state == "waiting",
        message=message,
    )
