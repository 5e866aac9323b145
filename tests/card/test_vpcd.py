"""The vpcd door, with a socket in vpcd's place."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from agent.errors import NoReaderError, TransportError
from agent.virtualcard import vpcd
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults
from agent.virtualcard.vpcd import VpcdConnection, serve
from tests.card.conftest import CardFactory
from tests.card.wire import protected

PATIENCE = 30.0
OFF, ON, RESET, ATR = b"\x00", b"\x01", b"\x02", b"\x04"
SELECT_MF = bytes.fromhex("80A40000023F00")
SELECT_DIRECTORY = bytes.fromhex("80A40000020900")
READ = bytes.fromhex("80B0000010")


class Reader:
    """What vpcd does: listen, and talk to the card that connects."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]

    def accept(self) -> None:
        self.listener.settimeout(PATIENCE)
        self.card: socket.socket = self.listener.accept()[0]
        self.card.settimeout(PATIENCE)

    def say(self, message: bytes) -> None:
        # As the real one: two segments.
        self.card.sendall(struct.pack(">H", len(message)))
        self.card.sendall(message)

    def hear(self) -> bytes:
        (length,) = struct.unpack(">H", self._exactly(2))
        return self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        received = b""
        while len(received) < length:
            piece = self.card.recv(length - len(received))
            assert piece, "the card has gone"
            received += piece
        return received

    def ask(self, message: bytes) -> bytes:
        self.say(message)
        return self.hear()

    def close(self) -> None:
        if hasattr(self, "card"):
            self.card.close()
        self.listener.close()


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


@pytest.fixture
def insert(reader: Reader) -> Iterator[Callable[[VirtualCard], VpcdConnection]]:
    doors = []

    def insert(card: VirtualCard) -> VpcdConnection:
        door = VpcdConnection(card, "127.0.0.1", reader.port)
        door.start()
        reader.accept()
        doors.append(door)
        return door

    yield insert
    for door in doors:
        door.remove()


Insert = Callable[[VirtualCard], VpcdConnection]


def test_the_card_answers_through_the_socket(
    reader: Reader, insert: Insert, make_gen1_card: CardFactory
) -> None:
    card = make_gen1_card()
    insert(card)
    assert reader.ask(ATR) == card.atr
    reader.say(ON)
    assert reader.ask(ATR) == card.atr
    assert reader.ask(SELECT_MF) == b"\x90\x00"
    assert reader.ask(SELECT_DIRECTORY) == b"\x90\x00"
    assert reader.ask(bytes.fromhex("80A40000020903")) == b"\x90\x00"
    assert reader.ask(READ) == card.data.serial.encode() + b"\x90\x00"


@pytest.mark.parametrize("order", [OFF + ON, RESET, ON])
def test_power_and_reset_reach_the_card(
    reader: Reader, insert: Insert, make_gen1_card: CardFactory, order: bytes
) -> None:
    insert(make_gen1_card())
    reader.say(ON)
    for fid in ("0900", "0903"):
        assert reader.ask(bytes.fromhex(f"80A4000002{fid}")) == b"\x90\x00"
    assert reader.ask(READ)[-2:] == b"\x90\x00"
    for code in order:
        reader.say(bytes((code,)))
    assert reader.ask(READ) == b"\x69\x86"


def test_what_vpcd_never_says_is_ignored(
    reader: Reader, insert: Insert, make_gen1_card: CardFactory
) -> None:
    card = make_gen1_card()
    insert(card)
    reader.say(b"")
    reader.say(ON)
    assert reader.ask(ATR) == card.atr
    assert reader.ask(b"\x80" * 65535) == b"\x67\x00"


@pytest.mark.parametrize("message", [b"\x03", b"\x80", b"\xff"])
def test_a_command_of_one_byte_is_answered(
    reader: Reader, insert: Insert, make_gen1_card: CardFactory, message: bytes
) -> None:
    # whoever sent it through the daemon waits, and the whole reader with them
    insert(make_gen1_card())
    reader.say(ON)
    assert reader.ask(message) == b"\x67\x00"
    assert reader.ask(SELECT_MF) == b"\x90\x00"


def test_messages_in_crumbs(reader: Reader, insert: Insert, make_gen1_card: CardFactory) -> None:
    insert(make_gen1_card())
    for byte in b"\x00\x01\x01\x00\x07" + SELECT_MF:
        reader.card.sendall(bytes((byte,)))
    assert reader.hear() == b"\x90\x00"


