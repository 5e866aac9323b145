"""The watch over the readers: what it shows, what it announces, and what it asks again."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import structlog.testing

from agent.cards.card import Card
from agent.cards.registry import Registry
from agent.errors import (
    AgentError,
    CardError,
    CardRemovedError,
    MuteCardError,
    NoCardError,
    NoReaderError,
    ServiceUnavailableError,
    TransportError,
)
from agent.signing import readers as readers_module
from agent.signing.card_attempt import CardAttempt
from agent.signing.model import CardPresence, Event
from agent.signing.readers import Readers
from agent.transport.base import ReaderState
from agent.transport.observed import ObservedConnection
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.connection import VirtualConnection
from agent.virtualcard.model import Faults
from agent.virtualcard.provider import READER_NAME, VirtualProvider

CardFactory = Callable[..., VirtualCard]
FIRST, SECOND = READER_NAME.format(0), READER_NAME.format(1)
WAIT = 10.0  # seconds for what a fault would keep from happening


@asynccontextmanager
async def watching(
    provider: VirtualProvider,
) -> AsyncIterator[tuple[Readers, asyncio.Queue[Event]]]:
    readers = Readers(provider, Registry())
    await readers.start()
    try:
        async with readers.subscribe() as events:
            yield readers, events
    finally:
        await readers.close()


async def announced(events: asyncio.Queue[Event], count: int) -> list[tuple[str, Any]]:
    """Return the names of the next events, with the states that they tell of."""
    async with asyncio.timeout(WAIT):
        found = [await events.get() for _ in range(count)]
    return [(each.name, each.reader.state if each.reader else None) for each in found]


async def test_each_change_is_announced_once(make_card: CardFactory) -> None:
    provider = VirtualProvider(readers=1)
    async with watching(provider) as (readers, events):
        for change, told in (
            (lambda: provider.insert(FIRST, make_card()), [("card_inserted", CardPresence.CARD)]),
            (provider.add_reader, [("reader_added", CardPresence.EMPTY)]),
            (lambda: provider.remove(FIRST), [("card_removed", CardPresence.EMPTY)]),
            (lambda: provider.remove_reader(SECOND), [("reader_removed", CardPresence.EMPTY)]),
            (
                lambda: provider.set_service(False),
                [("service_changed", None), ("reader_removed", CardPresence.EMPTY)],
            ),
        ):
            change()
            assert await announced(events, len(told)) == told
        assert events.empty()
        assert not readers.snapshot().service_available


async def test_a_reader_that_is_taken_away_takes_its_card_along(make_card: CardFactory) -> None:
    provider = VirtualProvider(readers=1)
    provider.insert(FIRST, make_card())
    async with watching(provider) as (readers, events):
        await readers.run(FIRST, "look", lambda card, _: card.serial, WAIT)
        assert await announced(events, 1) == [("card_changed", CardPresence.CARD)]
        provider.remove_reader(FIRST)
        async with asyncio.timeout(WAIT):
            told = await events.get()
    assert told.name == "reader_removed"
    assert told.reader is not None
    assert (told.reader.state, told.reader.serial) == (CardPresence.EMPTY, None)
    assert told.reader.generation is None


@pytest.mark.parametrize("gone", ["card", "reader"])
async def test_what_is_not_proven_goes_with_the_card(make_card: CardFactory, gone: str) -> None:
    provider = VirtualProvider()
    provider.insert(FIRST, make_card())
    async with watching(provider) as (readers, events):
        memory = readers._registry.memory
        memory.record("A").wrong_references = frozenset({(b"SIGN", 1)})
        assert memory.record("A").wrong_references
        (provider.remove if gone == "card" else provider.remove_reader)(FIRST)
        assert await announced(events, 1) == [(f"{gone}_removed", CardPresence.EMPTY)]
        assert not memory.record("A").wrong_references


async def test_whoever_does_not_listen_misses_the_oldest() -> None:
    async with watching(VirtualProvider()) as (readers, events):
        for number in range(257):
            readers._announce(str(number), None)
        names = [events.get_nowait().name for _ in range(events.qsize())]
    assert names == [str(number) for number in range(1, 257)]


async def test_a_closed_watch_lets_go_of_its_thread_and_of_the_readers(
    make_card: CardFactory,
) -> None:
    provider = VirtualProvider()
    provider.insert(FIRST, make_card())
    async with watching(provider) as (readers, _):
        assert provider.readers()
    assert not readers._monitor.is_alive()
    assert provider.readers() == ()


async def test_whoever_has_listened_is_told_no_more() -> None:
    provider = VirtualProvider()
    async with watching(provider) as (readers, events):
        async with readers.subscribe() as before:
            pass
        provider.add_reader()
        assert await announced(events, 1) == [("reader_added", CardPresence.EMPTY)]
    assert before.empty()


async def test_it_is_seen_that_a_card_is_at_work() -> None:
    seen: list[bool] = []
    async with watching(VirtualProvider()) as (readers, _):
        looking = readers.watch(lambda: seen.append(readers.snapshot().working))
        with looking, readers.work(), readers.work():
            pass
        with readers.work():
            pass
    assert seen == [True, True, True, False]


@pytest.mark.parametrize(
    ("holds", "error"),
    [
        ("no service", ServiceUnavailableError),
        ("no reader", NoReaderError),
        ("no card", NoCardError),
        ("a mute card", MuteCardError),
    ],
)
async def test_nothing_is_asked_where_there_is_nobody_to_ask(
    make_card: CardFactory, holds: str, error: type[AgentError]
) -> None:
    provider = VirtualProvider(readers=0 if holds == "no reader" else 1)
    if holds == "a mute card":
        provider.insert(FIRST, make_card(faults=Faults(mute=True)))
    provider.set_service(holds != "no service")
    async with watching(provider) as (readers, _):
        with pytest.raises(error):
            await readers.run(FIRST, "look", lambda card, _: card.serial, WAIT)


class Slow(threading.Event):
    """Is waited for a moment only, and remembers for how long it should have been."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout)
        return super().wait(0.001)


