"""A connection that remembers the last command for the log, and nothing of its data."""

import pytest

from agent.errors import CardRemovedError
from agent.transport.observed import ObservedConnection
from tests.unit.cards.scripted import ScriptedConnection, answers


def test_the_last_command_is_remembered_without_its_data() -> None:
    connection = ObservedConnection(answers("9000", "AA63C2"))
    assert (connection.commands, connection.header, connection.status_word) == (0, "", None)
    connection.transmit(bytes.fromhex("80A40000023F00"))
    assert connection.transmit(bytearray.fromhex("0020000106313233343536")) == (b"\xaa", 0x63C2)
    assert (connection.commands, connection.status_word) == (2, 0x63C2)
    assert connection.header == "00 20 00 01"


def test_a_command_without_an_answer_has_no_status_word() -> None:
    def lose(command: bytes) -> bytes:
        if command[1] == 0x20:
            raise CardRemovedError("pulled")
        return b"\x90\x00"

    connection = ObservedConnection(ScriptedConnection(lose))
    connection.transmit(bytes.fromhex("80A40000"))
    with pytest.raises(CardRemovedError):
        connection.transmit(bytes.fromhex("80200000"))
    assert (connection.commands, connection.header) == (2, "80 20 00 00")
    assert connection.status_word is None


def test_everything_else_is_passed_on() -> None:
    inner = answers(protocol="T=0")
    connection = ObservedConnection(inner)
    assert (connection.reader, connection.atr) == ("Reader", b"\x3b\x00")
    assert connection.protocol == "T=0"
    assert connection.features() == b"\x06"
    connection.begin()
    connection.end(reset=False)
    connection.end(reset=True)
    connection.reset()
    connection.close()
    assert inner.calls == ["features", "begin", "end False", "end True", "reset", "close"]
