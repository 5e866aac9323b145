"""One transaction: status words, reads that shrink, and a VERIFY that is sent once."""

import pytest

from agent.cards.session import CardSession, ReadLimit, check, check_verify
from agent.errors import (
    CardError,
    CardRemovedError,
    ErrorCode,
    PinError,
    SecureChannelError,
    UnsupportedCardError,
)
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.transport.chaining import ApduChannel
from tests.unit.cards.scripted import SUCCESS, ScriptedConnection, always, answers

CONTENT = bytes(range(256)) * 4


def session_on(connection: ScriptedConnection, limit: ReadLimit | None = None) -> CardSession:
    return CardSession(ApduChannel(connection), limit or ReadLimit())


def lengths(connection: ScriptedConnection) -> list[int]:
    """Return the Le of each command that was sent."""
    return [raw[4] or 256 for raw in connection.sent]


def file(content: bytes = CONTENT, most: int = 256, refusal: str = "6700") -> ScriptedConnection:
    """Make a card with one file, of which it gives ``most`` bytes at a time."""

    def answer(command: bytes) -> bytes:
        offset, length = int.from_bytes(command[2:4], "big"), command[4] or 256
        if length > most:
            return bytes.fromhex(refusal)
        piece = content[offset : offset + length]
        return piece + SUCCESS if piece else b"\x6b\x00"

    return ScriptedConnection(answer)


@pytest.mark.parametrize("status", [0x6882, 0x6987, 0x6988])
def test_a_card_that_refuses_the_protection(status: int) -> None:
    with pytest.raises(
        SecureChannelError, match=f"VERIFY: the card answered {status:04X}"
    ) as error:
        check(status, "VERIFY")
    assert error.value.status_word == status


@pytest.mark.parametrize("status", [0x6A88, 0x6A82, 0x6F00, 0x6300, 0x63C2, 0x6282, 0x9001, 0])
def test_every_status_word_but_9000_is_an_error(status: int) -> None:
    check(0x9000, "SELECT")
    with pytest.raises(CardError) as error:
        check(status, "SELECT")
    assert not isinstance(error.value, SecureChannelError)
    assert error.value.status_word == status
    assert (error.value.code == ErrorCode.KEY_NOT_FOUND) == (status == 0x6A88)


@pytest.mark.parametrize(
    ("status", "code", "left"),
    [
        (0x63C1, ErrorCode.PIN_INCORRECT, 1),
        (0x63CF, ErrorCode.PIN_INCORRECT, 15),
        (0x63C0, ErrorCode.PIN_LOCKED, 0),
        (0x6983, ErrorCode.PIN_LOCKED, 0),
    ],
)
def test_a_refused_pin_says_what_is_left(status: int, code: ErrorCode, left: int) -> None:
    with pytest.raises(PinError) as error:
        check_verify(status)
    assert (error.value.code, error.value.attempts_left) == (code, left)


@pytest.mark.parametrize("status", [0x6300, 0x6982, 0x6A88, 0x6100, 0x6C0A, 0x6F00])
def test_a_verify_that_failed_otherwise_is_no_wrong_pin(status: int) -> None:
    check_verify(0x9000)
    with pytest.raises(CardError) as error:
        check_verify(status)
    assert not isinstance(error.value, PinError)


@pytest.mark.parametrize("status", ["9000", "6C0A", "6110", "6700", "6987", "6F00", "63C2"])
def test_a_pin_goes_to_the_card_once_and_is_wiped(status: str) -> None:
    connection = always(bytes.fromhex(status))
    session = session_on(connection)
    assert not session.pin_sent
    secret = SecretBytes(bytearray.fromhex("0020000106313233343536"))
    if status == "9000":
        session.verify(secret)
    else:
        with pytest.raises(CardError):
            session.verify(secret)
    assert len(connection.sent) == 1
    assert session.pin_sent
    assert not any(secret.buffer)


def test_a_pin_whose_answer_was_lost_was_sent() -> None:
    def pull(_: bytes) -> bytes:
        raise CardRemovedError("pulled")

    session = session_on(ScriptedConnection(pull))
    with pytest.raises(CardRemovedError):
        session.verify(SecretBytes(bytearray(b"123456")))
    assert session.pin_sent


def test_a_command_that_must_succeed() -> None:
    session = session_on(answers("AA9000", "AA6282"))
    assert session.send(CommandApdu(0, 0xA4, 0, 0), "SELECT") == b"\xaa"
    with pytest.raises(CardError, match="SELECT: the card answered 6282"):
        session.send(CommandApdu(0, 0xA4, 0, 0), "SELECT")
    assert not session.pin_sent


def test_a_transaction_ends_with_a_reset() -> None:
    connection = always(SUCCESS)
    with CardSession.open(connection) as session:
        assert connection.calls == ["begin"]
        assert session.reads_longest
        assert session.directory is None
    assert connection.calls == ["begin", "end True"]
    with pytest.raises(ZeroDivisionError), CardSession.open(connection):
        raise ZeroDivisionError
    assert connection.calls == ["begin", "end True"] * 2


# Reading.


def test_a_file_is_read_with_the_longest_reads() -> None:
    connection = file()
    assert session_on(connection).read_binary(0x80, 0, 600) == CONTENT[:600]
    assert [raw.hex().upper() for raw in connection.sent] == [
        "80B0000000",
        "80B0010000",
        "80B0020058",
    ]


