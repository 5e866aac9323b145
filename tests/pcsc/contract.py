"""What every provider promises, whatever its cards are made of: one suite, run for each of them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Protocol, TypeVar

import pytest

from agent.errors import CardRemovedError, ErrorCode, NoCardError, NoReaderError, TransportError
from agent.transport.base import CardProvider, Connection, ReaderState
from agent.transport.part10 import has_keypad
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import CardData, Faults, Generation

PATIENCE = 20.0  # seconds after which a test gives up; nothing here takes one of them
SELECT_DIRECTORY = bytes.fromhex("80A40000020900")
SELECT_SERIAL = bytes.fromhex("80A40000020903")
READ_SERIAL = bytes.fromhex("80B0000010")
SUCCESS = 0x9000

States = tuple[ReaderState, ...]
T = TypeVar("T")


class Rig(Protocol):
    """A provider with two readers, and the hand that puts cards into them."""

    provider: CardProvider
    names: tuple[str, str]

    def insert(self, slot: int, card: VirtualCard) -> None:
        """Put a card in; the provider may see it a little later."""

    def remove(self, slot: int) -> None:
        """Pull the card out, if there is one."""


def new_card(serial: str = "TEST000000000001", faults: Faults | None = None) -> VirtualCard:
    """Make a gen1 card without keys: the contract needs state, not signatures."""
    data = CardData(Generation.GEN1, serial, b"246813", (), (), faults=faults or Faults())
    card = VirtualCard(data)
    card.trace.recording = True
    return card


def start(function: Callable[[], T]) -> "Future[T]":
    """Run a blocking call in a thread of its own."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001  # the test asks the future
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def until(provider: CardProvider, wanted: Callable[[States], bool]) -> States:
    """Wait, through the provider's own wait, until the readers look as wanted."""
    deadline = time.monotonic() + PATIENCE
    states = provider.readers()
    while not wanted(states):
        left = deadline - time.monotonic()
        assert left > 0, f"never came to pass; last seen: {states}"
        states = provider.wait(states, left)
    return states


def state_of(states: States, name: str) -> ReaderState:
    (found,) = [state for state in states if state.name == name]
    return found


def is_present(name: str, present: bool = True) -> Callable[[States], bool]:
    return lambda states: state_of(states, name).present == present


def insert(rig: Rig, slot: int = 0, card: VirtualCard | None = None) -> VirtualCard:
    """Put a card in and wait until the provider has seen it."""
    card = card or new_card()
    rig.insert(slot, card)
    until(rig.provider, is_present(rig.names[slot]))
    return card


def remove(rig: Rig, slot: int = 0) -> None:
    rig.remove(slot)
    until(rig.provider, is_present(rig.names[slot], False))


def select(connection: Connection) -> None:
    for command in (SELECT_DIRECTORY, SELECT_SERIAL):
        assert connection.transmit(command) == (b"", SUCCESS)


def remembers(connection: Connection) -> bool:
    """Return whether the card still knows what was selected."""
    return connection.transmit(READ_SERIAL)[1] == SUCCESS