@pytest.mark.parametrize("error", [ServiceUnavailableError("gone"), ZeroDivisionError("a bug")])
@pytest.mark.parametrize("call", ["readers", "wait"])
async def test_a_service_that_fails_is_asked_again_and_left_in_peace_between(
    monkeypatch: pytest.MonkeyPatch, error: Exception, call: str
) -> None:
    provider = VirtualProvider(readers=1)
    right: Callable[..., tuple[ReaderState, ...]] = getattr(provider, call)
    failures = [error] * 3

    def fail(*arguments: Any) -> tuple[ReaderState, ...]:
        if failures:
            raise failures.pop()
        return right(*arguments)

    monkeypatch.setattr(provider, call, fail)
    readers = Readers(provider, Registry())
    slow = readers._monitor._closing = Slow()
    with structlog.testing.capture_logs():  # a traceback takes seconds to print
        await readers.start()
        async with asyncio.timeout(WAIT), readers.subscribe() as events:
            while failures or not readers.snapshot().readers:
                await events.get()
        await readers.close()
    assert slow.pauses == ([1.0, 2.0, 4.0] if call == "readers" else [1.0] * 3)


async def test_what_nobody_waits_for_is_not_tried_once_more(make_card: CardFactory) -> None:
    there, tries = threading.Event(), []
    provider = VirtualProvider(readers=1)
    provider.insert(FIRST, make_card())

    def misread(_card: Card, nobody_waits: threading.Event) -> None:
        tries.append(None)
        there.set()
        nobody_waits.wait(WAIT)
        raise CardError("misread")

    async with watching(provider) as (readers, _):
        asked = asyncio.create_task(readers.run(FIRST, "look", misread, WAIT))
        await asyncio.to_thread(there.wait, WAIT)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await readers.run(FIRST, "look", lambda card, _: card.serial, WAIT)
    assert len(tries) == 1


# Cards whose answer to reset says nothing.


class Stranger(VirtualCard):
    """A card with an answer to reset that no driver knows."""

    @property
    def atr(self) -> bytes:
        return b"\x3b\x00"


class Stumbling(VirtualProvider):
    """Fails to open a card as often as is said."""

    def __init__(self, failures: int) -> None:
        super().__init__(readers=1)
        self.failures = failures
        self.opened = 0

    def open(self, reader: str) -> VirtualConnection:
        self.opened += 1
        if self.opened <= self.failures:
            raise TransportError("not now")
        return super().open(reader)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert readers_module.PROBE_PAUSES == (0.0, 1.0, 4.0)
    monkeypatch.setattr(readers_module, "PROBE_PAUSES", (0.0, 0.0, 0.0))


async def probed(readers: Readers) -> None:
    """Return when no card is being asked any more which it is."""
    async with asyncio.timeout(WAIT):
        await asyncio.gather(*readers._probes)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("failures", "opened", "told"),
    [
        (0, 1, [CardPresence.CARD]),
        (1, 2, [CardPresence.UNSUPPORTED, CardPresence.CARD]),
        (2, 3, [CardPresence.UNSUPPORTED, CardPresence.CARD]),
        (3, 3, [CardPresence.UNSUPPORTED]),
    ],
)
async def test_a_card_is_asked_three_times_which_it_is(
    make_card: CardFactory,
    generation: str,
    failures: int,
    opened: int,
    told: list[CardPresence],
) -> None:
    provider = Stumbling(failures)
    async with watching(provider) as (readers, events):
        provider.insert(FIRST, Stranger(make_card(generation).data))
        found = await announced(events, len(told))
        await probed(readers)
        assert found == [("card_inserted", state) for state in told]
        assert events.empty()
        (view,) = readers.snapshot().readers
    assert provider.opened == opened
    assert (view.state, view.generation) == (
        (CardPresence.CARD, generation) if failures < 3 else (CardPresence.UNSUPPORTED, None)
    )