def test_a_short_response_does_not_end_a_file() -> None:
    for status in (SUCCESS, b"\x62\x82"):

        def answer(command: bytes, status: bytes = status) -> bytes:
            offset = int.from_bytes(command[2:4], "big")
            return CONTENT[offset : offset + min(70, command[4] or 256)] + status

        assert session_on(ScriptedConnection(answer)).read_binary(0, 0, 300) == CONTENT[:300]


@pytest.mark.parametrize("end", ["6B00", "9000", "6282"])
def test_a_file_ends_where_it_has_no_more(end: str) -> None:
    connection = answers("AABB9000", end)
    assert session_on(connection).read_binary(0, 0, 10) == b"\xaa\xbb"
    assert lengths(connection) == [10, 8]


def test_more_than_was_asked_for_is_cut_off() -> None:
    assert session_on(answers("AABBCC9000")).read_binary(0, 0, 2) == b"\xaa\xbb"


@pytest.mark.parametrize("status", ["6F00", "6982", "6A82", "6300"])
def test_a_read_that_fails_is_no_end_of_file(status: str) -> None:
    with pytest.raises(CardError):
        session_on(answers(status)).read_binary(0, 0, 10)
    with pytest.raises(CardError):
        session_on(answers(status)).read_file(0, 0)


@pytest.mark.parametrize("refusal", ["6700", "6987"])
@pytest.mark.parametrize(("most", "sizes"), [(255, [256, 200]), (16, [256, 200, 128, 64, 16])])
def test_reads_shrink_until_the_reader_carries_them(
    refusal: str, most: int, sizes: list[int]
) -> None:
    connection = file(most=most, refusal=refusal)
    session = session_on(connection)
    assert session.read_file(0, 0) == CONTENT[: sizes[-1]]
    assert lengths(connection) == sizes
    assert not session.reads_longest
    session.read_file(0, 0)
    assert lengths(connection) == [*sizes, sizes[-1]]


def test_a_reader_that_carries_nothing_is_an_error() -> None:
    connection = always(b"\x67\x00")
    with pytest.raises(CardError, match="6700"):
        session_on(connection).read_binary(0, 0, 256)
    assert lengths(connection) == [256, 200, 128, 64, 16]


def test_a_length_that_the_card_corrects_is_asked_for_from_then_on() -> None:
    def answer(command: bytes) -> bytes:
        offset, length = int.from_bytes(command[2:4], "big"), command[4] or 256
        return CONTENT[offset : offset + length] + SUCCESS if length <= 128 else b"\x6c\x80"

    connection = ScriptedConnection(answer)
    session = session_on(connection)
    assert session.read_binary(0, 0, 384) == CONTENT[:384]
    assert lengths(connection) == [256, 128, 128, 128]


@pytest.mark.parametrize("status", ["9000", "6282"])
def test_nothing_at_all_in_answer_to_a_long_read_is_no_end(status: str) -> None:
    connection = file(most=128, refusal=status)
    session = session_on(connection)
    assert session.read_binary(0, 0, 256) == CONTENT[:256]
    assert lengths(connection) == [256, 200, 128, 128]


def test_sizes_between_what_was_refused_and_what_fits_are_refused_too() -> None:
    limit = ReadLimit()
    for _ in range(2):
        session_on(file(most=16, refusal="6C10"), limit).read_file(0, 0)
    assert limit.size == 16


def test_a_file_s_end_that_the_card_corrects_does_not_make_reads_shorter() -> None:
    session = session_on(answers("6C05", "01020304059000"))
    assert session.read_file(0, 0) == bytes((1, 2, 3, 4, 5))
    assert session.reads_longest


@pytest.mark.parametrize(("offset", "allowed"), [(0x7FFF, True), (0x8000, False)])
def test_an_offset_that_reads_cannot_address(*, offset: int, allowed: bool) -> None:
    connection = answers("AA9000")
    session = session_on(connection)
    if allowed:
        assert session.read_binary(0, offset, 1) == b"\xaa"
        assert connection.sent[0].hex().upper() == "00B07FFF01"
        return
    with pytest.raises(UnsupportedCardError):
        session.read_binary(0, offset, 1)
    assert connection.sent == []


def test_a_file_that_does_not_end_is_not_read_further_than_asked() -> None:
    connection = always(b"\xaa" + SUCCESS)
    assert session_on(connection).read_binary(0, 0, 40) == b"\xaa" * 40
    assert len(connection.sent) == 40


# What is remembered of a reader.


def test_a_reader_is_believed_when_it_refused_twice() -> None:
    limit = ReadLimit()
    sizes = []
    for _ in range(3):
        session = session_on(file(most=200), limit)
        session.read_file(0, 0)
        sizes.append(limit.size)
    assert sizes == [256, 200, 200]


def test_what_came_once_takes_a_refusal_back() -> None:
    limit = ReadLimit()
    session_on(file(most=200), limit).read_file(0, 0)
    session_on(file(), limit).read_file(0, 0)
    session_on(file(most=200), limit).read_file(0, 0)
    assert limit.size == 256


def test_a_short_last_read_takes_no_refusal_back() -> None:
    limit = ReadLimit()
    limit.refuse(256)
    session_on(file(CONTENT[:100]), limit).read_file(0, 0)
    limit.refuse(256)
    assert limit.size == 200


def test_other_sizes_are_nobody_s_limit() -> None:
    limit = ReadLimit()
    for _ in range(3):
        limit.refuse(100)
        limit.accept(99)
    assert limit.size == 256
    for size in (256, 200, 128, 64, 16) * 2:
        limit.refuse(size)
    assert limit.size == 16