class ReaderContract:
    """Looking and waiting."""

    def test_two_empty_readers_are_listed(self, rig: Rig) -> None:
        states = rig.provider.readers()
        assert {state.name for state in states} >= set(rig.names)
        for name in rig.names:
            state = state_of(states, name)
            assert (state.present, state.atr, state.mute) == (False, b"", False)

    def test_an_insertion_wakes_a_waiting_thread(self, rig: Rig) -> None:
        before = rig.provider.readers()
        waiting = start(lambda: rig.provider.wait(before, PATIENCE))
        card = new_card()
        rig.insert(0, card)
        state = state_of(waiting.result(PATIENCE), rig.names[0])
        assert state.present
        assert state.atr == card.atr
        assert not state.mute

    def test_a_removal_wakes_a_waiting_thread(self, rig: Rig) -> None:
        insert(rig)
        before = rig.provider.readers()
        waiting = start(lambda: rig.provider.wait(before, PATIENCE))
        rig.remove(0)
        state = state_of(waiting.result(PATIENCE), rig.names[0])
        assert (state.present, state.atr) == (False, b"")

    def test_what_happened_before_the_wait_is_told_at_once(self, rig: Rig) -> None:
        before = rig.provider.readers()
        insert(rig)
        assert state_of(rig.provider.wait(before, PATIENCE), rig.names[0]).present

    def test_a_card_that_was_exchanged_for_its_like_shows(self, rig: Rig) -> None:
        insert(rig)
        before = state_of(rig.provider.readers(), rig.names[0])
        remove(rig)
        insert(rig)
        after = state_of(rig.provider.readers(), rig.names[0])
        assert (after.present, after.atr) == (before.present, before.atr)
        assert after.insertion != before.insertion

    def test_nothing_happens_until_the_timeout(self, rig: Rig) -> None:
        insert(rig)
        before = rig.provider.readers()
        assert rig.provider.wait(before, 0.2) == before
        assert rig.provider.wait(before, 0) == before

    def test_cancel_wakes_a_waiting_thread(self, rig: Rig) -> None:
        before = rig.provider.readers()
        for pause in (0.0, 0.0001, 0.001, 0.05):
            waiting = start(lambda: rig.provider.wait(before, PATIENCE))
            while not waiting.done():
                time.sleep(pause)
                rig.provider.cancel()
            assert waiting.result() == before

    def test_cancel_without_a_wait_does_nothing_to_the_next(self, rig: Rig) -> None:
        before = rig.provider.readers()
        rig.provider.cancel()
        rig.provider.cancel()
        waiting = start(lambda: rig.provider.wait(before, PATIENCE))
        rig.insert(1, new_card())
        assert state_of(waiting.result(PATIENCE), rig.names[1]).present

    def test_close_ends_a_wait(self, rig: Rig) -> None:
        before = rig.provider.readers()
        waiting = start(lambda: rig.provider.wait(before, PATIENCE))
        while not waiting.done():
            time.sleep(0.01)
            rig.provider.close()
        with suppress(TransportError):
            waiting.result()
        rig.provider.close()

    def test_cards_are_used_while_another_thread_waits(self, rig: Rig) -> None:
        insert(rig)
        before = rig.provider.readers()
        waiting = start(lambda: rig.provider.wait(before, PATIENCE))
        connection = rig.provider.open(rig.names[0])
        select(connection)
        connection.close()
        assert not waiting.done()
        rig.provider.cancel()
        waiting.result(PATIENCE)

    def test_a_mute_card_is_a_state_and_hides_nobody(self, rig: Rig) -> None:
        rig.insert(0, new_card(faults=Faults(mute=True)))
        insert(rig, 1)
        state = state_of(until(rig.provider, is_present(rig.names[0])), rig.names[0])
        assert (state.present, state.mute, state.atr) == (True, True, b"")
        with pytest.raises(TransportError) as refused:
            rig.provider.open(rig.names[0])
        assert refused.value.code is ErrorCode.CARD_MUTE
        select(rig.provider.open(rig.names[1]))


