"""One use of a private key: where the PIN comes from, one transaction, and what if it is wrong.

While the citizen is asked, the card is free for other programs; so what they were shown is
checked again in the transaction that the PIN is sent in.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Event as ThreadEvent
from typing import Generic, TypeVar

from agent.cards.card import CITIZEN_CARDS, Card, PinRules, StoredCertificate
from agent.consent.consent import Consent
from agent.consent.questions import (
    MAX_PIN,
    CardFacts,
    EnterPin,
    LastAttempt,
    Locked,
    Prompt,
    Prompter,
    Purpose,
)
from agent.errors import (
    AgentError,
    CardError,
    CardRemovedError,
    ErrorCode,
    KeyNotFoundError,
    PinError,
)
from agent.origin import LOCAL_USER, Origin
from agent.secret import SecretBytes
from agent.signing.card_certificates import card_key_certificate
from agent.signing.card_watch import while_cards_stay
from agent.signing.model import CardCertificate
from agent.signing.readers import Readers
from agent.signing.recording import Recording

A = TypeVar("A")
N = TypeVar("N")
P = TypeVar("P")
T = TypeVar("T")

_NOT_MEANT = frozenset({ErrorCode.KEY_NOT_FOUND, ErrorCode.OTHER_RECIPIENT})
"""What is wrong with a certificate that the request does not mean."""
FEW = 2
"""Attempts left that are few on any card, also on one that does not say how many are all."""
CARD_SECONDS = 60.0  # for one operation, waiting for other programs' transactions included


class KeyTask(ABC, Generic[P, N, T]):
    """What a private key is wanted for: one sign request, or one decrypt request."""

    __slots__ = ()

    @property
    @abstractmethod
    def citizen_card(self) -> bool:
        """Whether no card of another kind is meant."""

    @property
    def is_of_seen(self) -> bool:
        """Whether a certificate is meant that a card has shown a moment ago, to whoever asked."""
        return False

    @abstractmethod
    def candidates(self, card: Card) -> Iterator[StoredCertificate]:
        """Read the certificates of the keys that it may be for, as far as the caller iterates.

        Raises:
            KeyNotFoundError: the card has no such key.
            AgentError: it cannot be read.

        """

    @property
    @abstractmethod
    def seconds(self) -> float:
        """How long one transaction may take."""

    @abstractmethod
    def purpose(self) -> Purpose:
        """Say what the key is wanted for, as the citizen is told; may take time."""

    @abstractmethod
    def prepare(self, certificate: CardCertificate) -> P:
        """Check the certificate, and make what the key is to work on; before the PIN is sent.

        Raises:
            AgentError: the card cannot do what was asked.

        """

    @abstractmethod
    def is_best(self, certificate: CardCertificate) -> bool:
        """Return whether another certificate of the same key is not to be preferred."""

    @abstractmethod
    def verb(self, card: Card) -> Callable[[bytes, SecretBytes, Sequence[N]], Sequence[bytes]]:
        """Return :meth:`agent.cards.card.Card.sign` or ``decrypt`` of ``card``."""

    @abstractmethod
    def inputs(self, prepared: P) -> Sequence[N]:
        """Return what the key is to work on, as the verb takes it."""

    @abstractmethod
    def finish(self, certificate: CardCertificate, prepared: P, results: Sequence[bytes]) -> T:
        """Check what the key made and make the answer of it.

        Raises:
            CardError: it is not the work of the certificate's key.

        """


def certificates_for(task: KeyTask[P, N, T], card: Card) -> Iterator[StoredCertificate]:
    """Read the certificates of a card that a task may be for, as far as the caller iterates.

    Raises:
        KeyNotFoundError: the card is of a kind that is not meant.
        AgentError: as :meth:`KeyTask.candidates`.

    """
    if task.citizen_card and card.generation not in CITIZEN_CARDS:
        raise KeyNotFoundError("the card is no citizen card")
    return task.candidates(card)


def is_hidden_from(task: KeyTask[P, N, T], card: Card) -> bool:
    """Return whether a card that may be meant shows its certificates after the PIN alone.

    It is not meant where another one has shown the certificate: then it came in its place.
    """
    is_meant = not task.citizen_card or card.generation in CITIZEN_CARDS
    return is_meant and not task.is_of_seen and card.hides_certificates


@dataclass(frozen=True, slots=True)
class _Seen:
    """The card that was found in the reader before anybody was asked for its PIN.

    Attributes:
        card: what the citizen is shown of it.
        attempts_left: PIN attempts as last seen, 1 or more; None when not known.
        pin_rules: what its PIN can be.
        few_left: whether the card says that few attempts are left.
        refusal: why no PIN is asked for, where the card has just said so itself.

    """

    card: CardFacts
    attempts_left: int | None
    pin_rules: PinRules
    few_left: bool = False
    refusal: PinError | None = None


@dataclass(frozen=True, slots=True)
class _Chosen(Generic[P]):
    """A certificate of the card, and what was prepared with it."""

    stored: StoredCertificate
    certificate: CardCertificate
    prepared: P


@dataclass(frozen=True, slots=True)
class _Spending:
    """On which card, and with how many attempts left, one transaction may send the PIN.

    Attributes:
        least: with fewer attempts left the citizen has to be asked; None for the full number.
        unknown: whether they need not be asked where the attempts left are not known.
        by_page: whether the PIN is the page's, so that a leave of its site is used up by it.
        expected: the number of the card that they were shown; None if they were shown none.

    """

    least: int | None = None
    unknown: bool = False
    by_page: bool = False
    expected: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyUser(Generic[P, N, T]):
    """Uses a private key for one request; belongs to the event loop.

    Attributes:
        readers: where the cards are.
        consent: who answers for the citizen.
        prompter: what asks for a PIN that no page handed over.
        last_try: whether the last PIN attempt may be spent at all.
        site: who asks.
        reader: where the card is.
        serial: the number of the card that has to be in it; None for any.
        task: what for.
        recording: is told what the card did.
        names_card: whether the request says which card is meant, and not only where it may be.

    """

    readers: Readers
    consent: Consent
    prompter: Prompter
    last_try: bool
    site: Origin
    reader: str
    serial: str | None = None
    task: KeyTask[P, N, T]
    recording: Recording
    names_card: bool = False

    async def run(self, pin: SecretBytes | None) -> T:
        """Use the key.

        Args:
            pin: as the page handed it over; None to ask the citizen for it.

        Raises:
            AgentError: any code; ``attempts_left`` where the card told.

        """
        with self.readers.work():
            if pin is None:
                return await self._with_typed_pin()
            return await self._with_given_pin(pin)

    async def _with_given_pin(self, pin: SecretBytes) -> T:
        """Use it at once where that cannot spend one of the last attempts; else ask before."""
        try:
            return await self._use(pin, _Spending(by_page=True))
        except PinError as error:
            by_page = self.site != LOCAL_USER
            if error.code is ErrorCode.PIN_REQUIRED and (by_page or self.prompter.can_ask()):
                # On the reader, or once more for a card that the page did not mean: a window says.
                return await self._with_typed_pin()
            if error.code is not ErrorCode.PIN_LAST_ATTEMPT:
                raise
            left = error.attempts_left
        card = (await self._look()).card
        await self._allow_last_attempt(LastAttempt(self.site, left, card, pin_given=True))
        # Whoever agreed to one attempt did not agree to a later one.
        agreed = _Spending(left, unknown=left is None, by_page=True, expected=card.serial)
        return await self._use(pin, agreed)

    # The PIN that the citizen types in our own window.

    async def _with_typed_pin(self) -> T:
        """Ask, use, and after a wrong PIN ask again: each PIN is typed anew, none sent twice."""
        if not self.prompter.can_ask():
            raise PinError("no PIN was given", code=self.prompter.pin_unasked())
        purpose = await asyncio.to_thread(self.task.purpose)
        was_wrong = False
        while True:
            seen = await self._look()
            if seen.refusal is not None:
                await self._judge(seen.refusal, seen.card)
            left = seen.attempts_left
            if left == 1:
                await self._allow_last_attempt(
                    LastAttempt(self.site, left, seen.card, pin_given=False)
                )
            least = 1 if left == 1 else 2
            spending = _Spending(least, unknown=True, expected=seen.card.serial)
            with await self._ask(self._enter_pin(purpose, seen, was_wrong=was_wrong)) as pin:
                try:
                    return await self._use(pin, spending)
                except PinError as error:
                    await self._judge(error, seen.card)
                    was_wrong = error.code is ErrorCode.PIN_INCORRECT

    def _enter_pin(self, purpose: Purpose, seen: _Seen, *, was_wrong: bool) -> EnterPin:
        rules = seen.pin_rules
        return EnterPin(
            self.site,
            purpose,
            seen.card,
            seen.attempts_left,
            was_wrong,
            rules.shortest,
            min(rules.longest, MAX_PIN),
            keypad=rules.keypad,
            few_left=seen.few_left,
        )

    async def _judge(self, error: PinError, card: CardFacts) -> None:
        """Return when the citizen may be asked again.

        Raises:
            PinError: they may not.

        """
        if error.code is ErrorCode.PIN_LOCKED:
            with suppress(AgentError):  # however the window closes, the PIN stays locked
                await self._ask(Locked(self.site, card))
        if error.code not in (ErrorCode.PIN_INCORRECT, ErrorCode.PIN_LAST_ATTEMPT):
            raise error

    async def _allow_last_attempt(self, question: LastAttempt) -> None:
        if question.attempts_left == 1 and not self.last_try:
            raise PinError(
                "the last attempt is not to be spent here",
                code=ErrorCode.PIN_LAST_ATTEMPT,
                attempts_left=1,
            )
        ask = partial(self.consent.allow_last_attempt, question)
        await while_cards_stay(self.readers, (self.reader,), ask)

    async def _ask(self, question: Prompt[A]) -> A:
        ask = partial(self.prompter.ask, question)
        return await while_cards_stay(self.readers, (self.reader,), ask)

    async def _look(self) -> _Seen:
        """Find whose card it is, and whether it can do the task, before anybody is asked."""
        return await self.readers.run(self.reader, "look", self._inspect, CARD_SECONDS)

    async def _use(self, pin: SecretBytes, spending: _Spending) -> T:
        transaction = partial(self._transaction, pin, spending)
        return await self.readers.run(self.reader, "use the key", transaction, self.task.seconds)

    # In the reader's thread.

    def _inspect(self, card: Card, nobody_waits: ThreadEvent) -> _Seen:
        del nobody_waits  # nothing that could not be undone happens here
        self._check_number(card, self.serial)
        is_hidden = is_hidden_from(self.task, card)
        holder = None if is_hidden else self._choose(card).certificate.facts.subject_cn
        shown = CardFacts(
            self.reader,
            card.generation,
            card.serial,
            holder,
            self.readers.provider_kind == "virtual",
            is_hidden,
        )
        refusal: PinError | None = None
        try:
            card.require_pin_possible()
        except PinError as error:
            refusal = error
        left = card.attempts_left or None
        return _Seen(shown, left, card.pin_rules, card.few_left, refusal)

    def _choose(self, card: Card) -> _Chosen[P]:
        """Choose the certificate that can do the task, and best, where a key has several.

        Raises:
            AgentError: none can; what is wrong with the first one.

        """
        failure: AgentError | None = None
        second_best: _Chosen[P] | None = None
        for stored in certificates_for(self.task, card):
            self.recording.saw(card.serial, stored.der)
            try:
                certificate = card_key_certificate(self.reader, card, stored)
                chosen = _Chosen(stored, certificate, self.task.prepare(certificate))
            except AgentError as error:
                if failure is None or failure.code in _NOT_MEANT:
                    failure = error  # of the one that was named, not of the one beside it
                continue
            if self.task.is_best(certificate):
                return chosen
            second_best = second_best or chosen
        if second_best is None:
            raise failure or KeyNotFoundError("no such certificate on the card")
        self.recording.saw(card.serial, second_best.stored.der)
        return second_best

    def _transaction(
        self, pin: SecretBytes, spending: _Spending, card: Card, nobody_waits: ThreadEvent
    ) -> T:
        """Use the key once; errors before the verb is called come before the PIN is sent."""
        is_hidden = is_hidden_from(self.task, card)
        if spending.by_page and not self._is_for(card):
            if not is_hidden:
                self._choose(card)
            raise PinError("it is not known to be this card's", code=ErrorCode.PIN_REQUIRED)
        card.pin_rules.check(pin)
        if card.pin_rules.keypad and spending.by_page and self.site != LOCAL_USER:
            raise PinError("a window asks for it", code=ErrorCode.PIN_REQUIRED)
        chosen = None if is_hidden else self._choose(card)
        self._check_number(card, self.serial)
        self._check_number(card, spending.expected)
        if nobody_waits.is_set():
            raise AgentError("nobody waits any more", code=ErrorCode.USER_CANCELLED)
        if self.consent.is_blocked(self.site):  # the policy was read again meanwhile
            raise AgentError("blocked while they were asked", code=ErrorCode.ORIGIN_BLOCKED)
        with self._attempt(card, spending):
            chosen = chosen or self._reveal(card, pin)
            use_key, inputs = self.task.verb(card), self.task.inputs(chosen.prepared)
            with self.recording.key_use():
                results = use_key(chosen.stored.id, pin, inputs)
        try:
            return self.task.finish(chosen.certificate, chosen.prepared, results)
        except CardError:
            card.reject(chosen.stored)
            raise

    def _reveal(self, card: Card, pin: SecretBytes) -> _Chosen[P]:
        """Choose among the certificates that the card shows after its PIN.

        Raises:
            PinError: the card refuses it.
            AgentError: none can do the task, or several keys can; the PIN was right then.

        """
        self.recording.saw(card.serial, None)
        with self.recording.pin_use():
            card.reveal(pin)
        return self._choose(card)

    @contextmanager
    def _attempt(self, card: Card, spending: _Spending) -> Iterator[None]:
        """Let the PIN be sent in the context if that may spend an attempt without a question.

        Raises:
            PinError: ``pin_last_attempt``: the citizen has to be asked; with the attempts left
                where they are known.

        """
        # Each leave is for the first PIN of a site, so one that would not need it takes it too.
        leave = spending.by_page and self.consent.take_leave(self.site)
        try:
            # A leave is for a number that nobody knows, not for one that is known to be lower.
            has_leave = leave and not card.few_left
            self._check_attempts(card, spending, may_be_unknown=has_leave or spending.unknown)
            yield
        finally:
            if leave and not card.pin_sent:
                self.consent.give_back_leave(self.site)

    def _check_attempts(self, card: Card, spending: _Spending, *, may_be_unknown: bool) -> None:
        left = card.attempts_left
        least = spending.least or card.pin_rules.attempts
        if left == 0:
            is_enough = True  # a locked card costs nothing more, and says so itself
        elif left is None:
            is_enough = may_be_unknown
        elif least is None:
            is_enough = may_be_unknown and left > FEW
        else:
            is_enough = left >= least
        if not is_enough:
            raise PinError(
                "few attempts may be left", code=ErrorCode.PIN_LAST_ATTEMPT, attempts_left=left
            )

    def _check_number(self, card: Card, expected: str | None) -> None:
        if expected not in (None, card.serial):
            raise CardRemovedError("another card than the one that was chosen or shown")

    def _is_for(self, card: Card) -> bool:
        """Return whether the PIN that came with the request may go to a card.

        A page that asks its visitors for a PIN means that of their citizen card. Another card in
        the reader has a PIN of its own, and a try of it would be spent: unless the page has named
        the very card, a window asks. Whether it has is not known of a card that hides its
        certificates.
        """
        if self.site == LOCAL_USER:
            return True
        is_named = self.names_card and not card.hides_certificates
        return is_named or card.generation in CITIZEN_CARDS
