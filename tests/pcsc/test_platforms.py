"""What other systems' PC/SC does differently, and what no real daemon can be made to do here."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from agent.errors import (
    AgentError,
    CardRemovedError,
    ErrorCode,
    MuteCardError,
    NoCardError,
    NoReaderError,
    ServiceUnavailableError,
    SharingViolationError,
    TransportError,
)
from agent.transport import pcsc, pcsc_codes
from agent.transport.pcsc import PcscProvider
from agent.transport.pcsc_connection import RESET_ATTEMPTS, ConnectedCard, PcscConnection
from agent.transport.pcsc_library import ReaderAnswer
from tests.pcsc.contract import PATIENCE, start
from tests.pcsc.fake_scard import ATR, FakeScard, use

NO_SERVICE = 0x8010001D
SERVICE_STOPPED = 0x8010001E


@pytest.mark.parametrize("plug_and_play", [True, False], ids=["windows", "macos"])
def test_readers_come_and_go(monkeypatch: pytest.MonkeyPatch, plug_and_play: bool) -> None:
    fake = FakeScard(plug_and_play=plug_and_play)
    provider = use(monkeypatch, fake)
    assert provider.readers() == ()
    waiting = start(lambda: provider.wait((), PATIENCE))
    fake.change(lambda: fake.readers.update({b"Reader 0": 0x10}))
    (first,) = waiting.result(PATIENCE)
    assert (first.name, first.present) == ("Reader 0", False)
    waiting = start(lambda: provider.wait((first,), PATIENCE))
    fake.change(lambda: fake.readers.update({b"Reader 1": 0x10020}))
    states = waiting.result(PATIENCE)
    assert [(state.name, state.present) for state in states] == [
        ("Reader 0", False),
        ("Reader 1", True),
    ]
    waiting = start(lambda: provider.wait(states, PATIENCE))
    fake.change(lambda: fake.readers.pop(b"Reader 0"))
    assert [state.name for state in waiting.result(PATIENCE)] == ["Reader 1"]
    provider.close()
    assert fake.contexts == set()


@pytest.mark.parametrize("plug_and_play", [True, False], ids=["windows", "macos"])
def test_waiting_for_nothing_is_quiet(monkeypatch: pytest.MonkeyPatch, plug_and_play: bool) -> None:
    fake = FakeScard(plug_and_play=plug_and_play)
    fake.readers = {b"Reader 0": 0x10, b"Reader 1": 0x50120}
    provider = use(monkeypatch, fake)
    states = provider.readers()
    fake.calls.clear()
    assert provider.wait(states, 0.5) == states
    assert fake.calls.count("SCardGetStatusChange") <= 4


def test_a_service_that_calls_for_nothing_does_not_keep_us_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeScard()
    fake.readers = {b"Reader 0": 0x10}
    provider = use(monkeypatch, fake)
    states = provider.readers()
    monkeypatch.setattr(fake, "_differs", lambda _asked: True)
    fake.calls.clear()
    assert provider.wait(states, 0.5) == states
    assert fake.calls.count("SCardGetStatusChange") <= 16


@pytest.mark.parametrize("stopped", [NO_SERVICE, SERVICE_STOPPED, 0x80100003, 0x80100013])
def test_windows_stops_the_service_with_its_last_reader(
    monkeypatch: pytest.MonkeyPatch, stopped: int
) -> None:
    fake = FakeScard(signed=True)
    fake.readers = {b"Reader 0": 0x10}
    provider = use(monkeypatch, fake)
    states = provider.readers()
    waiting = start(lambda: provider.wait(states, PATIENCE))

    def stop() -> None:
        fake.readers.clear()
        for call in ("SCardGetStatusChange", "SCardListReaders"):
            fake.codes[call] = stopped
        fake.codes["SCardEstablishContext"] = NO_SERVICE

    fake.change(stop)
    with pytest.raises(ServiceUnavailableError):
        waiting.result(PATIENCE)
    fake.change(fake.codes.clear)
    assert provider.wait((), PATIENCE) == ()


def test_an_old_context_is_replaced_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeScard()
    fake.readers = {b"Reader 0": 0x10020}
    provider = use(monkeypatch, fake)
    (before,) = provider.readers()
    first_only = iter([0x80100003])
    answer = fake._code
    monkeypatch.setattr(
        fake,
        "_code",
        lambda call: next(first_only, 0) if call == "SCardListReaders" else answer(call),
    )
    (after,) = provider.readers()
    assert after.name == before.name
    assert after.insertion != before.insertion
    assert len(fake.contexts) == 1


def test_a_mute_card_is_told_from_an_empty_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeScard()
    fake.readers = {b"Reader 0": 0x10220, b"Reader 1": 0x20010, b"Reader 2": 0x30020}
    mute, empty, full = use(monkeypatch, fake).readers()
    assert (mute.present, mute.mute, mute.atr) == (True, True, b"")
    assert (empty.present, empty.mute, empty.atr) == (False, False, b"")
    assert (full.present, full.mute, full.atr) == (True, False, ATR)


def test_two_readers_of_one_name_are_two_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeScard()
    fake.readers = {b"Reader": 0x10020}
    monkeypatch.setattr(fake, "list_readers", lambda _context: (0, [b"Reader", b"Reader"]))
    provider = use(monkeypatch, fake)
    states = provider.readers()
    assert [state.name for state in states] == ["Reader", "Reader (2)"]
    assert provider.open("Reader (2)").reader == "Reader (2)"


def test_no_name_hides_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeScard()
    odd = ["讀卡機 Ａ".encode(), "讀卡機".encode("cp950"), b"\xff\xfe", b"a\n\x07", b"x" * 300]
    fake.readers = dict.fromkeys(odd, 0x10020)
    provider = use(monkeypatch, fake)
    connected: list[bytes] = []
    monkeypatch.setattr(fake, "connect", lambda _context, name: (connected.append(name) or 0, 7, 2))
    states = provider.readers()
    assert len({state.name for state in states}) == len(odd)
    assert states[0].name == "讀卡機 Ａ"
    for state in states:
        assert state.present
        assert provider.open(state.name).reader == state.name
    assert connected == odd


def test_a_reader_that_the_service_lists_and_does_not_know_hides_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeScard()
    fake.readers = {b"Reader 0": 0x10020, b"lost": 0x10020, b"Reader 2": 0x10020}
    status_change = fake.status_change

    def refuse(
        context: int, milliseconds: int, asked: Sequence[tuple[bytes, int]]
    ) -> tuple[int, list[ReaderAnswer]]:
        if b"lost" in dict(asked):
            return pcsc_codes.E_UNKNOWN_READER, [ReaderAnswer(0, b"") for _ in asked]
        return status_change(context, milliseconds, asked)

    monkeypatch.setattr(fake, "status_change", refuse)
    provider = use(monkeypatch, fake)
    for _ in range(2):
        assert [state.name for state in provider.readers()] == ["Reader 0", "Reader 2"]
    assert len(caplog.records) == 1


def test_a_list_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeScard()
    fake.readers = {b"%0120d" % number: 0x10020 for number in range(2000)}
    provider = use(monkeypatch, fake)
    states = provider.readers()
    assert len(states) == 64
    fake.calls.clear()
    assert provider.wait(states, 0.5) == states
    assert fake.calls.count("SCardGetStatusChange") < 30
    provider.open(states[-1].name)
    with pytest.raises(NoReaderError):
        provider.open(f"{1999:0120d}")


def test_the_log_says_once_how_many_readers_are_cut(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeScard()
    provider = use(monkeypatch, fake)
    said = []
    for count in (64, 65, 65, 70, 64, 70):
        fake.readers = {b"Reader %d" % number: 0x10020 for number in range(count)}
        provider.readers()
        said.append([record.getMessage() for record in caplog.records])
        caplog.clear()
    one, six = (
        [f"the service lists {count} readers; the last {count - 64} are ignored"]
        for count in (65, 70)
    )
    assert said == [[], one, [], six, [], six]


@pytest.mark.parametrize("call", ["SCardConnect", "SCardStatus"])
@pytest.mark.parametrize("resets", [1, RESET_ATTEMPTS - 1, RESET_ATTEMPTS])
def test_a_reset_by_another_program_while_connecting_is_not_told(
    monkeypatch: pytest.MonkeyPatch, call: str, resets: int
) -> None:
    fake = FakeScard(signed=True)
    fake.readers = {b"Reader 0": 0x10020}
    provider = use(monkeypatch, fake)
    left = iter([pcsc_codes.W_RESET_CARD] * resets)
    answer = fake._code
    monkeypatch.setattr(
        fake, "_code", lambda called: next(left, 0) if called == call else answer(called)
    )
    if resets < RESET_ATTEMPTS:
        assert provider.open("Reader 0").atr == ATR
        return
    with pytest.raises(SharingViolationError):
        provider.open("Reader 0")
    assert fake.contexts == set()


@pytest.mark.parametrize("answer", [pcsc_codes.E_PROTO_MISMATCH, pcsc_codes.E_NO_SMARTCARD])
def test_a_card_that_says_nothing_is_not_called_absent_or_unsupported(
    monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    """vpcd's and some drivers' answer to a card without an Answer To Reset."""
    fake = FakeScard()
    fake.readers = {b"Mute": 0x10220, b"Empty": 0x10010, b"Odd": 0x10020}
    fake.codes["SCardConnect"] = answer
    provider = use(monkeypatch, fake)
    with pytest.raises(MuteCardError):
        provider.open("Mute")
    plain = type(pcsc_codes.error_of("SCardConnect", answer))
    for reader in ("Empty", "Odd"):
        with pytest.raises(plain) as refused:
            provider.open(reader)
        assert not isinstance(refused.value, MuteCardError)
    assert fake.contexts == set()


def test_a_card_that_falls_silent_at_its_reset_is_not_called_removed() -> None:
    fake = FakeScard()
    connection = PcscConnection(fake, ConnectedCard(1, 2, 2, ATR, "R"))
    fake.codes["SCardReconnect"] = 0x80100066
    for _ in range(2):
        with pytest.raises(MuteCardError):
            connection.reset()
    assert fake.calls.count("SCardReconnect") == 1, "the handle was released at once"
    assert "SCardReleaseContext" in fake.calls
    connection.end(reset=True)


def test_a_reset_by_another_program_while_reconnecting_is_not_told() -> None:
    fake = FakeScard()
    left = iter([pcsc_codes.W_RESET_CARD] * 3)
    fake._code = lambda _call: next(left, 0)  # type: ignore[method-assign]  # others reset thrice
    PcscConnection(fake, ConnectedCard(1, 2, 2, ATR, "R")).reset()
    fake._code = lambda _call: pcsc_codes.W_RESET_CARD  # type: ignore[method-assign]  # for ever
    with pytest.raises(SharingViolationError):
        PcscConnection(fake, ConnectedCard(1, 2, 2, ATR, "R")).reset()


def test_a_closed_provider_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeScard()
    provider = use(monkeypatch, fake)
    provider.readers()
    provider.close()
    provider.close()
    with pytest.raises(ServiceUnavailableError):
        provider.readers()
    with pytest.raises(ServiceUnavailableError):
        provider.wait((), PATIENCE)
    assert fake.contexts == set()


@pytest.mark.parametrize(
    ("code", "on_reader", "on_card"),
    [
        (0x80100009, NoReaderError, CardRemovedError),
        (0x8010000B, SharingViolationError, SharingViolationError),
        (0x8010000C, NoCardError, CardRemovedError),
        (0x80100016, TransportError, CardRemovedError),
        (0x80100017, NoReaderError, CardRemovedError),
        (NO_SERVICE, ServiceUnavailableError, ServiceUnavailableError),
        (SERVICE_STOPPED, ServiceUnavailableError, ServiceUnavailableError),
        (0x80100031, SharingViolationError, SharingViolationError),
        (0x80100066, MuteCardError, MuteCardError),
        (0x80100068, SharingViolationError, SharingViolationError),
        (0x80100069, CardRemovedError, CardRemovedError),
        (0xDEADBEEF, TransportError, TransportError),
    ],
)
def test_return_codes_become_errors_that_name_the_call(
    code: int, on_reader: type[AgentError], on_card: type[AgentError]
) -> None:
    for connected, kind in ((False, on_reader), (True, on_card)):
        error = pcsc_codes.error_of("SCardFoo", code, connected=connected)
        assert type(error) is kind
        assert error.detail.startswith("SCardFoo: ")
        assert f"0x{code:08X}" in error.detail


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (0x80100006, ErrorCode.INTERNAL),  # NO_MEMORY: of this computer
        (0x8010000A, ErrorCode.CARD_ERROR),  # TIMEOUT
        (0x8010000F, ErrorCode.UNSUPPORTED_CARD),  # PROTO_MISMATCH
        (0x80100031, ErrorCode.BUSY),  # SERVER_TOO_BUSY
        (0x80100065, ErrorCode.UNSUPPORTED_CARD),
        (0x80100066, ErrorCode.CARD_MUTE),  # UNRESPONSIVE_CARD
        (0x80100067, ErrorCode.CARD_MUTE),  # UNPOWERED_CARD
        (0xDEADBEEF, ErrorCode.CARD_ERROR),
    ],
)
def test_a_page_is_told_whose_fault_it_is(code: int, told: ErrorCode) -> None:
    assert pcsc_codes.error_of("SCardConnect", code).code is told


def test_a_failed_transmit_shows_nobody_the_receive_buffer() -> None:
    """After a failure pyscard returns 64 KiB of uninitialised memory as "the response"."""
    sent: list[list[int]] = []

    class Fake(FakeScard):
        def SCardTransmit(self, _card: int, _header: int, octets: list[int]) -> Any:  # noqa: N802  # PC/SC's name
            sent.append(octets)
            assert octets == [0, 0x20, 0, 1, 0x31]
            return 0x8010002F, [0x31, 0x32, 0x90, 0x00]

    connection = PcscConnection(Fake(), ConnectedCard(1, 2, 2, ATR, "R"))
    with pytest.raises(TransportError):
        connection.transmit(b"\x00\x20\x00\x01\x31")
    assert sent == [[0, 0, 0, 0, 0]], "the list that pyscard was given is wiped"


class Resetting(FakeScard):
    """A card that other programs reset, as often as is said, before each command."""

    def __init__(self, resets: list[int]) -> None:
        super().__init__()
        self.resets = resets
        self.sent: list[list[int]] = []
        self.given: list[list[int]] = []

    def SCardTransmit(self, _card: int, _header: int, octets: list[int]) -> Any:  # noqa: N802  # PC/SC's name
        self.given.append(octets)
        if self.resets[0]:
            self.resets[0] -= 1
            return pcsc_codes.W_RESET_CARD, [0x31] * 16
        self.resets.pop(0)
        self.sent.append(list(octets))
        return 0, [0x90, 0x00]

    def SCardBeginTransaction(self, _card: int) -> int:  # noqa: N802  # PC/SC's name
        return 0


def test_a_reset_by_another_before_the_first_command_is_not_told() -> None:
    fake = Resetting([1, 0, 1])
    connection = PcscConnection(fake, ConnectedCard(1, 2, 2, ATR, "R"))
    command = b"\x80\xa4\x00\x00"
    assert connection.transmit(command) == (b"", 0x9000)
    assert connection.transmit(command) == (b"", 0x9000)
    for _ in range(2):  # later it is: the card has forgotten what it was told
        fake.resets = [1]
        with pytest.raises(SharingViolationError):
            connection.transmit(command)
    fake.resets = [1, 0]
    connection.begin()
    assert connection.transmit(command) == (b"", 0x9000)
    assert fake.sent == [list(command)] * 3
    assert all(octets == [0] * 4 for octets in fake.given), "each list is wiped"


def test_a_card_that_is_reset_over_and_over_is_busy() -> None:
    fake = Resetting([2])
    connection = PcscConnection(fake, ConnectedCard(1, 2, 2, ATR, "R"))
    with pytest.raises(SharingViolationError):
        connection.transmit(b"\x80\xa4\x00\x00")
    assert fake.sent == []


def test_importing_needs_neither_pyscard_nor_a_service() -> None:
    code = "import agent.transport.pcsc, sys; assert 'smartcard' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_machine_without_pyscard_is_a_machine_without_pcsc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "smartcard", None)
    monkeypatch.delitem(sys.modules, "smartcard.scard", raising=False)
    monkeypatch.setattr(pcsc, "_scard", pcsc._scard.__wrapped__)
    provider = PcscProvider()
    with pytest.raises(ServiceUnavailableError):
        provider.readers()
    with pytest.raises(ServiceUnavailableError):
        provider.open("Reader 0")
    provider.cancel()
    provider.close()
