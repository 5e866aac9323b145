"""A PC/SC connection: what it says to the service, call by call."""

from typing import Any

import pytest

from agent.errors import CardRemovedError, TransportError
from agent.transport.pcsc_connection import ConnectedCard, PcscConnection

LEAVE, RESET = 0, 1
WAS_RESET = 0x80100068
REMOVED = 0x80100069
CONTEXT, CARD = 7, 8


class CalledScard:
    """pyscard's raw functions, which note their calls and return what the test says."""

    SCARD_PCI_T0 = 10
    SCARD_PCI_T1 = 11

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.results: dict[str, list[int]] = {}
        self.response = [0x90, 0x00]
        self.octets: list[int] = []

    def _call(self, *call: Any) -> int:
        self.calls.append(call)
        left = self.results.get(call[0], [])
        return left.pop(0) if left else 0

    def SCardTransmit(self, card: int, header: int, octets: list[int]) -> Any:  # noqa: N802  # PC/SC's name
        self.octets = octets
        result = self._call("Transmit", card, header, bytes(octets))
        return result, list(self.response)

    def SCardBeginTransaction(self, card: int) -> int:  # noqa: N802  # likewise
        return self._call("Begin", card)

    def SCardEndTransaction(self, card: int, disposition: int) -> int:  # noqa: N802  # likewise
        return self._call("End", card, disposition)

    def SCardReconnect(self, card: int, share: int, protocols: int, start: int) -> Any:  # noqa: N802  # likewise
        return self._call("Reconnect", card, share, protocols, start), 1

    def SCardDisconnect(self, card: int, disposition: int) -> int:  # noqa: N802  # likewise
        return self._call("Disconnect", card, disposition)

    def SCardReleaseContext(self, context: int) -> int:  # noqa: N802  # likewise
        return self._call("Release", context)


def connect(scard: CalledScard, protocol: int = 2) -> PcscConnection:
    return PcscConnection(scard, ConnectedCard(CONTEXT, CARD, protocol, b"\x3b\x00", "Reader"))


@pytest.mark.parametrize(("protocol", "name", "header"), [(1, "T=0", 10), (2, "T=1", 11)])
def test_a_command_goes_out_in_the_protocol_of_the_card(
    protocol: int, name: str, header: int
) -> None:
    scard = CalledScard()
    scard.response = [0xAA, 0xBB, 0x63, 0xC2]
    connection = connect(scard, protocol)
    assert (connection.protocol, connection.reader, connection.atr) == (name, "Reader", b"\x3b\x00")
    assert connection.transmit(b"\x00\x20\x00\x01") == (b"\xaa\xbb", 0x63C2)
    assert scard.calls == [("Transmit", CARD, header, b"\x00\x20\x00\x01")]
    assert scard.octets == [0, 0, 0, 0]


@pytest.mark.parametrize("result", [REMOVED, 0x80100016, REMOVED - 2**32])
def test_a_command_is_wiped_and_sent_once_when_the_card_goes(result: int) -> None:
    scard = CalledScard()
    scard.results["Transmit"] = [result]
    connection = connect(scard)
    with pytest.raises(CardRemovedError):
        connection.transmit(b"123456")
    assert scard.octets == [0] * 6
    assert [call[0] for call in scard.calls] == ["Transmit", "Disconnect", "Release"]
    with pytest.raises(CardRemovedError):
        connection.transmit(b"123456")
    assert len(scard.calls) == 3


@pytest.mark.parametrize("response", [[], [0x90]])
def test_a_response_without_a_status_word_means_that_the_card_was_pulled(
    response: list[int],
) -> None:
    scard = CalledScard()
    scard.response = response
    with pytest.raises(CardRemovedError):
        connect(scard).transmit(b"1234")


@pytest.mark.parametrize(("reset", "disposition"), [(True, RESET), (False, LEAVE)])
def test_a_transaction_ends_as_it_was_asked_for(*, reset: bool, disposition: int) -> None:
    scard = CalledScard()
    connection = connect(scard)
    connection.begin()
    connection.end(reset=reset)
    assert scard.calls == [("Begin", CARD), ("End", CARD, disposition)]
    connection.end(reset=reset)
    assert len(scard.calls) == 2
    connection.transmit(b"1234")
    # every handle is told of a reset once, and has to be connected anew
    assert [call[0] for call in scard.calls[2:]] == ["Reconnect"] * reset + ["Transmit"]
    connection.transmit(b"1234")
    assert len(scard.calls) == 4 + reset


def test_the_end_of_no_transaction_is_nothing() -> None:
    scard = CalledScard()
    connect(scard).end(reset=True)
    assert scard.calls == []


def test_a_reset_by_another_program_in_between_does_not_keep_the_lock() -> None:
    scard = CalledScard()
    scard.results = {"Begin": [WAS_RESET], "End": [WAS_RESET]}
    connection = connect(scard)
    connection.begin()
    connection.end(reset=True)
    again = ("Reconnect", CARD, 2, 3, LEAVE)
    assert scard.calls == [
        *(("Begin", CARD), again, ("Begin", CARD)),
        *(("End", CARD, RESET), again, ("End", CARD, RESET)),
    ]


def test_resets_by_another_program_are_not_waited_out_for_ever() -> None:
    scard = CalledScard()
    scard.results["Begin"] = [WAS_RESET] * 100
    with pytest.raises(TransportError):
        connect(scard).begin()
    assert scard.calls.count(("Begin", CARD)) == 10
    assert not any(call[0] == "End" for call in scard.calls)


def test_a_connection_that_is_closed_in_a_transaction_ends_it_with_a_reset_first() -> None:
    scard = CalledScard()
    connection = connect(scard)
    connection.begin()
    connection.close()
    connection.close()
    assert scard.calls[1:] == [
        ("End", CARD, RESET),
        ("Disconnect", CARD, LEAVE),
        ("Release", CONTEXT),
    ]


def test_a_connection_that_is_closed_without_one_leaves_the_card_as_it_is() -> None:
    scard = CalledScard()
    connection = connect(scard)
    connection.close()
    assert scard.calls == [("Disconnect", CARD, LEAVE), ("Release", CONTEXT)]
    with pytest.raises(CardRemovedError):
        connection.begin()
    connection.end(reset=True)
    assert len(scard.calls) == 2


def test_a_card_that_goes_in_a_transaction_gives_its_reader_back() -> None:
    scard = CalledScard()
    scard.results["Transmit"] = [REMOVED]
    connection = connect(scard)
    connection.begin()
    with pytest.raises(CardRemovedError):
        connection.transmit(b"1234")
    assert [call[0] for call in scard.calls[2:]] == ["End", "Disconnect", "Release"]
    connection.end(reset=True)
    assert len(scard.calls) == 5


def test_a_reset_is_a_warm_one() -> None:
    scard = CalledScard()
    connection = connect(scard)
    connection.reset()
    assert scard.calls == [("Reconnect", CARD, 2, 3, RESET)]
    assert connection.protocol == "T=0"  # which the card has chosen now
