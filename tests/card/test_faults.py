"""Faults on order, and the record of what was said."""

import threading
import time
from dataclasses import replace

import pytest

from agent.virtualcard.model import Faults
from agent.virtualcard.status import CardPulledError
from agent.virtualcard.trace import MAX_EXCHANGES, Trace
from tests.card.conftest import CardFactory
from tests.card.wire import SUCCESS, Gen1Wire, Gen2Wire, protected

SELECT_MF = "80A40000023F00"


def test_the_card_is_pulled_at_a_command(make_gen1_card: CardFactory) -> None:
    wire = Gen1Wire(make_gen1_card(faults=Faults(remove_at=2)))
    assert wire.sw(SELECT_MF) == SUCCESS
    with pytest.raises(CardPulledError):
        wire.send(SELECT_MF)
    wire.card.power_on()
    assert wire.sw(SELECT_MF) == SUCCESS


def test_a_response_is_lost_but_the_command_was_carried_out(make_gen1_card: CardFactory) -> None:
    wire = Gen1Wire(make_gen1_card(faults=Faults(drop_at=4)))
    wire.enter_keys()
    assert wire.card.process(protected("654321")) == b""
    assert wire.card.data.attempts_left == 2


def test_a_response_is_replaced(gen1: Gen1Wire) -> None:
    gen1.card.faults = replace(
        gen1.card.faults, replace={gen1.card.trace.commands + 1: b"\x01\x02\x90\x00"}
    )
    assert gen1.send(SELECT_MF) == (b"\x01\x02", SUCCESS)
    assert gen1.send(SELECT_MF) == (b"", SUCCESS)


def test_long_reads_are_refused_by_some_readers(make_gen1_card: CardFactory) -> None:
    wire = Gen1Wire(make_gen1_card(faults=Faults(max_read=16)))
    for fid in ("3F00", "0900", "0903"):
        assert wire.sw(f"80A4000002{fid}") == SUCCESS
    assert wire.send("80B0000011") == (b"", 0x6987)
    assert wire.send("80B0000010") == (wire.card.data.serial.encode(), SUCCESS)


@pytest.mark.parametrize("sw", [0x6D00, 0x6E00])
def test_a_foreign_card_understands_nothing(
    make_card: CardFactory, generation: str, sw: int
) -> None:
    wire = Gen1Wire(make_card(generation, faults=Faults(foreign=sw)))
    for command in (SELECT_MF, protected("654321"), b"", b"\x00"):
        assert wire.sw(command) == sw
    assert wire.card.data.attempts_left == 3


def test_a_mute_card_has_no_answer_to_reset(make_gen1_card: CardFactory) -> None:
    assert make_gen1_card(faults=Faults(mute=True)).atr == b""
    assert make_gen1_card().atr == bytes.fromhex("3BB813008131FA524348544D4F494341A5")


def test_a_slow_card_can_be_pulled_while_it_works(make_gen1_card: CardFactory) -> None:
    wire = Gen1Wire(make_gen1_card(faults=Faults(rsa_delay_ms=60_000)))
    wire.enter_keys()
    assert wire.verify("123456") == SUCCESS
    pulled = threading.Event()

    def sign() -> None:
        with pytest.raises(CardPulledError):
            wire.sign(bytes(256))
        pulled.set()

    thread = threading.Thread(target=sign)
    thread.start()
    wire.card.pull()
    thread.join(30)
    assert pulled.is_set()


def test_a_slow_card_takes_its_time(make_gen1_card: CardFactory) -> None:
    wire = Gen1Wire(make_gen1_card(faults=Faults(rsa_delay_ms=80)))
    wire.enter_keys()
    wire.verify("123456")
    begun = time.monotonic()
    wire.sign(bytes(256))
    assert time.monotonic() - begun >= 0.08


def test_every_exchange_is_counted(gen1: Gen1Wire) -> None:
    gen1.send(SELECT_MF)
    gen1.send("80A40000020900")
    gen1.send("80")
    trace = gen1.card.trace
    assert (trace.commands, trace.bytes_in, trace.bytes_out) == (3, 15, 6)
    assert trace.exchanges == []
    trace.clear()
    assert (trace.commands, trace.bytes_in, trace.bytes_out) == (0, 0, 0)


def test_exchanges_are_recorded_on_request(gen1: Gen1Wire) -> None:
    gen1.card.trace.recording = True
    gen1.send(SELECT_MF)
    assert gen1.card.trace.exchanges == [(bytes.fromhex(SELECT_MF), b"\x90\x00")]


@pytest.mark.parametrize(
    "command", ["8020000106313233343536", "8020000131323334353637", "0020313233343536"]
)
def test_a_plain_pin_is_not_recorded(gen1: Gen1Wire, command: str) -> None:
    gen1.card.trace.recording = True
    gen1.send(command)
    (recorded, _) = gen1.card.trace.exchanges[0]
    assert recorded[:5] == bytes.fromhex(command)[:5]
    assert recorded[5:] == bytes(len(recorded) - 5)


def test_a_protected_pin_is_not_recorded_either(gen1: Gen1Wire, gen2: Gen2Wire) -> None:
    for wire in (gen1, gen2):
        wire.card.trace.recording = True
        if isinstance(wire, Gen2Wire):
            wire.open_channel()
        wire.enter_keys()
        wire.verify("123456")
        command, response = wire.card.trace.exchanges[-1]
        assert not command[5:].strip(b"\x00")
        assert response == b"\x90\x00"


def test_a_recording_does_not_grow_for_ever() -> None:
    trace = Trace(recording=True, exchanges=[(b"", b"")] * MAX_EXCHANGES)
    trace.add(b"\x80\xa4", b"\x67\x00")
    assert len(trace.exchanges) == MAX_EXCHANGES
    assert trace.bytes_in == 2
