"""Response chaining: bounded in bytes and in rounds; and a PIN that is sent once."""

import pytest

from agent.errors import CardError, CardRemovedError
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.transport.chaining import ApduChannel
from tests.unit.cards.scripted import ScriptedConnection, always, answers

SELECT = CommandApdu(0x80, 0xA4, 0, 0, b"\x3f\x00")
READ = CommandApdu(0x80, 0xB0, 0, 0, le=200)


def sent(connection: ScriptedConnection) -> list[str]:
    return [raw.hex().upper() for raw in connection.sent]


@pytest.mark.parametrize(
    "status", [0x6C00, 0x6C0A, 0x6CFF, 0x6100, 0x6110, 0x6700, 0x6985, 0x63C2, 0x9000]
)
def test_a_pin_is_sent_once_whatever_the_card_answers(status: int) -> None:
    connection = always(status.to_bytes(2, "big"))
    channel = ApduChannel(connection)
    secret = SecretBytes(bytearray.fromhex("0020000106313233343536"))
    assert channel.send_secret(secret) == status
    assert sent(connection) == ["0020000106313233343536"]
    assert channel.commands == 1
    assert not any(secret.buffer)


def test_a_pin_is_wiped_when_the_card_is_pulled() -> None:
    def pull(_: bytes) -> bytes:
        raise CardRemovedError("pulled")

    secret = SecretBytes(bytearray(b"123456"))
    with pytest.raises(CardRemovedError):
        ApduChannel(ScriptedConnection(pull)).send_secret(secret)
    assert secret.wiped
    assert not any(secret.buffer)


def test_an_answer_without_chaining_is_passed_on() -> None:
    connection = answers("01026282")
    channel = ApduChannel(connection)
    assert channel.send(READ) == (b"\x01\x02", 0x6282)
    assert sent(connection) == ["80B00000C8"]
    assert channel.commands == 1


def test_6cxx_is_followed_by_the_same_command_with_the_right_length() -> None:
    connection = answers("6C10", "AA9000")
    channel = ApduChannel(connection)
    assert channel.send(READ) == (b"\xaa", 0x9000)
    assert sent(connection) == ["80B00000C8", "80B0000010"]
    assert channel.commands == 2


def test_6cxx_is_believed_once() -> None:
    connection = always(b"\x6c\x10")
    assert ApduChannel(connection).send(READ) == (b"", 0x6C10)
    assert len(connection.sent) == 2


def test_what_came_with_6cxx_is_no_part_of_the_response() -> None:
    assert ApduChannel(answers("FFFF6C01", "AA9000")).send(READ) == (b"\xaa", 0x9000)


def test_61xx_is_collected_with_what_is_available() -> None:
    connection = answers("016110", "02036100", "049000")
    channel = ApduChannel(connection)
    assert channel.send(SELECT) == (b"\x01\x02\x03\x04", 0x9000)
    assert sent(connection) == ["80A40000023F00", "80C0000010", "80C0000000"]
    assert channel.commands == 3


def test_a_length_that_is_corrected_while_collecting() -> None:
    connection = answers("6110", "6C02", "0A0B9000")
    channel = ApduChannel(connection)
    assert channel.send(SELECT) == (b"\x0a\x0b", 0x9000)
    assert sent(connection)[1:] == ["80C0000010", "80C0000002"]
    assert channel.commands == 3


@pytest.mark.parametrize(
    ("cla", "plain"), [(0x84, 0x80), (0x8C, 0x80), (0x04, 0), (0x83, 0x83), (0, 0), (0xF3, 0xF3)]
)
def test_the_rest_of_a_response_is_fetched_without_secure_messaging(cla: int, plain: int) -> None:
    for script in (("6101", "009000"), ("6101", "6C02", "009000")):
        connection = answers(*script)
        ApduChannel(connection).send(CommandApdu(cla, 0xA4, 0, 0))
        assert {raw[0] for raw in connection.sent[1:]} == {plain}


@pytest.mark.parametrize("piece", [b"", b"\x00"])
def test_a_response_without_end_is_given_up_by_its_rounds(piece: bytes) -> None:
    connection = always(piece + b"\x61\x01")
    with pytest.raises(CardError, match="without end"):
        ApduChannel(connection).send(READ)
    assert len(connection.sent) == 261


def test_a_response_without_end_is_given_up_by_its_length() -> None:
    connection = always(bytes(256) + b"\x61\x00")
    with pytest.raises(CardError, match="without end"):
        ApduChannel(connection).send(SELECT)
    assert len(connection.sent) == 257  # the first that does not fit into 64 KiB


def test_pieces_longer_than_any_response_are_given_up_at_once() -> None:
    connection = always(bytes(0x8001) + b"\x61\x00")
    with pytest.raises(CardError, match="without end"):
        ApduChannel(connection).send(SELECT)
    assert len(connection.sent) == 2


def test_a_response_of_64_kib_is_whole() -> None:
    pieces = iter([b"\x61\x00", *[bytes(256) + b"\x61\x00"] * 255, bytes(256) + b"\x90\x00"])
    connection = ScriptedConnection(lambda _: next(pieces))
    data, sw = ApduChannel(connection).send(SELECT)
    assert (len(data), sw) == (0x10000, 0x9000)


def test_t0_carries_data_one_way_only() -> None:
    both = CommandApdu(0, 0xA4, 0, 4, b"\x50\x30", 256)
    for protocol, command, expected in (
        ("T=0", both, "00A40004025030"),
        ("T=1", both, "00A4000402503000"),
        ("T=0", READ, "80B00000C8"),
    ):
        connection = answers("9000", protocol=protocol)
        ApduChannel(connection).send(command)
        assert sent(connection) == [expected]
