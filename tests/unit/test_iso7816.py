"""Commands, status words and data objects: round trips, boundaries, and nonsense refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.iso7816 import (
    SW,
    CommandApdu,
    CommandFormatError,
    ExtendedApdu,
    attempts_from_sw,
    bytes_available,
    correct_le,
    tlv,
)
from agent.iso7816.historical_bytes import takes_extended_length

byte = st.integers(0, 255)
commands = st.builds(
    CommandApdu,
    byte,
    byte,
    byte,
    byte,
    st.binary(max_size=255),
    st.none() | st.integers(1, 256),
)


@given(commands)
def test_a_command_survives_coding_and_reading(command: CommandApdu) -> None:
    assert CommandApdu.parse(command.encode()) == command


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_or_refused(raw: bytes) -> None:
    try:
        command = CommandApdu.parse(raw)
    except CommandFormatError:
        return
    assert command.encode() == raw


@pytest.mark.parametrize(
    ("command", "coded"),
    [
        (CommandApdu(0, 0xA4, 4, 0), "00A40400"),
        (CommandApdu(0x80, 0xB0, 0, 0, le=0xC8), "80B00000C8"),
        (CommandApdu(0x80, 0xA4, 0, 0, b"\x3f\x00"), "80A40000023F00"),
        (CommandApdu(0, 0xA4, 0, 4, b"\x50\x30", 256), "00A4000402503000"),
    ],
    ids=["case 1", "case 2", "case 3", "case 4"],
)
def test_the_four_iso_cases(command: CommandApdu, coded: str) -> None:
    assert command.encode().hex().upper() == coded


@pytest.mark.parametrize(
    "fields",
    [(256, 0, 0, 0), (0, 0, 0, -1), (0, 0, 0, 0, bytes(256)), (0, 0, 0, 0, b"", 257)],
)
def test_what_cannot_be_coded_is_refused(fields: tuple[int, int, int, int]) -> None:
    with pytest.raises(CommandFormatError):
        CommandApdu(*fields)


@pytest.mark.parametrize(
    "raw", ["", "00A404", "00A404000000", "00A404000200", "00A40400013F0000", "00A40400023F000000"]
)
def test_a_body_that_lc_does_not_fit_is_refused(raw: str) -> None:
    with pytest.raises(CommandFormatError):
        CommandApdu.parse(bytes.fromhex(raw))


def test_the_bounds_of_le_and_of_a_byte() -> None:
    assert CommandApdu(255, 255, 255, 255, bytes(255), 1).encode()[-1] == 1
    assert CommandApdu.parse(bytes.fromhex("00B0000000")).le == 256
    assert CommandApdu.parse(bytes.fromhex("00A40400013F00")).le == 256
    for fields in ((0, 0, 0, 0, b"", 0), (0, -1, 0, 0), (0, 0, 256, 0)):
        with pytest.raises(CommandFormatError):
            CommandApdu(*fields)


@pytest.mark.parametrize(
    ("command", "coded"),
    [
        (ExtendedApdu(0, 0xCB, 0, 0, le=0x10000), "00CB0000 00 0000"),
        (ExtendedApdu(0, 0x87, 7, 0x9C, b"\x7c\x00"), "0087079C 00 0002 7C00"),
        (ExtendedApdu(0, 0x87, 7, 0x9C, b"\x7c\x00", 0x0210), "0087079C 00 0002 7C00 0210"),
    ],
    ids=["case 2", "case 3", "case 4"],
)
def test_the_extended_iso_cases(command: ExtendedApdu, coded: str) -> None:
    raw = bytes.fromhex(coded)
    assert command.encode() == raw
    assert ExtendedApdu.parse(raw) == command
    assert ExtendedApdu.is_form_of(raw)
    with pytest.raises(CommandFormatError):
        CommandApdu.parse(raw)
    with pytest.raises(CommandFormatError):
        ExtendedApdu.parse(raw[:-1])


@given(st.binary(max_size=600))
def test_any_bytes_are_an_extended_command_or_refused(raw: bytes) -> None:
    raw = raw[:4] + b"\x00" + raw[5:]
    try:
        command = ExtendedApdu.parse(raw)
    except CommandFormatError:
        return
    assert command.encode() == raw


@given(commands)
def test_no_short_command_is_one_of_extended_length(command: CommandApdu) -> None:
    assert not ExtendedApdu.is_form_of(command.encode())


@pytest.mark.parametrize(
    "fields", [(0, 0, 0, 0), (0, 0, 0, 256, b"", 1), (0, 0, 0, 0, bytes(0x10000)),
               (0, 0, 0, 0, b"", 0x10001), (0, 0, 0, 0, b"", 0)], ids=range(5)
)  # fmt: skip
def test_what_no_extended_command_can_have_is_refused(fields: tuple[int, int, int, int]) -> None:
    with pytest.raises(CommandFormatError):
        ExtendedApdu(*fields)


@pytest.mark.parametrize(
    ("atr", "promised"),
    [
        ("3BFD1300008131FE158073C021C057597562694B657940", True),  # a common token
        ("3B8C01 8073C001C0 56414E4B504956 22", True),  # ours
        ("3B8C01 8073C00180 56414E4B504956 62", False),
        ("3B88 8001 8073C021C05700 00", True),  # contactless, as PC/SC makes it up
        ("3B08 0073C021C0 000000", True),  # three bytes of status follow
        ("3B05 0073C021C0", False),  # of which these would be some
        ("3B04 80 7200C0", False),  # two bytes of capabilities
        ("3B05 10 73C021C0", False),  # another category
        ("3B04 80 73C021", False),  # cut short
        ("3B8F", False),
        ("3BFFFFFF", False),
        ("3B", False),
        ("", False),
    ],
)
def test_what_a_card_promises_in_its_historical_bytes(atr: str, promised: bool) -> None:
    assert takes_extended_length(bytes.fromhex(atr)) == promised


@given(st.binary(max_size=33))
def test_any_atr_promises_something_or_nothing(atr: bytes) -> None:
    assert takes_extended_length(atr) in (True, False)


@pytest.mark.parametrize(
    ("raw", "tag", "constructed"),
    [
        ("3000", 0x30, True),
        ("0400", 0x04, False),
        ("7F4900", 0x7F49, True),
        ("5F2000", 0x5F20, False),
        ("FF0100", 0xFF01, True),
        ("FF810100", 0xFF8101, True),
        ("9F810100", 0x9F8101, False),
        ("E000", 0xE0, True),
    ],
)
def test_a_tag_says_whether_there_are_objects_inside(
    raw: str, tag: int, *, constructed: bool
) -> None:
    item = tlv.read_one(bytes.fromhex(raw))
    assert (item.tag, item.constructed, item.size) == (tag, constructed, len(raw) // 2)


def test_a_command_does_not_show_its_data() -> None:
    assert "313233" not in repr(CommandApdu(0, 0x20, 0, 1, b"123456"))
    assert "123456" not in repr(CommandApdu(0, 0x20, 0, 1, b"123456"))


@pytest.mark.parametrize(
    ("sw", "left"), [(0x63C2, 2), (0x63C0, 0), (0x6983, 0), (0x9000, None), (0x6300, None)]
)
def test_attempts_left(sw: int, left: int | None) -> None:
    assert attempts_from_sw(sw) == left


def test_61xx_and_6cxx_mean_256_for_zero() -> None:
    assert (bytes_available(0x6100), bytes_available(0x6110)) == (256, 16)
    assert (correct_le(0x6C00), correct_le(0x6C10)) == (256, 16)
    assert bytes_available(SW.SUCCESS) is correct_le(SW.SUCCESS) is None


@pytest.mark.parametrize("length", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF])
def test_a_data_object_survives_every_length_form(length: int) -> None:
    coded = tlv.encode(0x30, bytes(length))
    item = tlv.read_one(coded)
    assert (item.tag, len(item.value), item.size) == (0x30, length, len(coded))
    with pytest.raises(tlv.TlvIncompleteError) as error:
        tlv.read_one(coded[:-1])
    assert error.value.missing == 1


@pytest.mark.parametrize(
    ("length", "head"),
    [(0, "3000"), (0x7F, "307F"), (0x80, "308180"), (0xFF, "3081FF"), (0x100, "30820100")],
)
def test_a_length_is_written_in_its_shortest_form(length: int, head: str) -> None:
    assert tlv.encode(0x30, bytes(length))[: len(head) // 2].hex().upper() == head
    with pytest.raises(tlv.TlvError):
        tlv.encode(0x30, bytes(0x10000))


@pytest.mark.parametrize(
    "raw", ["3080", "3085FFFFFFFFFF", "3084FFFFFFFF00", "1FFFFFFF01", "30830100000000"]
)
def test_absurd_data_objects_are_refused_at_once(raw: str) -> None:
    with pytest.raises(tlv.TlvError) as error:
        tlv.read_one(bytes.fromhex(raw))
    assert not isinstance(error.value, tlv.TlvIncompleteError)


@given(st.binary(max_size=64))
def test_any_bytes_are_data_objects_or_refused(raw: bytes) -> None:
    try:
        items = list(tlv.read_all(raw))
    except tlv.TlvError:
        return
    assert sum(item.size for item in items) == len(raw)
