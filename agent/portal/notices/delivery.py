"""Delivery: take what is due from the outbox, send it, and keep what became of it."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from agent.portal.contact import LoginKind
from agent.portal.notices import claims
from agent.portal.notices.claims import ClaimedNotice
from agent.portal.notices.composing import compose
from agent.portal.notices.kinds import check_facts
from agent.portal.notices.sending import DeliveryError, Parcel, Sender
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction

_SENDING_S: Final = 600.0
"""What one message may take; less than a lease, so that nobody else begins meanwhile."""
_LOOK_EVERY_S: Final = 1.0
_GRACE_S: Final = 4.0
_FIRST_RETRY_S: Final = 0.5
_LONGEST_RETRY_S: Final = 10.0
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """How notices are delivered.

    Attributes:
        senders: by the kind of contact; what has none waits, and is given up after a day.
        helpline: the telephone number in the notices.
        keeps_content: whether contacts and contents stay after sending, for the mailbox.
        sending_s: seconds that one message may take.
        count: called with a kind of contact, "sent", "failed" or "given_up", and a number.

    """

    senders: Mapping[LoginKind, Sender]
    helpline: str
    keeps_content: bool = False
    sending_s: float = _SENDING_S
    count: Callable[[str, str, int], None] = lambda *_: None


class Delivery:
    """Delivers notices, beside any number of others that do the same in other processes."""

    def __init__(self, db: PortalDatabase, options: DeliveryOptions) -> None:
        """Deliver what stands in ``db``."""
        self._db = db
        self._options = options
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Deliver from now on."""
        self._task = asyncio.create_task(self._deliver_for_ever())

    async def stop(self) -> None:
        """End; what is on its way has four seconds to arrive."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_GRACE_S)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def deliver_due(self) -> int:
        """Send one batch of what is due now; return how many notices that were.

        Raises:
            SQLAlchemyError: the database cannot be used; nothing was claimed.

        """
        if self._options.keeps_content and await self._db.read(claims.has_expired_code):
            await self._db.run(claims.delete_expired_codes)
        kinds = self._options.senders.keys()
        if not await self._db.read(claims.has_work, kinds):
            return 0
        for channel, number in (await self._db.run(claims.give_up)).items():
            self._options.count(channel, "given_up", number)
            _LOG.warning("%d notices by %s were given up after a day", number, channel)
        claimed = await self._db.run(claims.claim, kinds)
        await asyncio.gather(*map(self._deliver, claimed))
        return len(claimed)

    async def _deliver_for_ever(self) -> None:
        while not self._stopping.is_set():
            delivered = 0
            try:
                delivered = await self.deliver_due()
            except (SQLAlchemyError, OSError) as error:  # the next look may do better
                _LOG.warning("notices: %s", type(error).__name__)
            if not delivered:
                waiting = asyncio.create_task(self._stopping.wait())
                await asyncio.wait({waiting}, timeout=_LOOK_EVERY_S)
                waiting.cancel()

    async def _deliver(self, notice: ClaimedNotice) -> None:
        began = time.monotonic()
        failure = await self._try_to_send(notice)
        await self._keep_trying(began, lambda tx: self._note(tx, notice, failure))
        outcome = "sent" if failure is None else "given_up" if failure.is_final else "failed"
        self._options.count(notice.contact.kind.value, outcome, 1)
        if failure is not None:
            told = (notice.id, notice.contact.kind, notice.attempt, failure)
            _LOG.warning("notice %d by %s was not sent at attempt %d: %s", *told)

    async def _try_to_send(self, notice: ClaimedNotice) -> DeliveryError | None:
        """Send a notice within the time for it; return why it was not."""
        try:
            parcel = self._parcel(notice)
        except (KeyError, ValueError):
            return DeliveryError("not understood", is_final=True)
        sending = asyncio.create_task(self._options.senders[notice.contact.kind].send(parcel))
        try:
            await asyncio.wait({sending}, timeout=self._options.sending_s)
        finally:
            in_time = sending.done()
            sending.cancel()
        if not in_time:
            return DeliveryError("timeout")
        error = sending.exception()
        if error is None or isinstance(error, DeliveryError):
            return error
        # No message: that of a foreign exception may quote a person's data.
        return DeliveryError(type(error).__name__)

    def _parcel(self, notice: ClaimedNotice) -> Parcel:
        if notice.kind is None:
            raise ValueError("a kind of another version")
        check_facts(notice.kind, notice.facts)
        message = compose(
            notice.kind,
            notice.language,
            notice.facts,
            created=notice.created,
            helpline=self._options.helpline,
        )
        return Parcel(notice.contact, message, notice.identity, notice.created)

    def _note(self, tx: Transaction, notice: ClaimedNotice, failure: DeliveryError | None) -> None:
        if failure is None:
            claims.note_sent(tx, notice, keeps_content=self._options.keeps_content)
        else:
            claims.note_failed(tx, notice, str(failure), is_final=failure.is_final)

    async def _keep_trying(self, began: float, work: Callable[[Transaction], None]) -> None:
        """Write a result as long as the lease holds: a lost one would be sent once more."""
        pause = _FIRST_RETRY_S
        while True:
            try:
                return await self._db.run(work)
            except (SQLAlchemyError, OSError) as error:
                if time.monotonic() - began > claims.LEASE:
                    _LOG.error("a notice's result was not kept: %s", type(error).__name__)
                    return None
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_RETRY_S)
