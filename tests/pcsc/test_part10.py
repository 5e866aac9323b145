"""PC/SC part 10: what a reader says of itself, and what a program makes of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import TransportError
from agent.transport.part10 import GET_FEATURE_REQUEST, features, has_keypad
from agent.transport.pcsc_connection import ConnectedCard, PcscConnection

# As the CCID driver writes them for a reader with a keypad, and for one without.
WITH_KEYPAD = bytes.fromhex("060442330006 070442330007 0A044233000A 1204 42330012")
WITHOUT = bytes.fromhex("120442330012 130442330013")


class Scard:
    """The part of pyscard that asks a reader."""

    SCARD_PCI_T1 = 2

    def __init__(self, result: int, answer: bytes) -> None:
        self.result = result
        self.answer = answer
        self.asked: list[tuple[int, list[int]]] = []

    def SCARD_CTL_CODE(self, number: int) -> int:  # noqa: N802  # PC/SC's name
        return 0x42000000 + number

    def SCardControl(self, card: int, code: int, octets: list[int]) -> Any:  # noqa: N802  # likewise
        del card
        self.asked.append((code, octets))
        return self.result, list(self.answer)

    def SCardTransmit(self, _card: int, _header: int, _octets: list[int]) -> Any:  # noqa: N802  # likewise
        return 0, [0x90, 0x00]

    def SCardDisconnect(self, *_: int) -> int:  # noqa: N802  # likewise
        return 0

    def SCardReleaseContext(self, *_: int) -> int:  # noqa: N802  # likewise
        return 0


def test_the_features_are_read_as_the_standard_writes_them() -> None:
    assert list(features(WITH_KEYPAD)) == [0x06, 0x07, 0x0A, 0x12]
    assert list(features(b"")) == []


@pytest.mark.parametrize(
    ("answer", "keypad"),
    [
        (WITH_KEYPAD, True),
        (WITHOUT, False),
        (bytes.fromhex("010442330001 020442330002"), True),  # in two steps: START and FINISH
        (bytes.fromhex("020442330002"), False),
        (b"", False),
        (WITH_KEYPAD[:5], False),  # cut off
        (bytes.fromhex("12024233") + WITH_KEYPAD, False),  # out of step: not to be trusted
    ],
)
def test_a_keypad_is_one_that_verifies(answer: bytes, keypad: bool) -> None:
    assert has_keypad(answer) is keypad


@given(st.binary(max_size=300))
def test_no_answer_of_a_reader_is_trouble(answer: bytes) -> None:
    assert has_keypad(answer) in (True, False)


def test_the_reader_is_asked_by_its_systems_own_code() -> None:
    scard = Scard(0, WITH_KEYPAD)
    connection = PcscConnection(scard, ConnectedCard(1, 2, 2, b"\x3b\x00", "R"))
    assert connection.features() == WITH_KEYPAD
    assert scard.asked == [(0x42000000 + GET_FEATURE_REQUEST, [])]


@pytest.mark.parametrize("code", [0x80100016, 0x80100022, 0x1F, 0x80100017 - 2**32])
def test_a_reader_that_knows_no_features_costs_nobody_the_card(code: int) -> None:
    """Some say NOT_TRANSACTED, which of a command would mean that the card has gone."""
    connection = PcscConnection(
        Scard(code, b"\x06\x04rest of memory"), ConnectedCard(1, 2, 2, b"\x3b\x00", "R")
    )
    assert connection.features() is None
    assert connection.transmit(b"\x00\xa4\x00\x00") == (b"", 0x9000)


def test_a_dead_connection_asks_nobody() -> None:
    scard = Scard(0, WITH_KEYPAD)
    connection = PcscConnection(scard, ConnectedCard(1, 2, 2, b"\x3b\x00", "R"))
    connection.close()
    with pytest.raises(TransportError):
        connection.features()
    assert scard.asked == []
