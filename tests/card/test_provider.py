"""The in-process door: what is beyond the contract that all providers share (tests/pcsc)."""

import threading
from collections.abc import Callable, Iterator

import pytest

from agent.errors import (
    BadRequestError,
    CardRemovedError,
    MuteCardError,
    NoReaderError,
    ServiceUnavailableError,
    SharingViolationError,
    TransportError,
)
from agent.virtualcard.model import Faults, Options
from agent.virtualcard.provider import VirtualProvider
from tests.card.conftest import CardFactory

FIRST = "Ankong Virtual Reader 0"
SELECT_MF = bytes.fromhex("80A40000023F00")
PATIENCE = 30.0


@pytest.fixture
def provider() -> Iterator[VirtualProvider]:
    provider = VirtualProvider()
    yield provider
    provider.close()


def in_thread(action: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(action())
        except Exception as error:  # noqa: BLE001  # the test looks at it
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, outcome


def test_readers_come_and_go(provider: VirtualProvider, make_gen1_card: CardFactory) -> None:
    second = provider.add_reader()
    assert second == "Ankong Virtual Reader 1"
    assert provider.add_reader("桌上的讀卡機") == "桌上的讀卡機"
    provider.insert(second, make_gen1_card())
    connection = provider.open(second)
    provider.remove_reader(second)
    assert [state.name for state in provider.readers()] == [FIRST, "桌上的讀卡機"]
    with pytest.raises(CardRemovedError):
        connection.transmit(SELECT_MF)
    with pytest.raises(NoReaderError):
        provider.open(second)
    with pytest.raises(NoReaderError):
        provider.remove_reader(second)
    assert provider.add_reader() == second
    assert not provider.readers()[-1].present


@pytest.mark.parametrize("name", [FIRST, "", "測" * 43])
def test_a_reader_name_that_cannot_be(provider: VirtualProvider, name: str) -> None:
    with pytest.raises(BadRequestError):
        provider.add_reader(name)


def test_one_card_one_reader(provider: VirtualProvider, make_gen1_card: CardFactory) -> None:
    card = make_gen1_card()
    provider.insert(FIRST, card)
    with pytest.raises(BadRequestError):
        provider.insert(FIRST, make_gen1_card())
    second = provider.add_reader()
    with pytest.raises(BadRequestError):
        provider.insert(second, card)
    assert provider.remove(FIRST) is card
    assert provider.remove(FIRST) is None
    provider.insert(second, card)


def test_a_reader_without_service(provider: VirtualProvider, make_gen1_card: CardFactory) -> None:
    provider.insert(FIRST, make_gen1_card())
    known = provider.readers()
    connection = provider.open(FIRST)
    thread, outcome = in_thread(lambda: provider.wait(known, PATIENCE))
    provider.set_service(available=False)
    thread.join(PATIENCE)
    assert isinstance(outcome[0], ServiceUnavailableError)
    with pytest.raises(CardRemovedError):
        connection.transmit(SELECT_MF)
    for call in (provider.readers, lambda: provider.open(FIRST), lambda: provider.wait((), 0)):
        with pytest.raises(ServiceUnavailableError):
            call()
    provider.set_service(available=True)
    assert provider.readers()[0].present
    assert provider.open(FIRST).transmit(SELECT_MF) == (b"", 0x9000)


def test_another_program_has_the_card(
    provider: VirtualProvider, make_gen1_card: CardFactory
) -> None:
    provider.insert(FIRST, make_gen1_card())
    provider.hold(FIRST)
    with pytest.raises(SharingViolationError):
        provider.open(FIRST)
    provider.hold(FIRST, held=False)
    provider.open(FIRST)


def test_a_mute_card_is_seen_and_cannot_be_opened(
    provider: VirtualProvider, make_gen1_card: CardFactory
) -> None:
    provider.insert(FIRST, make_gen1_card(faults=Faults(mute=True)))
    (state,) = provider.readers()
    assert (state.present, state.mute, state.atr) == (True, True, b"")
    with pytest.raises(MuteCardError):
        provider.open(FIRST)


def test_a_card_that_pulls_itself_leaves_the_reader(
    provider: VirtualProvider, make_gen1_card: CardFactory
) -> None:
    provider.insert(FIRST, make_gen1_card(faults=Faults(remove_at=1)))
    before = provider.readers()
    connection = provider.open(FIRST)
    thread, outcome = in_thread(lambda: provider.wait(before, PATIENCE))
    with pytest.raises(CardRemovedError):
        connection.transmit(SELECT_MF)
    with pytest.raises(CardRemovedError):
        connection.transmit(SELECT_MF)
    thread.join(PATIENCE)
    assert outcome[0] == provider.readers()
    assert not provider.readers()[0].present


def test_a_lost_response_is_a_transport_error_and_no_removal(
    provider: VirtualProvider, make_gen1_card: CardFactory
) -> None:
    provider.insert(FIRST, make_gen1_card(faults=Faults(drop_at=1)))
    connection = provider.open(FIRST)
    with pytest.raises(TransportError) as caught:
        connection.transmit(SELECT_MF)
    assert not isinstance(caught.value, CardRemovedError)
    assert connection.transmit(SELECT_MF) == (b"", 0x9000)


def test_a_slow_command_ends_when_the_card_is_pulled(
    provider: VirtualProvider, make_gen1_card: CardFactory
) -> None:
    from tests.card.wire import protected

    provider.insert(FIRST, make_gen1_card(faults=Faults(rsa_delay_ms=60_000)))
    connection = provider.open(FIRST)
    for command in ("80A40000025030", "80A40000020810"):
        connection.transmit(bytes.fromhex(command))
    connection.transmit(protected("123456"))
    connection.transmit(bytes.fromhex("80EA820180") + bytes(128))
    last = bytes.fromhex("80EA020180") + bytes(128)
    thread, outcome = in_thread(lambda: connection.transmit(last))
    provider.remove(FIRST)
    thread.join(PATIENCE)
    assert isinstance(outcome[0], CardRemovedError)


def test_closing_the_provider_ends_everything(
    provider: VirtualProvider, make_gen1_card: CardFactory
) -> None:
    provider.insert(FIRST, make_gen1_card())
    connection = provider.open(FIRST)
    known = provider.readers()
    thread, _ = in_thread(lambda: provider.wait(known, PATIENCE))
    provider.close()
    provider.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    with pytest.raises(CardRemovedError):
        connection.transmit(SELECT_MF)
    connection.end(reset=True)
    connection.close()


def test_the_protocol_is_the_reader_s(
    provider: VirtualProvider, make_gen1_card: CardFactory
) -> None:
    provider.insert(FIRST, make_gen1_card())
    assert provider.open(FIRST).protocol == "T=1"
    provider.remove(FIRST)
    provider.insert(FIRST, make_gen1_card(options=Options(t0=True)))
    assert provider.open(FIRST).protocol == "T=0"


def test_the_command_may_be_wiped_afterwards(
    provider: VirtualProvider, make_gen1_card: CardFactory
) -> None:
    card = make_gen1_card()
    card.trace.recording = True
    provider.insert(FIRST, card)
    buffer = bytearray(SELECT_MF)
    provider.open(FIRST).transmit(buffer)
    buffer[:] = bytes(len(buffer))
    assert card.trace.exchanges[0][0] == SELECT_MF