class ConnectionContract:
    """One card, and who may talk to it."""

    def test_opening_nothing_is_refused(self, rig: Rig) -> None:
        for name in ("no such reader", "", "x" * 1000, "a\0b", "\ud800", rig.names[0] + " "):
            with pytest.raises(NoReaderError):
                rig.provider.open(name)
        with pytest.raises(NoCardError):
            rig.provider.open(rig.names[0])

    def test_bytes_go_through_as_they_are(self, rig: Rig) -> None:
        longest = bytes.fromhex("80A4000000") + b"\xff"
        answers = {1: bytes(range(256)) + b"\x61\x23", 2: b"\x6c\x10", 3: b"\xff\x00" * 64}
        card = insert(rig, card=new_card(faults=Faults(replace=answers)))
        connection = rig.provider.open(rig.names[0])
        assert connection.atr == card.atr
        assert connection.protocol == "T=1"
        assert connection.transmit(b"\x00\xc0\x00\x00") == (bytes(range(256)), 0x6123)
        assert connection.transmit(longest) == (b"", 0x6C10)
        body = bytearray(b"\x80\xd6\x00\x00\xff" + bytes(range(255)) + b"\x00")
        assert connection.transmit(body) == ((b"\xff\x00" * 64)[:-2], 0xFF00)
        assert [command for command, _ in card.trace.exchanges] == [
            b"\x00\xc0\x00\x00",
            longest,
            bytes(body),
        ]

    def test_one_call_is_one_command(self, rig: Rig) -> None:
        card = insert(rig)
        connection = rig.provider.open(rig.names[0])
        select(connection)
        connection.begin()
        assert connection.transmit(READ_SERIAL) == (b"TEST000000000001", SUCCESS)
        connection.end(reset=True)
        connection.close()
        assert card.trace.commands == 3

    def test_asking_the_reader_about_itself_leaves_the_card_alone(self, rig: Rig) -> None:
        card = insert(rig)
        connection = rig.provider.open(rig.names[0])
        select(connection)
        before = card.trace.commands
        assert not has_keypad(connection.features() or b"")
        assert card.trace.commands == before
        assert remembers(connection)

    def test_a_buffer_can_be_wiped_after_sending(self, rig: Rig) -> None:
        card = insert(rig)
        connection = rig.provider.open(rig.names[0])
        command = bytearray(SELECT_DIRECTORY)
        connection.transmit(command)
        command[:] = bytes(len(command))
        assert card.trace.exchanges[0][0] == SELECT_DIRECTORY

    def test_two_readers_at_once_do_not_mix(self, rig: Rig) -> None:
        serials = ("TEST000000000001", "TEST000000000002")
        for slot, serial in enumerate(serials):
            insert(rig, slot, new_card(serial))

        def read(slot: int) -> set[bytes]:
            connection = rig.provider.open(rig.names[slot])
            connection.begin()
            select(connection)
            read = {connection.transmit(READ_SERIAL)[0] for _ in range(50)}
            connection.end(reset=True)
            connection.close()
            return read

        reading = [start(lambda slot=slot: read(slot)) for slot in (0, 1)]
        for serial, future in zip(serials, reading, strict=True):
            assert future.result(PATIENCE) == {serial.encode()}

    def test_a_transaction_on_one_reader_leaves_the_other_alone(self, rig: Rig) -> None:
        insert(rig, 0)
        insert(rig, 1)
        first = rig.provider.open(rig.names[0])
        second = rig.provider.open(rig.names[1])
        first.begin()
        second.begin()
        select(second)
        second.end(reset=True)
        first.end(reset=True)

    def test_reset_makes_the_card_forget(self, rig: Rig) -> None:
        insert(rig)
        connection = rig.provider.open(rig.names[0])
        select(connection)
        assert remembers(connection)
        connection.reset()
        assert not remembers(connection)
        select(connection)

    def test_ending_with_a_reset_makes_the_card_forget(self, rig: Rig) -> None:
        insert(rig)
        connection = rig.provider.open(rig.names[0])
        connection.begin()
        select(connection)
        connection.end(reset=True)
        assert not remembers(connection)
        connection.begin()
        select(connection)
        connection.end(reset=True)
        connection.begin()
        assert not remembers(connection)
        connection.end(reset=False)

    def test_ending_without_a_reset_leaves_the_card_as_it_is(self, rig: Rig) -> None:
        insert(rig)
        connection = rig.provider.open(rig.names[0])
        connection.begin()
        select(connection)
        connection.end(reset=False)
        assert remembers(connection)

    def test_ending_what_was_not_begun_does_nothing(self, rig: Rig) -> None:
        insert(rig)
        connection = rig.provider.open(rig.names[0])
        select(connection)
        connection.end(reset=True)
        assert remembers(connection)

    def test_closing_leaves_the_card_as_it_is(self, rig: Rig) -> None:
        insert(rig)
        first = rig.provider.open(rig.names[0])
        second = rig.provider.open(rig.names[0])
        select(first)
        first.close()
        assert remembers(second)

    def test_a_closed_connection_is_closed(self, rig: Rig) -> None:
        card = insert(rig)
        connection = rig.provider.open(rig.names[0])
        connection.close()
        connection.close()
        connection.end(reset=True)
        for use in (
            lambda: connection.transmit(READ_SERIAL),
            connection.features,
            connection.begin,
            connection.reset,
        ):
            with pytest.raises(TransportError):
                use()
        assert card.trace.commands == 0


