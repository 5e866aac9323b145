"""The first generation is strict: what a real card refuses, this one refuses."""

from collections.abc import Callable

import pytest

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Options
from tests.card.wire import IV, SELECT_APPLET, SUCCESS, Gen1Wire, protected

CardFactory = Callable[..., VirtualCard]


@pytest.mark.parametrize(
    "command", [SELECT_APPLET, "00A40000023F00", "00B0000010", "0020000106313233343536", "0CA4"]
)
def test_another_class_byte_is_refused_and_costs_nothing(gen1: Gen1Wire, command: str) -> None:
    assert gen1.sw(command) in (0x6E00, 0x6700)
    assert gen1.card.data.attempts_left == 3


def test_select_by_name_is_answered_as_a_class_that_is_not_supported(gen1: Gen1Wire) -> None:
    assert gen1.sw(SELECT_APPLET) == 0x6E00


def test_only_a_verify_may_be_protected(gen1: Gen1Wire) -> None:
    assert gen1.sw("8CA40000023F00") == 0x6882


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("80", 0x6700),
        ("80A4000003500030", 0x6700),
        ("80A40400023F00", 0x6A86),
        ("80A4000C023F00", 0x6A86),
        ("80A40000015030", 0x6700),
        ("80A400000250150031", 0x6700),
        ("80A40000025015", 0x6A82),
        ("80A40000025031", 0x6A82),
        ("80CA004500", 0x6D00),
        ("80B0000010", 0x6986),
    ],
)
def test_malformed_and_unknown_commands(gen1: Gen1Wire, command: str, sw: int) -> None:
    assert gen1.sw(command) == sw


def test_a_child_a_sibling_and_the_current_directory_can_be_selected(gen1: Gen1Wire) -> None:
    for fid in ("0900", "5030", "5030", "4104", "4100", "0810", "0811", "0810", "08F2", "4104"):
        assert gen1.sw(f"80A4000002{fid}") == SUCCESS, fid


def test_neither_the_parent_nor_a_cousin_can_be_selected(gen1: Gen1Wire) -> None:
    gen1.enter_keys()
    assert gen1.sw("80A40000025030") == 0x6A82
    assert gen1.sw("80A40000020903") == 0x6A82


def test_a_select_that_failed_changes_nothing(gen1: Gen1Wire) -> None:
    gen1.read("3F00", "0900", "0903")
    assert gen1.sw("80A4000002BEEF") == 0x6A82
    assert gen1.sw("80B0000010") == SUCCESS


def test_reading_at_and_past_the_end(gen1: Gen1Wire) -> None:
    serial = gen1.card.data.serial.encode()
    assert gen1.read("3F00", "0900", "0903") == serial
    assert gen1.send("80B0000010") == (serial, SUCCESS)
    assert gen1.send("80B0000011") == (serial, 0x6282)
    assert gen1.send("80B0000A00") == (serial[10:], 0x6282)
    assert gen1.send("80B0001001") == (b"", 0x6B00)
    assert gen1.send("80B07FFF01") == (b"", 0x6B00)
    assert gen1.send("80B0800001") == (b"", 0x6A86)
    assert gen1.send("80B00000") == (b"", 0x6700)
    assert gen1.send("80B000000141") == (b"", 0x6700)


def test_records_are_not_read_as_bytes_nor_bytes_as_records(gen1: Gen1Wire) -> None:
    gen1.enter_keys()
    assert gen1.sw("80A40000020811") == SUCCESS
    assert gen1.sw("80B0000010") == 0x6981
    gen1.read("3F00", "0900", "0903")
    assert gen1.sw("80B2010081") == 0x6981