def test_removing_closes_the_connection(
    reader: Reader, insert: Insert, make_gen1_card: CardFactory
) -> None:
    door = insert(make_gen1_card())
    assert door.inserted.is_set()
    door.remove()
    door.remove()
    assert reader.card.recv(1) == b""
    assert not door.inserted.is_set()


def test_removing_in_the_middle_of_a_slow_command(
    reader: Reader, insert: Insert, make_gen1_card: CardFactory
) -> None:
    door = insert(make_gen1_card(faults=Faults(rsa_delay_ms=60_000)))
    reader.say(ON)
    for command in ("80A40000025030", "80A40000020810"):
        assert reader.ask(bytes.fromhex(command)) == b"\x90\x00"
    assert reader.ask(protected("123456")) == b"\x90\x00"
    assert reader.ask(bytes.fromhex("80EA820180") + bytes(128)) == b"\x90\x00"
    reader.say(bytes.fromhex("80EA020180") + bytes(128))
    door.remove()
    assert reader.card.recv(1) == b""


def test_a_card_that_pulls_itself_closes_the_connection(
    reader: Reader, insert: Insert, make_gen1_card: CardFactory
) -> None:
    insert(make_gen1_card(faults=Faults(remove_at=1)))
    reader.say(ON)
    reader.say(SELECT_MF)
    assert reader.card.recv(1) == b""


def test_a_lost_response_is_no_response_but_the_end_of_waiting(
    reader: Reader, insert: Insert, make_gen1_card: CardFactory
) -> None:
    insert(make_gen1_card(faults=Faults(drop_at=1)))
    reader.say(ON)
    assert len(reader.ask(SELECT_MF)) == 1
    assert reader.ask(SELECT_MF) == b"\x90\x00"


def test_a_mute_card_says_nothing_but_does_not_hang_the_daemon(
    reader: Reader, insert: Insert, make_gen1_card: CardFactory
) -> None:
    insert(make_gen1_card(faults=Faults(mute=True)))
    assert reader.ask(ATR) == b"\x00"  # too short for an ATR: pcscd refuses it


def test_the_daemon_may_come_later(make_gen1_card: CardFactory) -> None:
    reader = Reader()
    reader.listener.close()  # the port is free now, and nobody listens
    door = VpcdConnection(make_gen1_card(), "127.0.0.1", reader.port, patience=PATIENCE)
    started = threading.Thread(target=door.start)
    started.start()
    reader.listener = socket.create_server(("127.0.0.1", reader.port))
    try:
        reader.accept()
        started.join(PATIENCE)
        reader.say(ON)
        assert reader.ask(SELECT_MF) == b"\x90\x00"
    finally:
        door.remove()
        reader.close()


def test_a_daemon_that_never_comes(make_gen1_card: CardFactory) -> None:
    reader = Reader()
    reader.close()
    door = VpcdConnection(make_gen1_card(), "127.0.0.1", reader.port, patience=0.1)
    with pytest.raises(NoReaderError):
        door.start()
    with pytest.raises(TransportError):
        VpcdConnection(make_gen1_card(), "reader.invalid", 1, patience=0.1).start()


def test_a_card_removed_before_it_was_inserted(make_gen1_card: CardFactory) -> None:
    door = VpcdConnection(make_gen1_card(), "127.0.0.1", 1)
    door.remove()
    with pytest.raises(TransportError):
        door.connect()
    door.run()


def test_serving_ends_with_the_daemon(reader: Reader, make_gen1_card: CardFactory) -> None:
    card = make_gen1_card()
    thread = threading.Thread(target=serve, args=(card, "127.0.0.1", reader.port))
    thread.start()
    reader.accept()
    reader.say(ON)
    assert reader.ask(SELECT_MF) == b"\x90\x00"
    reader.card.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert card.process(SELECT_MF) == b""  # no power


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="only Linux can ask for it")
def test_acknowledgements_are_asked_for_before_every_piece() -> None:
    calls: list[str] = []

    class Recorder:
        def __init__(self) -> None:
            self.pieces = [b"\x00", b"\x07", SELECT_MF[:3], SELECT_MF[3:]]

        def setsockopt(self, level: int, option: int, value: int) -> None:
            assert (level, option, value) == (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            calls.append("quickack")

        def recv(self, length: int) -> bytes:
            assert length
            calls.append("recv")
            return self.pieces.pop(0)

    recorder = Recorder()
    vpcd._receive(recorder, 2)  # type: ignore[arg-type]
    vpcd._receive(recorder, 7)  # type: ignore[arg-type]
    assert calls == ["quickack", "recv"] * 4
