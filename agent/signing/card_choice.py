"""Which card a request is for: the one that it names, the only one, or the one that is chosen."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event as ThreadEvent
from typing import Any, Final, TypeVar

from agent.cards.card import Card
from agent.consent.questions import MAX_CARDS, CardFacts, ChooseCard, Prompter, UnaskedError
from agent.errors import (
    AgentError,
    ErrorCode,
    KeyNotFoundError,
    OtherCardError,
    SeveralCardsError,
)
from agent.origin import Origin
from agent.signing.card_certificates import card_key_certificate
from agent.signing.card_watch import while_cards_stay
from agent.signing.key_use import CARD_SECONDS, KeyTask, certificates_for, is_hidden_from
from agent.signing.model import CardCertificate
from agent.signing.readers import Readers

T = TypeVar("T")

LISTING_SILENCE: Final = 5.0  # seconds without any answer, after which a card is given up
_USELESS: Final = frozenset(
    {ErrorCode.KEY_NOT_FOUND, ErrorCode.OTHER_RECIPIENT, ErrorCode.BAD_REQUEST}
)
"""What keeps a card from being meant: it lacks the key, or the message is for another one."""
_NAME_IT: Final = "several cards are there: name the reader or the certificate"


@dataclass(frozen=True, slots=True)
class CardPlace:
    """The card that a request is for.

    Attributes:
        reader: where it is.
        serial: the card's own number; None for whichever card is in the reader.

    """

    reader: str
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class CardChoice:
    """Finds the card of one request; belongs to the event loop.

    A card that cannot be read now may be the one that was meant, so it rules nothing out: with two
    cards, only what a request names or what the citizen says decides.

    Attributes:
        readers: where the cards are.
        prompter: asks the citizen.
        site: who asks.
        task: what for.

    """

    readers: Readers
    prompter: Prompter
    site: Origin
    task: KeyTask[Any, Any, Any]

    async def with_serial(self, serial: str, candidates: Sequence[str]) -> CardPlace:
        """Find the card with a number; upper and lower case are the same.

        Raises:
            OtherCardError: none of the candidates has it.
            AgentError: why one of them could not be asked, where none of the others has it.

        """
        wanted = serial.upper()
        failure: AgentError | None = None
        asked: list[str] = []
        for reader in candidates:
            known = self._known_serial(reader)
            if known is None:
                asked.append(reader)
            elif known.upper() == wanted:
                return CardPlace(reader, known)
        for found in await self._of_each(asked, self._read_place):
            if isinstance(found, AgentError):
                failure = failure or found
            elif found.serial is not None and found.serial.upper() == wanted:
                return found
        raise failure or OtherCardError("none of the cards has the number that the page names")

    async def ask(self, candidates: Sequence[str]) -> CardPlace:
        """Have the citizen choose among the cards that can do the task.

        Raises:
            CardRemovedError: a card was pulled meanwhile.
            SeveralCardsError: there are too many cards to be shown, or nobody can be asked:
                ``window_unavailable`` where no window can be shown.
            AgentError: none can do it, and why; or whatever the prompter raises.

        """
        found = await self._of_each(candidates, self._facts)
        shown = tuple(each for each in found if isinstance(each, CardFacts))
        failures = [each for each in found if isinstance(each, AgentError)]
        unread = [each for each in failures if each.code not in _USELESS]
        if not shown:
            raise (unread or failures)[0]
        if len(shown) == 1 and not unread:
            return CardPlace(shown[0].reader, shown[0].serial)
        if len(shown) > MAX_CARDS:
            raise SeveralCardsError(_NAME_IT)
        names = [card.reader for card in shown]
        question = ChooseCard(self.site, shown)
        try:
            chosen = await while_cards_stay(
                self.readers, names, lambda: self.prompter.ask(question)
            )
        except UnaskedError as error:
            raise SeveralCardsError(_NAME_IT, code=error.code) from error
        return CardPlace(chosen.reader, chosen.serial)

    async def _of_each(
        self, names: Sequence[str], look: Callable[[str], Coroutine[Any, Any, T]]
    ) -> list[T | AgentError]:
        """Look at every card at once; one that fails does not hide the others."""

        async def outcome(name: str) -> T | AgentError:
            try:
                return await look(name)
            except AgentError as error:
                return error

        return list(await asyncio.gather(*map(outcome, names)))

    def _known_serial(self, reader: str) -> str | None:
        views = self.readers.snapshot().readers
        return next((view.serial for view in views if view.name == reader), None)

    async def _read_place(self, reader: str) -> CardPlace:
        serial = await self.readers.run(
            reader, "read the number", _read_serial, CARD_SECONDS, LISTING_SILENCE
        )
        return CardPlace(reader, serial)

    async def _facts(self, reader: str) -> CardFacts:
        return await self.readers.run(
            reader, "look", partial(self._read_facts, reader), CARD_SECONDS, LISTING_SILENCE
        )

    # In the reader's thread.

    def _read_facts(self, reader: str, card: Card, nobody_waits: ThreadEvent) -> CardFacts:
        """Describe the card.

        Raises:
            AgentError: with it the task is impossible, or it cannot be read.

        """
        del nobody_waits  # nothing that could not be undone happens here
        is_virtual = self.readers.provider_kind == "virtual"
        is_hidden = is_hidden_from(self.task, card)
        holder = None if is_hidden else self._holder(reader, card)
        return CardFacts(reader, card.generation, card.serial, holder, is_virtual, is_hidden)

    def _holder(self, reader: str, card: Card) -> str | None:
        failure: AgentError | None = None
        for stored in certificates_for(self.task, card):
            try:
                certificate = card_key_certificate(reader, card, stored)
                self._check_use(certificate)
            except AgentError as error:
                failure = failure or error
                continue
            return certificate.facts.subject_cn
        raise failure or KeyNotFoundError("no such certificate on the card")

    def _check_use(self, certificate: CardCertificate) -> None:
        """Raise what rules the card out; one that has expired may be the one that was meant."""
        try:
            self.task.prepare(certificate)
        except AgentError as error:
            if error.code in _USELESS:
                raise


def _read_serial(card: Card, nobody_waits: ThreadEvent) -> str:
    del nobody_waits
    return card.serial