@pytest.mark.usefixtures("at_once")
async def test_a_card_that_nobody_knows_is_left_closed(
    make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[VirtualConnection] = []
    close = VirtualConnection.close

    def count(self: VirtualConnection) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(VirtualConnection, "close", count)
    provider = Stumbling(0)
    provider.insert(FIRST, Stranger(make_card(faults=Faults(foreign=0x6D00)).data))
    async with watching(provider) as (readers, _):
        await probed(readers)
    assert len(closed) == provider.opened == 3


async def test_silence_is_measured_by_what_was_asked_last(
    make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    provider = VirtualProvider(readers=1)
    provider.insert(FIRST, Stranger(make_card().data))
    right = provider.open

    def note(reader: str) -> VirtualConnection:
        asked.append(readers._attempts[reader].operation)
        return right(reader)

    monkeypatch.setattr(provider, "open", note)
    readers = Readers(provider, Registry())
    await readers.start()
    await probed(readers)
    await readers.run(FIRST, "look", lambda card, _: card.serial, WAIT)
    await readers.close()
    assert asked == ["probe", "look"]


class Pulling(VirtualProvider):
    """Has each card pulled as it is opened, and waits until that is seen."""

    def __init__(self) -> None:
        super().__init__(readers=1)
        self.opened = 0
        self.seen = threading.Event()

    def open(self, reader: str) -> VirtualConnection:
        self.opened += 1
        self.remove(reader)
        assert self.seen.wait(WAIT)
        raise CardRemovedError("pulled")


@pytest.mark.usefixtures("at_once")
async def test_a_card_that_is_pulled_while_it_is_asked_is_not_asked_again(
    make_card: CardFactory,
) -> None:
    provider = Pulling()
    async with watching(provider) as (readers, events):
        provider.insert(FIRST, Stranger(make_card().data))
        assert await announced(events, 1) == [("card_removed", CardPresence.EMPTY)]
        provider.seen.set()
        await probed(readers)
        assert events.empty()
        assert readers.snapshot().readers[0].state is CardPresence.EMPTY
    assert provider.opened == 1


# One attempt.


def test_an_attempt_is_silent_since_its_begin_or_its_last_answer(make_card: CardFactory) -> None:
    attempt = CardAttempt("look", FIRST)
    assert attempt.last_progress == attempt.begun_at
    provider = VirtualProvider()
    provider.insert(FIRST, make_card())
    attempt.connection = ObservedConnection(provider.open(FIRST))
    attempt.connection.answered_at = attempt.begun_at + 1
    assert attempt.last_progress == attempt.begun_at + 1


@pytest.mark.parametrize(
    ("before", "number", "refused"),
    [
        (None, None, False),
        ("A", None, False),
        (None, "A", False),
        ("A", "B", False),
        ("B", None, True),
        (None, "B", True),
        ("B", "C", True),
    ],
)
def test_a_number_is_believed_that_was_read_before(
    before: str | None, number: str | None, refused: bool
) -> None:
    card: Any = SimpleNamespace(serial="A")
    attempt = CardAttempt("look", FIRST, number, card=card)
    with pytest.raises(CardError) if refused else nullcontext():
        attempt.require_number(before)


async def test_a_number_that_is_another_than_before_is_read_twice(make_card: CardFactory) -> None:
    provider = Stumbling(0)
    provider.insert(FIRST, make_card())
    async with watching(provider) as (readers, _):
        readers._note_card(provider.readers()[0], "another", 3)
        serial = await readers.run(FIRST, "look", lambda card, _: card.serial, WAIT)
        assert provider.opened == 2
        assert await readers.run(FIRST, "look", lambda card, _: card.serial, WAIT) == serial
        assert provider.opened == 3


# What the log says.


async def test_the_log_says_what_failed_and_what_was_decided(make_card: CardFactory) -> None:
    provider = VirtualProvider(readers=1)
    provider.insert(FIRST, make_card(faults=Faults(foreign=0x6F42)))
    with structlog.testing.capture_logs() as lines:
        async with watching(provider) as (readers, _):
            with pytest.raises(AgentError):
                await readers.run(FIRST, "look", lambda card, _: card.certificates(), WAIT)
    assert [line["decision"] for line in lines] == ["once more", "given up"]
    for line in lines:
        assert (line["operation"], line["reader"], line["header"], line["status_word"]) == (
            *("look", FIRST, "80 A4 00 00", "6F42"),
        )
