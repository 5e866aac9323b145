"""The virtual readers and cards of an agent under test: what a tester's hands do with them.

Every method may block, and one is called at a time.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET, structs

from agent.consent.questions import CardFacts
from agent.errors import AgentError, BadRequestError, NoReaderError
from agent.testkit.messages import ChangeCard, ChangedFaults, InsertCard
from agent.testkit.mistakes import in_the_way, not_found, of_request, wrong_field
from agent.testkit.ordering import made
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import Faults
from agent.virtualcard.provider import MAX_READERS, VirtualProvider
from agent.virtualcard.scenarios import make_scenario

_COUNTED: Final = ("remove_at", "drop_at")


@dataclass(frozen=True, slots=True)
class _Start:
    """What was in a reader when the agent started."""

    card: VirtualCard | None
    attempts_left: int
    faults: Faults


class CardBench:
    """Hands on the readers and cards of one provider."""

    def __init__(self, provider: VirtualProvider, issuer: Callable[[], TestIssuer]) -> None:
        """Remember how everything is now, for :meth:`reset`.

        Args:
            provider: with the cards that the agent starts with.
            issuer: opens the authority of new cards; called when the first one is wanted.

        """
        self._provider = provider
        self._open_issuer = issuer
        self._issuer: TestIssuer | None = None
        self._start = {name: _start_of(card) for name, card in provider.cards().items()}
        self._known: dict[str, VirtualCard] = {}
        self._last: dict[str, VirtualCard] = {}
        self._cards()

    def _cards(self) -> dict[str, VirtualCard | None]:
        """Return the card in each reader; none that was ever seen is forgotten."""
        found = self._provider.cards()
        there = {name: card for name, card in found.items() if card is not None}
        self._known |= {card.data.serial: card for card in there.values()}
        self._last |= there
        return found

    # Readers.

    def readers(self) -> list[dict[str, Any]]:
        """Return the readers as JSON."""
        held = self._provider.held()
        return [
            {
                "name": name,
                "serial": None if card is None else card.data.serial,
                "held": name in held,
            }
            for name, card in self._cards().items()
        ]

    def plug(self, name: str | None) -> dict[str, Any]:
        """Plug a reader in.

        Raises:
            RefusedControlError: 409: there is one of that name, or no room for one more; 400: the
                name is too long.

        """
        there = self._provider.cards()
        if name in there:
            raise in_the_way("there is a reader of that name")
        if len(there) >= MAX_READERS:
            raise in_the_way(f"there are {MAX_READERS} readers, which is the most")
        try:
            return {"name": self._provider.add_reader(name)}
        except BadRequestError as error:
            raise of_request(error, "$.name") from error

    def unplug(self, name: str) -> None:
        """Unplug a reader, with the card in it.

        Raises:
            RefusedControlError: 404: there is none.

        """
        self._require(name)
        self._provider.remove_reader(name)
        self._last.pop(name, None)

    def hold(self, name: str, *, held: bool) -> None:
        """Let another program have a reader's card for itself, or no longer.

        Raises:
            RefusedControlError: 404: there is no such reader.

        """
        self._require(name)
        self._provider.hold(name, held)

    def set_service(self, *, available: bool) -> None:
        """Stop the card service, or start it."""
        self._provider.set_service(available)

    def states(self) -> dict[str, bool] | None:
        """Return whether there is a card, by reader; None while there is no service."""
        with suppress(AgentError):
            return {state.name: state.present for state in self._provider.readers()}
        return None

    # Cards.

    def insert(self, reader: str, wanted: InsertCard) -> dict[str, Any]:
        """Put a card into a reader, and return what is known of it.

        Raises:
            RefusedControlError: 404: there is no such reader or card; 409: the reader is not
                empty, or the card is in another one; 400: there can be no such card.

        """
        if self._require(reader) is not None:
            raise in_the_way("there is a card in this reader")
        card = self._wanted(reader, wanted)
        if self._reader_of(card.data.serial) is not None:
            raise in_the_way("the card is in another reader")
        try:
            self._provider.insert(reader, card)
        except NoReaderError as error:
            raise not_found("there is no such reader") from error
        except BadRequestError as error:
            raise in_the_way(error.detail) from error
        return self.card(card.data.serial)

    def pull(self, reader: str) -> dict[str, Any]:
        """Pull the card out of a reader, also in the middle of a command.

        Raises:
            RefusedControlError: 404: there is no such reader; 409: it is empty.

        """
        card = self._require(reader)
        if card is None:
            raise in_the_way("there is no card in this reader")
        self._provider.remove(reader)
        return self.card(card.data.serial)

    def card(self, serial: str) -> dict[str, Any]:
        """Return what a card says of itself, and what was done with it.

        Raises:
            RefusedControlError: 404: there was never such a card.

        """
        card = self._card(serial)
        return {
            "serial": serial,
            "generation": card.data.generation.value,
            "name": card.data.person.name,
            "id_number": card.data.person.id_number,
            "reader": self._reader_of(serial),
            "pin": card.data.pin.decode("ascii"),
            "tries_left": card.data.attempts_left,
            **asdict(card.tally),
            "commands": card.trace.commands,
        }

    def change(self, serial: str, wanted: ChangeCard) -> dict[str, Any]:
        """Change a card, and return what is known of it.

        Raises:
            RefusedControlError: 404: there was never such a card; 409: its file cannot be written.

        """
        card = self._card(serial)
        if wanted.faults is not UNSET:
            card.faults = _changed(card, wanted.faults)
        if wanted.tries_left is not UNSET:
            try:
                card.set_attempts(wanted.tries_left)
            except OSError as error:
                raise in_the_way(f"the card's file: {error.strerror}") from error
        return self.card(serial)

    def pin_of(self, asked: CardFacts) -> bytes | None:
        """Return the PIN of a card that is in its reader; None where it is not."""
        card = self._cards().get(asked.reader)
        return None if card is None or card.data.serial != asked.serial else card.data.pin

    def reset(self) -> None:
        """Put readers and cards back to where they were when the agent started.

        Raises:
            RefusedControlError: 409: a card's file cannot be written.

        """
        provider = self._provider
        provider.set_service(True)
        for name, card in provider.cards().items():
            provider.hold(name, held=False)
            if card is not None:
                provider.remove(name)
            if name not in self._start:
                provider.remove_reader(name)
        self._known, self._last = {}, {}
        for name, start in self._start.items():
            if name not in provider.cards():
                provider.add_reader(name)
            if start.card is not None:
                _renew(start.card, start)
                provider.insert(name, start.card)
        self._cards()

    def _require(self, reader: str) -> VirtualCard | None:
        """Return the card in a reader that is there."""
        found = self._cards()
        if reader not in found:
            raise not_found("there is no such reader")
        return found[reader]

    def _reader_of(self, serial: str) -> str | None:
        found = self._cards().items()
        return next((name for name, card in found if card and card.data.serial == serial), None)

    def _card(self, serial: str) -> VirtualCard:
        self._cards()
        if serial not in self._known:
            why = "there was never such a card" if serial else "there is no card in this reader"
            raise not_found(why)
        return self._known[serial]

    def _wanted(self, reader: str, wanted: InsertCard) -> VirtualCard:
        given = {name: value for name, value in structs.asdict(wanted).items() if value is not None}
        if len(given) > 1:
            raise wrong_field(f"$.{sorted(given)[1]}", "only one card fits into a reader")
        if wanted.serial is not None:
            return self._card(wanted.serial)
        if wanted.file is not None:
            return self._from_file(Path(wanted.file))
        if wanted.scenario is not None:
            try:
                return VirtualCard(make_scenario(wanted.scenario, self._authority()))
            except BadRequestError as error:
                raise of_request(error, "$.scenario") from error
        if wanted.order is not None:
            return VirtualCard(made(wanted.order, self._authority()))
        if reader not in self._last:
            raise in_the_way("no card was ever in this reader: say which")
        return self._last[reader]

    def _from_file(self, path: Path) -> VirtualCard:
        try:
            card = cardfile.load(path)
        except AgentError as error:
            raise wrong_field("$.file", error.detail) from error
        # The card itself, with what it counted, where it was in a reader before.
        return self._known.get(card.data.serial, card)

    def _authority(self) -> TestIssuer:
        if self._issuer is None:
            self._issuer = self._open_issuer()
        return self._issuer


def _start_of(card: VirtualCard | None) -> _Start:
    if card is None:
        return _Start(None, 0, Faults())
    return _Start(card, card.data.attempts_left, card.faults)


def _renew(card: VirtualCard, start: _Start) -> None:
    card.faults = start.faults
    card.tally.clear()
    card.trace.clear()
    if card.data.attempts_left != start.attempts_left:
        try:
            card.set_attempts(start.attempts_left)
        except OSError as error:
            raise in_the_way(f"the card's file: {error.strerror}") from error


def _changed(card: VirtualCard, wanted: ChangedFaults) -> Faults:
    """Return a card's faults with the ones changed that are wanted; commands count from now."""
    given = {name: value for name, value in structs.asdict(wanted).items() if value is not UNSET}
    for name in _COUNTED:
        if given.get(name):
            given[name] += card.trace.commands
    return replace(card.faults, **given)
