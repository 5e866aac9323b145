"""What other systems' PC/SC does differently, and what no real daemon can be made to do here."""

import subprocess
import sys
import threading
from collections.abc import Callable
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
from agent.transport.pcsc_connection import ConnectedCard, PcscConnection
from tests.pcsc.contract import PATIENCE, start

NO_SERVICE = 0x8010001D
SERVICE_STOPPED = 0x8010001E
PLUG_AND_PLAY = r"\\?PnP?\Notification"
ATR = [0x3B, 0x00]


class FakeScard:
    """PC/SC as Windows or macOS have it: a dict of readers, and a condition to wait on."""

    SCARD_PCI_T0 = 1
    SCARD_PCI_T1 = 2

    def __init__(self, *, plug_and_play: bool = True, signed: bool = False) -> None:
        self.readers: dict[str, int] = {}
        self.codes: dict[str, int] = {}
        self.calls: list[str] = []
        self.contexts: set[int] = set()
        self.changed = threading.Condition()
        self._plug_and_play = plug_and_play
        self._signed = signed
        self._next_context = 1
        self._cancelled = False

    def change(self, action: Callable[[], object]) -> None:
        with self.changed:
            action()
            self.changed.notify_all()

    def SCardEstablishContext(self, _scope: int) -> tuple[int, int]:  # noqa: N802  # PC/SC's name
        code = self._code("SCardEstablishContext")
        self._next_context += 1
        if code == 0:
            self.contexts.add(self._next_context)
        return code, self._next_context

    def SCardReleaseContext(self, context: int) -> int:  # noqa: N802  # PC/SC's name
        self.contexts.discard(context)
        return self._code("SCardReleaseContext")

    def SCardListReaders(self, _context: int, _groups: list[str]) -> tuple[int, list[str]]:  # noqa: N802  # PC/SC's name
        code = self._code("SCardListReaders")
        if code == 0 and not self.readers:
            return self._out(pcsc_codes.E_NO_READERS_AVAILABLE), []
        return code, list(self.readers)

    def SCardCancel(self, _context: int) -> int:  # noqa: N802  # PC/SC's name
        def cancel() -> None:
            self._cancelled = True

        self.change(cancel)
        return 0

    def SCardGetStatusChange(  # noqa: N802  # PC/SC's name
        self, _context: int, milliseconds: int, asked: list[tuple[str, int]]
    ) -> tuple[int, list[tuple[str, int, list[int]]]]:
        assert all(name.isascii() for name, _ in asked), "pyscard would fail for all of them"
        with self.changed:
            self._cancelled = False
            self.changed.wait_for(
                lambda: self._cancelled or self._differs(asked), milliseconds / 1000
            )
            code = self._code("SCardGetStatusChange")
            if code == 0 and self._cancelled:
                code = self._out(pcsc_codes.E_CANCELLED)
            elif code == 0 and not self._differs(asked):
                code = self._out(pcsc_codes.E_TIMEOUT)
            return code, [(name, self._state(name) | 2, ATR) for name, _ in asked]

    def _differs(self, asked: list[tuple[str, int]]) -> bool:
        return any(self._state(name) != known & ~2 for name, known in asked)

    def _state(self, name: str) -> int:
        if name == PLUG_AND_PLAY and self._plug_and_play:
            return len(self.readers) << 16
        return self.readers.get(name, pcsc_codes.STATE_UNKNOWN)

    def _code(self, call: str) -> int:
        self.calls.append(call)
        return self._out(self.codes.get(call, 0))

    def _out(self, code: int) -> int:
        return code - (1 << 32) if self._signed and code else code


def use(monkeypatch: pytest.MonkeyPatch, fake: FakeScard) -> PcscProvider:
    monkeypatch.setattr(pcsc, "_scard", lambda: fake)
    return PcscProvider()


