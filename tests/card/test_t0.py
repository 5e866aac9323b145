"""Behind a T=0 reader: 61xx, 6Cxx, GET RESPONSE."""

import pytest

from agent.virtualcard.model import Options
from tests.card.conftest import CardFactory
from tests.card.wire import HOST_CHALLENGE, SUCCESS, Gen1Wire, Gen2Wire, protected


@pytest.fixture
def wire(make_gen1_card: CardFactory) -> Gen1Wire:
    return Gen1Wire(make_gen1_card(options=Options(t0=True)))


def select_serial(wire: Gen1Wire) -> bytes:
    for fid in ("3F00", "0900", "0903"):
        assert wire.sw(f"80A4000002{fid}") == SUCCESS
    return wire.card.data.serial.encode()


def test_a_wrong_le_is_answered_with_the_right_one(wire: Gen1Wire) -> None:
    serial = select_serial(wire)
    assert wire.send("80B00000C8") == (b"", 0x6C10)
    assert wire.send("80B0000010") == (serial, SUCCESS)
    assert wire.send("80B000000A") == (serial[:10], SUCCESS)


def test_the_right_le_was_for_that_command_only(wire: Gen1Wire) -> None:
    select_serial(wire)
    assert wire.sw("80B00000C8") == 0x6C10
    assert wire.sw("80B0FFFF10") == 0x6A86
    assert wire.sw("80C0000010") == 0x6D00


def test_a_command_with_data_has_its_response_fetched(wire: Gen1Wire) -> None:
    wire.enter_keys()
    assert wire.sw(protected("123456")) == SUCCESS
    assert wire.sw("80EA820180" + "00" * 128) == SUCCESS
    assert wire.send("80EA020180" + "00" * 127 + "02") == (b"", 0x6180)
    assert wire.send("80C00000FF") == (b"", 0x6C80)
    first, sw = wire.send("80C0000050")
    assert (len(first), sw) == (80, 0x6130)
    second, sw = wire.send("80C0000030")
    assert (len(second), sw) == (48, SUCCESS)
    rest, sw = wire.send("80C1008080")
    assert (len(rest), sw) == (128, SUCCESS)
    key = wire.card.data.keys[0].key
    assert first + second + rest == key.private_operation(bytes(255) + b"\x02")


def test_the_second_half_survives_a_wrong_le(wire: Gen1Wire) -> None:
    wire.enter_keys()
    wire.sw(protected("123456"))
    wire.sw("80EA820180" + "00" * 128)
    assert wire.sw("80EA020180" + "00" * 127 + "02") == 0x6180
    assert wire.sw("80C0000080") == SUCCESS
    assert wire.sw("80C1008000") == 0x6C80
    assert len(wire.send("80C1008080")[0]) == 128


def test_a_response_that_nobody_fetched_is_gone(wire: Gen1Wire) -> None:
    wire.enter_keys()
    wire.sw(protected("123456"))
    wire.sw("80EA820180" + "00" * 128)
    assert wire.sw("80EA020180" + "00" * 127 + "02") == 0x6180
    assert wire.sw("80A40000023F00") == SUCCESS
    assert wire.sw("80C0000080") == 0x6D00


def test_a_reset_drops_it_too(wire: Gen1Wire) -> None:
    wire.enter_keys()
    wire.sw(protected("123456"))
    wire.sw("80EA820180" + "00" * 128)
    assert wire.sw("80EA020180" + "00" * 127 + "02") == 0x6180
    wire.card.reset()
    assert wire.sw("80C0000080") == 0x6D00


@pytest.mark.parametrize("command", ["80C0000010AA", "80C00001", "80C0010010", "80C00000"])
def test_a_get_response_that_is_none(wire: Gen1Wire, command: str) -> None:
    wire.enter_keys()
    wire.sw(protected("123456"))
    wire.sw("80EA820180" + "00" * 128)
    assert wire.sw("80EA020180" + "00" * 127 + "02") == 0x6180
    assert wire.sw(command) == 0x6700


def test_initialize_update_of_gen2(make_gen2_card: CardFactory) -> None:
    wire = Gen2Wire(make_gen2_card(options=Options(t0=True)))
    wire.select_applet()
    assert wire.send(f"8050010008{HOST_CHALLENGE.hex()}00") == (b"", 0x611D)
    assert len(wire.send("80C000001D")[0]) == 29
