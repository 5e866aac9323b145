"""A PC/SC without a service, which does what a test tells it to."""

import threading
from collections.abc import Callable, Sequence

import pytest

from agent.transport import pcsc, pcsc_codes
from agent.transport.pcsc import PcscProvider
from agent.transport.pcsc_library import ReaderAnswer

PLUG_AND_PLAY = rb"\\?PnP?\Notification"
ATR = b"\x3b\x00"


class FakeScard:
    """PC/SC as Windows or macOS have it: a dict of readers, and a condition to wait on.

    It stands for pyscard and for our own calls of the library.
    """

    SCARD_PCI_T0 = 1
    SCARD_PCI_T1 = 2

    def __init__(self, *, plug_and_play: bool = True, signed: bool = False) -> None:
        self.readers: dict[bytes, int] = {}
        self.codes: dict[str, int] = {}
        self.codes_once: dict[str, list[int]] = {}  # said first, one at each call
        self.calls: list[str] = []
        self.contexts: set[int] = set()
        self.blocked_in: set[int] = set()
        self.released_too_early: set[int] = set()
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
        self.released_too_early |= self.blocked_in & {context}
        return self._code("SCardReleaseContext")

    def list_readers(self, _context: int) -> tuple[int, list[bytes]]:
        code = pcsc_codes.unsigned(self._code("SCardListReaders"))
        if code == 0 and not self.readers:
            return pcsc_codes.E_NO_READERS_AVAILABLE, []
        return code, list(self.readers)

    def connect(self, _context: int, _reader: bytes) -> tuple[int, int, int]:
        return pcsc_codes.unsigned(self._code("SCardConnect")), 7, 2

    def atr(self, _card: int) -> tuple[int, bytes]:
        return pcsc_codes.unsigned(self._code("SCardStatus")), ATR

    def SCardDisconnect(self, _card: int, _disposition: int) -> int:  # noqa: N802  # PC/SC's name
        return self._code("SCardDisconnect")

    def SCardReconnect(self, *_: int) -> tuple[int, int]:  # noqa: N802  # PC/SC's name
        return self._code("SCardReconnect"), 2

    def SCardCancel(self, _context: int) -> int:  # noqa: N802  # PC/SC's name
        def cancel() -> None:
            self._cancelled = True

        self.change(cancel)
        return 0

    def status_change(
        self, context: int, milliseconds: int, asked: Sequence[tuple[bytes, int]]
    ) -> tuple[int, list[ReaderAnswer]]:
        assert 0 < len(asked) <= 10, "Windows takes no more"
        with self.changed:
            self._cancelled = False
            if milliseconds:
                self._block(context, milliseconds, lambda: self._cancelled or self._differs(asked))
            code = pcsc_codes.unsigned(self._code("SCardGetStatusChange"))
            if code == 0 and self._cancelled:
                code = pcsc_codes.E_CANCELLED
            elif code == 0 and not self._differs(asked):
                code = pcsc_codes.E_TIMEOUT
            return code, [ReaderAnswer(self._state(name) | 2, ATR) for name, _ in asked]

    def _block(self, context: int, milliseconds: int, is_over: Callable[[], bool]) -> None:
        self.blocked_in.add(context)
        self.changed.notify_all()
        self.changed.wait_for(is_over, milliseconds / 1000)
        self.blocked_in.discard(context)

    def _differs(self, asked: Sequence[tuple[bytes, int]]) -> bool:
        return any(self._state(name) != known & ~2 for name, known in asked)

    def _state(self, name: bytes) -> int:
        if name == PLUG_AND_PLAY and self._plug_and_play:
            return len(self.readers) << 16
        return self.readers.get(name, pcsc_codes.STATE_UNKNOWN)

    def _code(self, call: str) -> int:
        self.calls.append(call)
        first = self.codes_once.get(call)
        return self._out(first.pop(0) if first else self.codes.get(call, 0))

    def _out(self, code: int) -> int:
        return code - (1 << 32) if self._signed and code else code


def use(monkeypatch: pytest.MonkeyPatch, fake: FakeScard) -> PcscProvider:
    monkeypatch.setattr(pcsc, "_scard", lambda: fake)
    monkeypatch.setattr(pcsc, "open_library", lambda: fake)
    return PcscProvider()
