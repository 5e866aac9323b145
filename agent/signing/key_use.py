"""One use of a private key: where the PIN comes from, one transaction, and what if it is wrong.

While the citizen is asked, the card is free for other programs; so what they were shown is
checked again in the transaction that the PIN is sent in.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event as ThreadEvent
from typing import Any, Final, Generic, Protocol, TypeVar

from agent.cards.card import (
    MAX_PIN,
    MIN_PIN,
    PIN_TRIES,
    CardDriver,
    KeyUse,
    Prepare,
    StoredCertificate,
)
from agent.cards.memory import CardMemory
from agent.consent.consent import Consent
from agent.consent.questions import CardFacts, EnterPin, LastTry, Locked, Prompt, Prompter, Purpose
from agent.errors import AgentError, CardRemovedError, ErrorCode, PinError
from agent.origin import Site
from agent.secret import SecretBytes
from agent.signing.card_certificates import card_certificate
from agent.signing.model import CardPresence, Event
from agent.signing.readers import Readers
from agent.transport.base import Connection

A = TypeVar("A")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
KeyOperation = Callable[[CardDriver, Connection, SecretBytes, Prepare], KeyUse]
"""Uses the key of an open connection with a PIN."""

_DOUBTS: Final = frozenset(
    {
        ErrorCode.BAD_REQUEST,
        ErrorCode.CERTIFICATE_EXPIRED,
        ErrorCode.CERTIFICATE_NOT_YET_VALID,
        ErrorCode.INTERNAL,
        ErrorCode.KEY_NOT_FOUND,
    }
)
"""How it shows that a card's certificates are others than those that are remembered."""
CARD_SECONDS = 60.0  # for one operation, waiting for other programs' transactions included


class Errand(Protocol[T_co]):
    """What is done around the use of a key, in the reader's thread; used once."""

    def prepare(self, serial: str, stored: StoredCertificate) -> Sequence[bytes]:
        """Give what the key is to work on, before the PIN is sent."""

    def finish(self, used: KeyUse) -> T_co:
        """Make the answer of what the key made."""


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """One request for the use of a key.

    Attributes:
        site: who asks.
        reader: where the card is.
        key_id: the PKCS#15 identifier of the key.
        errand: makes what is done around it, new for each try.
        operation: what the key is used for.
        purpose: the same, as the citizen is told; costs time.
        seconds: for one transaction.
        confirm_retry: whether each PIN of the page's after a wrong one is confirmed, and not
            only the last.

    """

    site: Site
    reader: str
    key_id: bytes
    errand: Callable[[], Errand[T]]
    operation: KeyOperation
    purpose: Callable[[], Purpose]
    seconds: float
    confirm_retry: bool