def test_public_key_records_have_their_words_in_reverse_order(gen1: Gen1Wire) -> None:
    gen1.enter_keys()
    assert gen1.sw("80A40000020811") == SUCCESS
    for key in gen1.card.data.keys:
        records = []
        for number in (key.reference, key.reference + 2, key.reference + 3):
            record, sw = gen1.send(f"80B2{number:02X}0081")
            assert (sw, record[0], len(record)) == (SUCCESS, number, 129)
            records.append(record[1:])
        assert int.from_bytes(records[0][:4], "big") == key.key.exponent
        stored = records[1] + records[2]
        words = [stored[i : i + 4] for i in range(0, 256, 4)]
        assert b"".join(words[::-1]) == key.key.modulus


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("80B2020081", 0x6A83),
        ("80B2FF0081", 0x6A83),
        ("80B2010481", 0x6A86),
        ("80B2010010", 0x6C81),
        ("80B20100", 0x6700),
        ("80B2010000", SUCCESS),
    ],
)
def test_records_that_are_asked_for_wrongly(gen1: Gen1Wire, command: str, sw: int) -> None:
    gen1.enter_keys()
    gen1.sw("80A40000020811")
    assert gen1.sw(command) == sw


@pytest.mark.parametrize(
    "command", ["8020000106313233343536", "802000010A313233343536FFFFFFFF", "80200001"]
)
def test_a_plain_verify_costs_an_attempt_even_with_the_right_pin(
    gen1: Gen1Wire, command: str
) -> None:
    gen1.enter_keys()
    assert [gen1.sw(command) for _ in range(4)] == [0x63C2, 0x63C1, 0x6983, 0x6983]
    assert gen1.verify("123456") == 0x6983
    assert gen1.card.data.attempts_left == 0


@pytest.mark.parametrize("reference", ["00", "02", "81"])
def test_there_is_one_pin_reference(gen1: Gen1Wire, reference: str) -> None:
    gen1.enter_keys()
    command = protected("654321")
    assert gen1.sw(command[:3] + bytes.fromhex(reference) + command[4:]) == 0x6A88
    assert gen1.card.data.attempts_left == 3


def test_the_pin_belongs_to_the_key_directory(gen1: Gen1Wire) -> None:
    assert gen1.verify("123456") == 0x6985
    assert gen1.sw("80A40000025030") == SUCCESS
    assert gen1.verify("123456") == 0x6985
    gen1.enter_keys()
    assert gen1.verify("123456") == SUCCESS


def test_a_protected_verify_of_another_length_costs_nothing(gen1: Gen1Wire) -> None:
    gen1.enter_keys()
    assert gen1.sw(bytes.fromhex("8C20000118") + bytes(24)) == 0x6700
    assert gen1.card.data.attempts_left == 3


@pytest.mark.parametrize("position", [16, 21, 29, 36])
def test_a_forged_verify_is_not_taken_for_a_pin(gen1: Gen1Wire, position: int) -> None:
    gen1.enter_keys()
    forged = bytearray(protected("123456"))
    forged[position] ^= 1
    assert gen1.sw(bytes(forged)) == 0x6988
    assert gen1.card.data.attempts_left == 3


def test_a_changed_iv_is_a_changed_pin(gen1: Gen1Wire) -> None:
    # The card's scheme does not protect its IV: the change goes through to the PIN, and costs.
    gen1.enter_keys()
    forged = bytearray(protected("123456"))
    forged[5] ^= 1
    assert gen1.sw(bytes(forged)) == 0x63C2
    assert gen1.verify("023456") == 0x63C1
    forged = bytearray(protected("023456"))
    forged[5] ^= 1
    assert gen1.sw(bytes(forged)) == SUCCESS


def test_the_older_pin_key_is_asked_for_by_a_status_word(make_gen1_card: CardFactory) -> None:
    old = Gen1Wire(make_gen1_card(options=Options(old_pin_label=True)))
    old.enter_keys()
    assert old.sw(protected("123456", IV)) == 0x6A88
    assert old.card.data.attempts_left == 3


def test_one_pin_allows_several_signatures(gen1: Gen1Wire) -> None:
    gen1.enter_keys()
    assert gen1.verify("123456") == SUCCESS
    assert gen1.sign(bytes(255) + b"\x02") == gen1.sign(bytes(255) + b"\x02")


def test_or_only_one_if_the_card_is_made_so(make_gen1_card: CardFactory) -> None:
    wire = Gen1Wire(make_gen1_card(options=Options(verify_per_signature=True)))
    wire.enter_keys()
    assert wire.verify("123456") == SUCCESS
    wire.sign(bytes(255) + b"\x02")
    assert wire.sw("80EA820180" + "00" * 128) == 0x6982