@pytest.mark.parametrize("plug_and_play", [True, False], ids=["windows", "macos"])
def test_readers_come_and_go(monkeypatch: pytest.MonkeyPatch, plug_and_play: bool) -> None:
    fake = FakeScard(plug_and_play=plug_and_play)
    provider = use(monkeypatch, fake)
    assert provider.readers() == ()
    waiting = start(lambda: provider.wait((), PATIENCE))
    fake.change(lambda: fake.readers.update({"Reader 0": 0x10}))
    (first,) = waiting.result(PATIENCE)
    assert (first.name, first.present) == ("Reader 0", False)
    waiting = start(lambda: provider.wait((first,), PATIENCE))
    fake.change(lambda: fake.readers.update({"Reader 1": 0x10020}))
    states = waiting.result(PATIENCE)
    assert [(state.name, state.present) for state in states] == [
        ("Reader 0", False),
        ("Reader 1", True),
    ]
    waiting = start(lambda: provider.wait(states, PATIENCE))
    fake.change(lambda: fake.readers.pop("Reader 0"))
    assert [state.name for state in waiting.result(PATIENCE)] == ["Reader 1"]
    provider.close()
    assert fake.contexts == set()


@pytest.mark.parametrize("plug_and_play", [True, False], ids=["windows", "macos"])
def test_waiting_for_nothing_is_quiet(monkeypatch: pytest.MonkeyPatch, plug_and_play: bool) -> None:
    fake = FakeScard(plug_and_play=plug_and_play)
    fake.readers = {"Reader 0": 0x10, "Reader 1": 0x50120}
    provider = use(monkeypatch, fake)
    states = provider.readers()
    fake.calls.clear()
    assert provider.wait(states, 0.5) == states
    assert fake.calls.count("SCardGetStatusChange") <= 4


def test_a_service_that_calls_for_nothing_does_not_keep_us_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeScard()
    fake.readers = {"Reader 0": 0x10}
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
    fake.readers = {"Reader 0": 0x10}
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
    fake.readers = {"Reader 0": 0x10020}
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
    fake.readers = {"Reader 0": 0x10220, "Reader 1": 0x20010, "Reader 2": 0x30020}
    mute, empty, full = use(monkeypatch, fake).readers()
    assert (mute.present, mute.mute, mute.atr) == (True, True, b"")
    assert (empty.present, empty.mute, empty.atr) == (False, False, b"")
    assert (full.present, full.mute, full.atr) == (True, False, bytes(ATR))


def test_readers_of_the_same_name_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeScard()
    fake.readers = {"Reader": 0x10020}
    monkeypatch.setattr(fake, "SCardListReaders", lambda *_: (0, ["Reader", "Reader"]))
    assert len(use(monkeypatch, fake).readers()) == 1


def test_an_odd_name_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeScard()
    fake.readers = {"讀卡機 0": 0x10020, "Reader 1": 0x10020}
    provider = use(monkeypatch, fake)
    assert [state.name for state in provider.readers()] == ["Reader 1"]
    provider.readers()
    assert len(caplog.records) == 1


def test_garbled_names_are_an_error_and_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeScard()

    def fail(*_: object) -> None:
        raise SystemError("returned a result with an exception set")

    monkeypatch.setattr(fake, "SCardListReaders", fail)
    provider = use(monkeypatch, fake)
    with pytest.raises(ServiceUnavailableError):
        provider.readers()
    assert fake.contexts == set()


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
        (0x80100066, MuteCardError, CardRemovedError),
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
        (0x80100066, ErrorCode.CARD_ERROR),  # UNRESPONSIVE_CARD
        (0x80100067, ErrorCode.CARD_ERROR),  # UNPOWERED_CARD
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

    connection = PcscConnection(Fake(), ConnectedCard(1, 2, 2, bytes(ATR), "R"))
    with pytest.raises(TransportError):
        connection.transmit(b"\x00\x20\x00\x01\x31")
    assert sent == [[0, 0, 0, 0, 0]], "the list that pyscard was given is wiped"


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