class KeyUser:
    """Uses private keys; belongs to one event loop."""

    def __init__(
        self,
        readers: Readers,
        memory: CardMemory,
        consent: Consent,
        prompter: Prompter,
        *,
        last_try: bool,
    ) -> None:
        """Put the parts together.

        Args:
            readers: where the cards are.
            memory: what is known of them.
            consent: who answers for the citizen.
            prompter: what asks for a PIN that no page handed over.
            last_try: whether the last PIN try may be spent at all.

        """
        self._readers = readers
        self._memory = memory
        self._consent = consent
        self._prompter = prompter
        self._last_try = last_try

    async def run(self, job: Job[T], pin: SecretBytes | None) -> T:
        """Use a key.

        Args:
            job: what for.
            pin: as the page handed it over; None to ask the citizen for it.

        Raises:
            AgentError: any code; ``attempts_left`` where the card told.

        """
        with self._readers.work():
            if pin is None:
                return await self._with_typed_pin(job)
            return await self._with_given_pin(job, pin)

    async def _with_given_pin(self, job: Job[T], pin: SecretBytes) -> T:
        try:
            return await self._use(job, pin, PIN_TRIES if job.confirm_retry else 2)
        except PinError as error:
            if error.code is not ErrorCode.PIN_LAST_ATTEMPT:
                raise
            left = error.attempts_left or 1
        card = await self._look(job)
        await self._allow_try(LastTry(job.site, left, card, pin_given=True))
        # Whoever agreed to one try did not agree to a later one.
        return await self._use(job, pin, left, card.serial)

    # The PIN that the citizen types in our own window.

    async def _with_typed_pin(self, job: Job[T]) -> T:
        """Ask, use, and after a wrong PIN ask again: each PIN is typed anew, none sent twice."""
        if not self._prompter.can_ask():
            raise PinError("no PIN was given", code=ErrorCode.PIN_REQUIRED)
        purpose = await asyncio.to_thread(job.purpose)
        was_wrong = False
        while True:
            card = await self._look(job)
            left = self._memory.attempts_left(card.serial) or None
            if left == 1:
                await self._allow_try(LastTry(job.site, left, card, pin_given=False))
            question = EnterPin(job.site, purpose, card, left, was_wrong, MIN_PIN, MAX_PIN)
            with await self._ask(job.reader, question) as pin:
                try:
                    return await self._use(job, pin, 1 if left == 1 else 2, card.serial)
                except PinError as error:
                    await self._judge(error, job.site, card)
                    was_wrong = error.code is ErrorCode.PIN_INCORRECT

    async def _judge(self, error: PinError, site: Site, card: CardFacts) -> None:
        """Return when the citizen may be asked again.

        Raises:
            PinError: they may not.

        """
        if error.code is ErrorCode.PIN_LOCKED:
            with suppress(AgentError):  # however the window closes, the PIN stays locked
                await self._ask(card.reader, Locked(site, card))
        if error.code not in (ErrorCode.PIN_INCORRECT, ErrorCode.PIN_LAST_ATTEMPT):
            raise error

    async def _look(self, job: Job[T]) -> CardFacts:
        """Find whose card it is, and whether it can do the job, before anybody is asked."""
        virtual = self._readers.provider_kind == "virtual"

        def look(connection: Connection, card: CardDriver, nobody_waits: ThreadEvent) -> CardFacts:
            del nobody_waits  # nothing that could not be undone happens here
            serial, stored = card.certificate(connection, job.key_id)
            with self._doubting([serial]):
                job.errand().prepare(serial, stored)
            holder = card_certificate(job.reader, serial, stored).facts.subject_cn
            return CardFacts(job.reader, card.generation, serial, holder, virtual)

        card = await self._readers.run(job.reader, look, CARD_SECONDS)
        self._note(job.reader, card.serial)
        return card

    async def _allow_try(self, question: LastTry) -> None:
        if question.attempts_left == 1 and not self._last_try:
            raise PinError(
                "the last try is not to be spent here",
                code=ErrorCode.PIN_LAST_ATTEMPT,
                attempts_left=1,
            )
        await self._while_card_stays(
            question.card.reader, lambda: self._consent.allow_try(question)
        )

    async def _ask(self, reader: str, question: Prompt[A]) -> A:
        return await self._while_card_stays(reader, lambda: self._prompter.ask(question))

    async def _while_card_stays(self, reader: str, ask: Callable[[], Coroutine[Any, Any, A]]) -> A:
        """Ask the citizen; give it up when the card is pulled."""
        async with self._readers.subscribe() as events:
            if not self._has_card(reader):
                raise CardRemovedError("pulled before the citizen was asked")
            asking = asyncio.ensure_future(ask())
            watching = asyncio.ensure_future(self._until_pulled(reader, events))
            try:
                await asyncio.wait((asking, watching), return_when=asyncio.FIRST_COMPLETED)
                if not asking.done():
                    raise CardRemovedError("pulled while the citizen was asked")
                return asking.result()
            finally:
                asking.cancel()
                watching.cancel()
                await asyncio.gather(asking, watching, return_exceptions=True)

    async def _until_pulled(self, reader: str, events: asyncio.Queue[Event]) -> None:
        while self._has_card(reader):
            change = await events.get()
            if change.name == "card_removed" and change.reader and change.reader.name == reader:
                return

    def _has_card(self, reader: str) -> bool:
        views = self._readers.snapshot().readers
        return any(view.name == reader and view.state is CardPresence.CARD for view in views)

    # The transaction.

    async def _use(
        self, job: Job[T], pin: SecretBytes, ask_below: int, expected: str | None = None
    ) -> T:
        """Run one transaction; whatever ``checked`` raises ends it before the PIN is sent.

        With fewer tries left than ``ask_below`` the citizen has to be asked. The card must be the
        ``expected`` one, if they were shown one.
        """
        seen: list[str] = []

        def run(connection: Connection, card: CardDriver, nobody_waits: ThreadEvent) -> T:
            errand = job.errand()

            def checked(serial: str, certificate: StoredCertificate) -> Sequence[bytes]:
                seen.append(serial)
                if expected not in (None, serial):
                    raise CardRemovedError("another card than the one that was shown")
                self._check_tries(serial, ask_below)
                inputs = errand.prepare(serial, certificate)
                if nobody_waits.is_set():
                    raise AgentError("nobody waits any more", code=ErrorCode.USER_CANCELLED)
                return inputs

            with self._doubting(seen):
                return errand.finish(job.operation(card, connection, pin, checked))

        try:
            return await self._readers.run(job.reader, run, job.seconds)
        finally:
            if seen:
                self._note(job.reader, seen[0])

    @contextmanager
    def _doubting(self, seen: Sequence[str]) -> Iterator[None]:
        """Have the certificates read anew next time if they do not fit: they may be renewed."""
        try:
            yield
        except AgentError as error:
            if seen and error.code in _DOUBTS:
                self._memory.forget_certificates(seen[-1])
            raise

    def _check_tries(self, serial: str, ask_below: int) -> None:
        left = self._memory.attempts_left(serial)
        if left is not None and 0 < left < ask_below:
            raise PinError(
                "few tries are left", code=ErrorCode.PIN_LAST_ATTEMPT, attempts_left=left
            )

    def _note(self, reader: str, serial: str) -> None:
        left = self._memory.attempts_left(serial)
        self._readers.note(reader, serial=serial, attempts_left=left)
