"""The readers and cards as they are now: a live snapshot, its changes, and a thread for each."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

import structlog

from agent.cards.card import Card, CardDriver
from agent.cards.pkcs11.token_card import KEYPAD_SECONDS
from agent.cards.pkcs11.token_source import TokenSlot, TokenSource
from agent.cards.registry import Registry
from agent.errors import (
    AgentError,
    ErrorCode,
    MuteCardError,
    NoCardError,
    NoReaderError,
    OtherGenerationError,
    ServiceUnavailableError,
    SpoiltCertificateError,
    UnsupportedCardError,
)
from agent.signing.card_attempt import DOUBTS, CardAttempt, until_silent
from agent.signing.model import CardPresence, Event, ReaderView, Snapshot
from agent.signing.reader_monitor import ReaderMonitor
from agent.signing.seat import Seat, presence_of, seen, token_seat
from agent.signing.token_watch import TokenWatch
from agent.signing.worker import Worker
from agent.transport.base import CardProvider, Connection, ReaderState
from agent.transport.observed import ObservedConnection
from agent.transport.part10 import has_keypad

T = TypeVar("T")
CardOperation = Callable[[Card, threading.Event], T]
"""Runs in the reader's thread, in a transaction of its own, with the card that is in the reader;
the event is set when nobody waits for the result any more.
"""

MAX_PENDING = 16  # operations in one reader's queue
EVENT_BACKLOG = 256  # events kept for a listener who does not read them
PROBE_PAUSES: Final = (0.0, 1.0, 4.0)  # seconds before each question to a card that is not known
CLOSE_TIMEOUT = 3.0  # seconds to wait for threads that are in the middle of something

_log = structlog.get_logger(__name__)


class Readers:
    """Watches a provider and runs card operations; belongs to one event loop."""

    def __init__(
        self, provider: CardProvider, registry: Registry, tokens: TokenSource | None = None
    ) -> None:
        """Prepare to watch a provider, and the tokens of modules, which do the work themselves."""
        self._provider = provider
        self._registry = registry
        self._source = tokens or TokenSource(())
        self._seats: dict[str, Seat] = {}
        self._workers: dict[str, Worker] = {}
        self._attempts: dict[str, CardAttempt] = {}  # the newest of each reader
        self._listeners: set[asyncio.Queue[Event]] = set()
        self._watchers: set[Callable[[], None]] = set()
        self._keypads: dict[str, bool] = {}  # of the readers that were asked
        self._at_work = 0
        self._probes: set[asyncio.Task[None]] = set()
        self._snapshot = Snapshot(service_available=False)
        self._tells_attempts = False
        self.tokens = TokenWatch(self._source, self._take_tokens)
        self._tokens_seen = 0
        self._looked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._monitor = ReaderMonitor(
            provider, lambda states: self._in_loop(partial(self._take, states))
        )

    @property
    def provider_kind(self) -> str:
        """``"pcsc"`` or ``"virtual"``."""
        return self._provider.kind

    async def start(self) -> None:
        """Begin to watch; return after the first look."""
        self._loop = asyncio.get_running_loop()
        self._monitor.start()
        await self._looked.wait()

    async def close(self) -> None:
        """Stop watching and let go of every thread."""
        self._monitor.stop()
        for probe in self._probes:
            probe.cancel()
        self.tokens.stop()
        for worker in self._workers.values():
            worker.stop()
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        stopped = [self._monitor.join(CLOSE_TIMEOUT)]
        stopped += [worker.join(CLOSE_TIMEOUT) for worker in self._workers.values()]
        self._source.close()  # whatever a module is still at
        if all(stopped):
            self._provider.close()

    def snapshot(self) -> Snapshot:
        """Return the newest state; from any thread, without waiting."""
        return self._snapshot

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[asyncio.Queue[Event]]:
        """Return a queue of changes for as long as the context lasts.

        A listener who leaves 256 unread loses the oldest; :meth:`snapshot` tells the truth.
        """
        queue: asyncio.Queue[Event] = asyncio.Queue(EVENT_BACKLOG)
        self._listeners.add(queue)
        try:
            with self.tokens.closely():
                yield queue
        finally:
            self._listeners.discard(queue)

    @contextmanager
    def watch(self, changed: Callable[[], None], *, closely: bool = False) -> Iterator[None]:
        """Call ``changed`` in the event loop after each new snapshot, while the context lasts.

        Args:
            changed: must not block.
            closely: whether somebody looks, so that the modules are asked for their tokens too.

        """
        self._watchers.add(changed)
        try:
            with self.tokens.closely() if closely else nullcontext():
                yield
        finally:
            self._watchers.discard(changed)

    async def look_at_tokens(self) -> None:
        """Ask the modules which tokens there are; those that do not answer soon are left out."""
        await self.tokens.look()

    @contextmanager
    def work(self) -> Iterator[None]:
        """Let the snapshot say that a card is in use, for as long as the context lasts."""
        self._at_work += 1
        self._publish()
        try:
            yield
        finally:
            self._at_work -= 1
            self._publish()

    async def run(
        self,
        reader: str,
        name: str,
        operation: CardOperation[T],
        seconds: float,
        silence: float | None = None,
    ) -> T:
        """Run a card operation in its reader's thread.

        Args:
            reader: a name from the snapshot.
            name: what the log calls the operation.
            operation: is run in one transaction, which ends with a reset of the card. If
                something was misread before a PIN was sent, it is run once more.
            seconds: how long to wait, in the queue included.
            silence: how many of them may pass without any answer from the reader's card, whichever
                operation asked it; None for all.

        Raises:
            NoReaderError, NoCardError, UnsupportedCardError: what the reader holds.
            AgentError: ``busy`` when too many wait, ``timeout``; and whatever it raises.

        """
        before = self._seat_with_card(reader)
        if before.token is not None and all(reader != view.name for view in self._snapshot.readers):
            raise NoReaderError("the card in this slot is used through its own reader")
        if before.token is not None:  # a module says nothing before it has done everything
            silence, seconds = None, seconds + KEYPAD_SECONDS * before.token.has_keypad
        worker = self._worker(reader)
        if worker.pending >= MAX_PENDING:
            raise AgentError("too many requests wait for this reader", code=ErrorCode.BUSY)
        nobody_waits = threading.Event()
        answer = asyncio.wrap_future(
            worker.submit(self._operate, reader, name, operation, nobody_waits)
        )
        try:
            with self.work():
                async with asyncio.timeout(seconds):
                    return await until_silent(
                        answer, lambda: self._attempts.get(reader), silence or seconds
                    )
        except TimeoutError as error:
            raise AgentError("the card did not answer in time", code=ErrorCode.TIMEOUT) from error
        except UnsupportedCardError as error:
            if not isinstance(error, SpoiltCertificateError) and before.token is None:
                self._mark_unsupported(before.state)
            raise
        finally:
            nobody_waits.set()
            del answer  # an error in it knows this frame, and would keep what the page sent

    def _note_card(self, state: ReaderState, serial: str, attempts_left: int | None) -> None:
        """Remember what an operation learnt about a card, if it is there still."""
        seat = self._seats.get(state.name)
        if seat is None or seat.state != state:
            return
        view = replace(
            seat.view, state=CardPresence.CARD, serial=serial, attempts_left=attempts_left
        )
        self._tells_attempts = self._tells_attempts or attempts_left is not None
        self._note(seat, replace(seat, view=view))

    def _note(self, before: Seat, seat: Seat) -> None:
        """Show and announce what was learnt about the card in a reader."""
        if seat == before:
            return
        self._seats[seat.state.name] = seat
        self._publish()
        if seat.view != before.view:
            self._announce("card_changed", seat.view)

    def _note_keypad(self, reader: str, *, keypad: bool) -> None:
        seat = self._seats.get(reader)
        if seat is None:
            return
        self._keypads[reader] = keypad
        if seat.view.keypad != keypad:
            self._seats[reader] = replace(seat, view=replace(seat.view, keypad=keypad))
            self._publish()

    def _note_driver(self, state: ReaderState, driver: CardDriver) -> None:
        """Remember who speaks to the card that was asked, if it is there still."""
        seat = self._seats.get(state.name)
        if seat is not None and seat.state == state:
            view = replace(seat.view, generation=driver.generation)
            self._note(seat, replace(seat, view=view, driver=driver))

    # In the reader's thread.

    def _operate(
        self, reader: str, name: str, operation: CardOperation[T], nobody_waits: threading.Event
    ) -> T:
        """Run an operation; once more, all read anew, if it may have failed by a bad answer."""
        is_first = True
        number: str | None = None
        while True:
            attempt = self._attempts[reader] = CardAttempt(name, reader, number)
            try:
                with self._transaction(attempt, nobody_waits) as card:
                    return operation(card, nobody_waits)
            except AgentError as error:
                again = is_first and attempt.may_read_again(error)
                attempt.log(error, "once more" if again else "given up")
                if not again:
                    raise
            is_first, number = False, attempt.card.serial if attempt.card else None

    @contextmanager
    def _transaction(self, attempt: CardAttempt, nobody_waits: threading.Event) -> Iterator[Card]:
        """Open the card for one operation, and note afterwards what was learnt about it."""
        if nobody_waits.is_set():
            raise AgentError("nobody waits any more", code=ErrorCode.USER_CANCELLED)
        reader = attempt.reader
        seat = self._seat_with_card(reader)
        with ExitStack() as stack:
            card = attempt.card = self._opened(stack, seat, attempt)
            attempt.require_number(seat.view.serial)
            try:
                yield card
            except AgentError as error:
                if error.code in DOUBTS:
                    card.forget()
                raise
            finally:
                note = partial(self._note_card, seat.state, card.serial, card.attempts_left)
                self._in_loop(note)

    def _opened(self, stack: ExitStack, seat: Seat, attempt: CardAttempt) -> Card:
        if seat.token is not None:
            return stack.enter_context(self._source.open(seat.token))
        connection = attempt.connection = ObservedConnection(self._provider.open(attempt.reader))
        stack.callback(connection.close)
        self._look_for_keypad(attempt.reader, connection)
        return self._open_card(stack, seat, connection)

    def _open_card(self, stack: ExitStack, seat: Seat, connection: Connection) -> Card:
        """Begin the transaction that ``stack`` ends, with the driver that the card proves right."""
        if seat.driver is not None:
            with suppress(OtherGenerationError):  # the ATR promised it, and that was a hint only
                return stack.enter_context(seat.driver.open(connection))
        return stack.enter_context(self._prove(seat.state, connection).open(connection))

    def _prove(self, state: ReaderState, connection: Connection) -> CardDriver:
        """Ask the card itself which it is."""
        driver = self._registry.probe(connection)
        if driver is None:
            raise UnsupportedCardError("no driver knows this card")
        self._in_loop(partial(self._note_driver, state, driver))
        return driver

    def _in_loop(self, note: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended: nobody looks any more
                self._loop.call_soon_threadsafe(note)

    def _look_for_keypad(self, reader: str, connection: Connection) -> None:
        """Ask a reader about itself, once; by the way, so that no card is disturbed for it."""
        if reader in self._keypads:
            return
        answer = connection.features()
        if answer is not None:
            self._in_loop(partial(self._note_keypad, reader, keypad=has_keypad(answer)))

    def _seat_with_card(self, reader: str) -> Seat:
        seat = self._seats.get(reader)
        if seat is None and not self._snapshot.service_available:
            raise ServiceUnavailableError("no PC/SC service")
        if seat is None:
            raise NoReaderError("no such reader")
        if seat.view.state is CardPresence.EMPTY:
            raise NoCardError("the reader is empty")
        if seat.view.state is CardPresence.MUTE:
            raise MuteCardError("the card does not answer")
        return seat

    # In the event loop.

    def _take(self, states: tuple[ReaderState, ...] | None) -> None:
        available = states is not None
        if available != self._snapshot.service_available or not self._looked.is_set():
            self._snapshot = replace(self._snapshot, service_available=available)
            self._announce("service_changed", None)
        now = {state.name: state for state in states or ()}
        tokens = {name: seat for name, seat in self._seats.items() if seat.token is not None}
        for name in [name for name in self._seats if name not in (now.keys() | tokens.keys())]:
            self._remove(name)
        for state in now.values():
            self._update(state)
        self._seats = {name: self._seats[name] for name in now} | tokens
        self._publish()
        self._looked.set()

    def _take_tokens(self, slots: tuple[TokenSlot, ...]) -> None:
        """Show the tokens that there are now."""
        now = {slot.name: slot for slot in slots}
        for name, seat in tuple(self._seats.items()):
            token = seat.token
            if token is not None and (name not in now or now[name].is_same != token.is_same):
                self._remove(name)
        for name, slot in now.items():
            before = self._seats.get(name)
            if before is not None:
                if before.token is not None:
                    self._seats[name] = replace(before, token=slot)
                continue
            self._tokens_seen += 1
            seat = self._seats[name] = token_seat(slot, self._tokens_seen)
            self._publish()
            self._announce("reader_added", seat.view)
            self._announce("card_inserted", seat.view)

    def _remove(self, name: str) -> None:
        seat = self._seats.pop(name)
        self._registry.memory.forget_unproven()
        self._keypads.pop(name, None)
        self._attempts.pop(name, None)
        worker = self._workers.pop(name, None)
        if worker is not None:
            worker.stop()
        self._publish()
        empty = replace(seat.view, state=CardPresence.EMPTY, generation=None, serial=None)
        self._announce("reader_removed", empty)

    def _update(self, state: ReaderState) -> None:
        before = self._seats.get(state.name)
        if before is not None and before.state == state:
            return
        driver = self._registry.by_atr(state.atr) if state.present else None
        presence = presence_of(state)
        generation = driver.generation if driver else None
        keypad = self._keypads.get(state.name, False)
        view = ReaderView(state.name, presence, generation, keypad=keypad)
        self._seats[state.name] = Seat(state, view, driver)
        self._publish()
        if before is None:
            self._announce("reader_added", view)
        elif before.state.present:
            self._registry.memory.forget_unproven()
            self._announce("card_removed", replace(view, state=CardPresence.EMPTY))
        if presence is CardPresence.CARD and driver is None:
            self._begin(self._probe(state))
        elif state.present:
            self._announce("card_inserted", view)
            if driver is not None:
                self._identify_later(state.name)

    def _begin(self, probing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(probing)
        self._probes.add(task)
        task.add_done_callback(self._probes.discard)

    def _identify_later(self, reader: str) -> None:
        """Read the number of a card, by which it is known how many PIN attempts it has left.

        Only where a card has said how many since we run: else no card is touched unasked.
        """
        if self._tells_attempts:
            self._begin(self._identify(reader))

    async def _identify(self, reader: str) -> None:
        with suppress(AgentError):  # whoever wants something of the card will hear why
            operate = partial(self._operate, reader, "identify", _look, threading.Event())
            await asyncio.wrap_future(self._worker(reader).submit(operate))

    async def _probe(self, state: ReaderState) -> None:
        """Ask a card whose ATR says nothing which it is, and announce it then.

        One bad answer must not brand a card: it is asked up to three times, and again with each
        request.
        """
        for pause in PROBE_PAUSES:
            await asyncio.sleep(pause)
            seat = self._seats.get(state.name)
            if seat is None or seat.state != state or seat.driver is not None:
                return
            driver = await self._ask_which(state.name)
            if self._take_answer(state, driver):
                return

    def _take_answer(self, state: ReaderState, driver: CardDriver | None) -> bool:
        """Show and announce what a probe found; return whether there is nothing more to ask."""
        seat = self._seats.get(state.name)
        if seat is None or seat.state != state or seat.driver is not None:
            return True
        presence = CardPresence.CARD if driver else CardPresence.UNSUPPORTED
        generation = driver.generation if driver else None
        view = replace(seat.view, state=presence, generation=generation)
        if driver is not None or view != seat.view:
            self._seats[state.name] = Seat(state, view, driver)
            self._publish()
            self._announce("card_inserted", view)
        if driver is not None:
            self._identify_later(state.name)
        return driver is not None

    async def _ask_which(self, reader: str) -> CardDriver | None:
        attempt = CardAttempt("probe", reader)
        try:
            future = self._worker(reader).submit(self._ask, attempt)
            return await asyncio.wrap_future(future)
        except AgentError as error:
            attempt.log(error, "asked again, at most three times")
            return None

    def _ask(self, attempt: CardAttempt) -> CardDriver | None:
        self._attempts[attempt.reader] = attempt
        connection = attempt.connection = ObservedConnection(self._provider.open(attempt.reader))
        try:
            return self._registry.probe(connection)
        finally:
            connection.close()

    def _mark_unsupported(self, state: ReaderState) -> None:
        """Remember it of the card that was asked, not of one that has taken its place since."""
        seat = self._seats.get(state.name)
        if seat is not None and seat.state == state and seat.view.state is CardPresence.CARD:
            view = replace(seat.view, state=CardPresence.UNSUPPORTED)
            self._note(seat, replace(seat, view=view))

    def _worker(self, reader: str) -> Worker:
        worker = self._workers.get(reader)
        if worker is None:
            worker = self._workers[reader] = Worker(f"reader {reader}")
        return worker

    def _publish(self) -> None:
        seats, working = self._seats.values(), self._at_work > 0
        self._snapshot = seen(seats, self._snapshot, working=working)
        for changed in tuple(self._watchers):
            changed()

    def _announce(self, name: str, view: ReaderView | None) -> None:
        event = Event(name, view, self._snapshot.service_available)
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)


def _look(card: Card, nobody_waits: threading.Event) -> None:
    del card, nobody_waits  # it has told its number by then