class TransactionContract:
    """Two connections to one card."""

    def test_a_transaction_keeps_commands_out(self, rig: Rig) -> None:
        card = insert(rig)
        first = rig.provider.open(rig.names[0])
        second = rig.provider.open(rig.names[0])
        first.begin()
        select(first)
        intruder = start(lambda: second.transmit(bytes.fromhex("80A40000023F00")))
        time.sleep(0.2)  # time enough to intrude
        assert first.transmit(READ_SERIAL) == (b"TEST000000000001", SUCCESS)
        assert not intruder.done()
        first.end(reset=False)
        assert intruder.result(PATIENCE) == (b"", SUCCESS)
        assert card.trace.exchanges[-1][0].endswith(b"\x3f\x00")

    def test_a_transaction_keeps_transactions_out(self, rig: Rig) -> None:
        insert(rig)
        first = rig.provider.open(rig.names[0])
        second = rig.provider.open(rig.names[0])
        first.begin()
        begun = start(second.begin)
        time.sleep(0.2)
        first.reset()  # a reset ends no transaction
        select(first)
        assert remembers(first)
        assert not begun.done()
        first.end(reset=True)
        begun.result(PATIENCE)
        assert not remembers(second)
        second.end(reset=True)

    def test_a_transaction_begins_after_the_reset_of_another(self, rig: Rig) -> None:
        insert(rig)
        first = rig.provider.open(rig.names[0])
        second = rig.provider.open(rig.names[0])
        for resetting, beginning in ((first, second), (second, first), (first, second)):
            resetting.begin()
            select(resetting)
            resetting.end(reset=True)
            beginning.begin()
            assert not remembers(beginning)
            select(beginning)
            beginning.end(reset=False)
        first.begin()
        first.reset()
        first.end(reset=False)
        second.begin()
        select(second)
        second.end(reset=True)

    def test_closing_lets_a_transaction_go(self, rig: Rig) -> None:
        insert(rig)
        first = rig.provider.open(rig.names[0])
        second = rig.provider.open(rig.names[0])
        first.begin()
        begun = start(second.begin)
        first.close()
        begun.result(PATIENCE)
        select(second)
        second.end(reset=True)


class RemovalContract:
    """The hand is quicker than the program."""

    def test_a_pulled_card_is_dead_for_ever(self, rig: Rig) -> None:
        insert(rig)
        connection = rig.provider.open(rig.names[0])
        select(connection)
        remove(rig)
        self._assert_dead(connection)
        insert(rig)
        self._assert_dead(connection)
        again = rig.provider.open(rig.names[0])
        select(again)
        connection.close()
        assert remembers(again)

    def test_a_card_pulled_in_a_transaction_frees_the_reader(self, rig: Rig) -> None:
        insert(rig)
        connection = rig.provider.open(rig.names[0])
        connection.begin()
        select(connection)
        rig.remove(0)
        self._assert_dead(connection)
        until(rig.provider, is_present(rig.names[0], False))
        connection.end(reset=True)
        insert(rig)
        again = rig.provider.open(rig.names[0])
        again.begin()
        select(again)
        again.end(reset=True)
        connection.end(reset=True)
        connection.close()

    def test_ending_the_transaction_of_a_pulled_card_never_raises(self, rig: Rig) -> None:
        insert(rig)
        connection = rig.provider.open(rig.names[0])
        connection.begin()
        remove(rig)
        connection.end(reset=True)
        connection.close()
        insert(rig)
        again = rig.provider.open(rig.names[0])
        again.begin()
        again.end(reset=True)

    def test_a_card_pulled_in_the_middle_of_a_command(self, rig: Rig) -> None:
        insert(rig, card=new_card(faults=Faults(remove_at=3)))
        connection = rig.provider.open(rig.names[0])
        connection.begin()
        select(connection)
        self._assert_dead(connection)
        connection.end(reset=True)
        rig.remove(0)
        until(rig.provider, is_present(rig.names[0], False))
        self._assert_dead(connection)
        insert(rig)
        select(rig.provider.open(rig.names[0]))

    def test_the_other_reader_does_not_notice(self, rig: Rig) -> None:
        insert(rig, 0)
        insert(rig, 1)
        connection = rig.provider.open(rig.names[1])
        connection.begin()
        select(connection)
        remove(rig, 0)
        assert remembers(connection)
        connection.end(reset=True)

    @staticmethod
    def _assert_dead(connection: Connection) -> None:
        for use in (
            lambda: connection.transmit(READ_SERIAL),
            connection.features,
            connection.begin,
            connection.reset,
        ):
            with pytest.raises(CardRemovedError):
                use()


class ProviderContract(ReaderContract, ConnectionContract, TransactionContract, RemovalContract):
    """All of it."""
