"""The PC/SC library of each system is called as its header says.

The other side here is made of machine addresses and offsets, not of the structures under test.
"""

import ctypes
import struct
import sys
from ctypes import CFUNCTYPE, c_int32, c_long, c_size_t, c_uint32, c_ulong, c_void_p
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from agent.errors import ServiceUnavailableError
from agent.transport import pcsc_codes as codes
from agent.transport.pcsc_library import PcscLibrary, ReaderAnswer, open_library

ATR = bytes(range(0x3B, 0x3B + 33))
CONTEXT, CARD = 0x0123_4567, 0x0765_4321


@dataclass
class Header:
    """What a system's winscard.h says, on a machine of 64 bits."""

    system: str
    long: Any
    dword: Any
    handle: Any
    state: struct.Struct
    """SCARD_READERSTATE: name, user data, current state, event state, length of the ATR, ATR."""
    wide: bool = False

    def text(self, name: str) -> bytes:
        if self.wide:
            return name.encode("utf-16-le", "surrogatepass")
        return name.encode("utf-8", "surrogateescape")

    @property
    def unit(self) -> int:
        return 2 if self.wide else 1

    @property
    def longest_atr(self) -> int:
        return len(self.state.unpack(bytes(self.state.size))[-1])


HEADERS = [
    Header("win32", c_int32, c_uint32, c_size_t, struct.Struct("<QQIII36s"), wide=True),
    Header("darwin", c_int32, c_uint32, c_int32, struct.Struct("<QQIII33s")),
    Header("linux", c_long, c_ulong, c_long, struct.Struct("<QQQQQ33s7x")),
]


@dataclass
class Service:
    """The C side of the four functions."""

    header: Header
    names: list[str] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    event_states: list[int] = field(default_factory=list)
    atr_length: int = len(ATR)
    rooms: list[int] = field(default_factory=list)
    asked: list[tuple[bytes, int]] = field(default_factory=list)
    connected: list[tuple[bytes, int, int]] = field(default_factory=list)
    milliseconds: int = -1

    def library(self) -> Any:
        header = self.header
        long, dword, handle, text = header.long, header.dword, header.handle, c_void_p
        functions = {
            "SCardListReaders": CFUNCTYPE(long, handle, text, text, c_void_p)(self._list_readers),
            "SCardGetStatusChange": CFUNCTYPE(long, handle, dword, c_void_p, dword)(self._change),
            "SCardConnect": CFUNCTYPE(long, handle, text, dword, dword, c_void_p, c_void_p)(
                self._connect
            ),
            "SCardStatus": CFUNCTYPE(
                long, handle, text, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p
            )(self._status),
        }
        suffix = "W" if header.wide else ""
        return SimpleNamespace(**{name + suffix: each for name, each in functions.items()})

    def _code(self, call: str) -> int:
        code = self.codes.get(call, 0)
        is_signed = self.header.long is c_int32
        return code - (1 << 32) if is_signed and code >> 31 else code

    def _text_at(self, address: int) -> bytes:
        """Read up to the NUL."""
        units = bytearray()
        while any(unit := ctypes.string_at(address + len(units), self.header.unit)):
            units += unit
        return bytes(units)

    def _put(self, address: int, value: int, kind: Any = None) -> None:
        (kind or self.header.dword).from_address(address).value = value

    def _list_readers(self, context: int, groups: Any, room: int, length: int) -> int:
        assert (context, groups) == (CONTEXT, None)
        multi = self.header.text("".join(f"{name}\0" for name in self.names) + "\0")
        size = self.header.dword.from_address(length).value
        self.rooms.append(size)
        self._put(length, len(multi) // self.header.unit)
        if size * self.header.unit < len(multi):
            return self.header.long(codes.E_INSUFFICIENT_BUFFER).value
        ctypes.memmove(room, multi, len(multi))
        return self._code("SCardListReaders")

    def _change(self, context: int, milliseconds: int, states: int, count: int) -> int:
        assert context == CONTEXT
        self.milliseconds = milliseconds
        form = self.header.state
        for index, event_state in zip(range(count), self.event_states, strict=True):
            address = states + index * form.size
            name, user_data, current, event, atr_length, atr = form.unpack(
                ctypes.string_at(address, form.size)
            )
            assert (user_data, event, atr_length, atr.strip(b"\0")) == (0, 0, 0, b"")
            self.asked.append((self._text_at(name), current))
            answer = form.pack(name, 0, current, event_state, self.atr_length, ATR)
            ctypes.memmove(address, answer, len(answer))
        return self._code("SCardGetStatusChange")

    def _connect(  # noqa: PLR0917  # as PC/SC has it
        self, context: int, name: int, share: int, protocols: int, card: int, protocol: int
    ) -> int:
        assert context == CONTEXT
        self.connected.append((self._text_at(name), share, protocols))
        self._put(card, CARD, self.header.handle)
        self._put(protocol, codes.PROTOCOL_T1)
        return self._code("SCardConnect")

    def _status(  # noqa: PLR0917  # as PC/SC has it
        self, card: int, name: int, length: int, state: int, protocol: int, atr: int, size: int
    ) -> int:
        assert card == CARD
        assert self.header.dword.from_address(length).value >= 128
        assert self.header.dword.from_address(size).value == 33
        ctypes.memmove(name, self.header.text("R\0"), 2 * self.header.unit)
        for place, value in ((length, 2), (state, 0x34), (protocol, 2), (size, self.atr_length)):
            self._put(place, value)
        ctypes.memmove(atr, ATR, self.atr_length)
        return self._code("SCardStatus")


@pytest.fixture(params=HEADERS, ids=lambda header: header.system)
def service(request: pytest.FixtureRequest) -> Service:
    return Service(request.param)


def opened(service: Service) -> PcscLibrary:
    return PcscLibrary(service.library(), service.header.system)


def test_names_come_through(service: Service) -> None:
    service.names = ["Reader 0", "讀卡機 A", "𠮷 ＠", "Reader 0"]
    code, listed = opened(service).list_readers(CONTEXT)
    assert code == 0
    assert listed == [name.encode() for name in service.names]


def test_no_names_are_no_readers(service: Service) -> None:
    assert opened(service).list_readers(CONTEXT) == (0, [])
    service.codes["SCardListReaders"] = codes.E_NO_READERS_AVAILABLE
    assert opened(service).list_readers(CONTEXT) == (codes.E_NO_READERS_AVAILABLE, [])


def test_names_end_at_the_empty_one(service: Service) -> None:
    service.names = ["A", "", "rest"]
    assert opened(service).list_readers(CONTEXT) == (0, [b"A"])


def test_a_long_list_is_asked_for_again_with_room(service: Service) -> None:
    service.names = [f"{number:0100d}" for number in range(2000)]
    assert opened(service).list_readers(CONTEXT)[1][-1] == service.names[-1].encode()
    assert len(service.rooms) == 2


def test_a_list_that_is_absurd_is_an_error(service: Service) -> None:
    service.names = ["x" * 100] * 11_000
    assert opened(service).list_readers(CONTEXT) == (codes.E_INSUFFICIENT_BUFFER, [])
    assert max(service.rooms) < 1 << 21


@pytest.mark.parametrize(
    ("code", "most"), [(codes.E_INSUFFICIENT_BUFFER, 10), (codes.W_RESET_CARD, 1)]
)
def test_a_list_that_fails_or_never_fits_is_given_up(
    service: Service, code: int, most: int
) -> None:
    service.codes["SCardListReaders"] = code
    assert opened(service).list_readers(CONTEXT) == (code, [])
    assert len(service.rooms) <= most


def test_states_are_asked_and_told(service: Service) -> None:
    service.event_states = [0x0001_0022, 0x8000_0010]
    asked = [("讀卡機 A".encode(), 0x0001_0010), (b"Reader 1", 0)]
    code, answers = opened(service).status_change(CONTEXT, 1234, asked)
    assert code == 0
    assert answers == [ReaderAnswer(0x0001_0022, ATR), ReaderAnswer(0x8000_0010, ATR)]
    text = service.header.text
    assert service.asked == [(text("讀卡機 A"), 0x0001_0010), (text("Reader 1"), 0)]
    assert service.milliseconds == 1234


@pytest.mark.parametrize("length", [0, 2, len(ATR)])
def test_an_atr_is_as_long_as_it_is_said_to_be(service: Service, length: int) -> None:
    service.event_states = [0x22]
    service.atr_length = length
    answers = opened(service).status_change(CONTEXT, 0, [(b"R", 0)])[1]
    assert answers == [ReaderAnswer(0x22, ATR[:length])]


def test_an_atr_may_fill_its_field(service: Service) -> None:
    service.event_states = [0x22]
    service.atr_length = service.header.longest_atr
    (answer,) = opened(service).status_change(CONTEXT, 0, [(b"R", 0)])[1]
    assert answer.atr == ATR.ljust(service.header.longest_atr, b"\0")


@pytest.mark.parametrize("more", [1, 100, 0xFFFF_FF00])
def test_an_atr_longer_than_its_field_is_none(service: Service, more: int) -> None:
    service.event_states = [0x22]
    service.atr_length = service.header.longest_atr + more
    assert opened(service).status_change(CONTEXT, 0, [(b"R", 0)])[1] == [ReaderAnswer(0x22, b"")]


def test_a_card_is_connected_to(service: Service) -> None:
    library = opened(service)
    assert library.connect(CONTEXT, "讀卡機 A".encode()) == (0, CARD, codes.PROTOCOL_T1)
    assert service.connected == [(service.header.text("讀卡機 A"), codes.SHARE_SHARED, 3)]
    assert library.atr(CARD) == (0, ATR)
    service.atr_length = 2
    assert library.atr(CARD) == (0, ATR[:2])


@pytest.mark.parametrize("code", [codes.E_CANCELLED, codes.E_TIMEOUT, codes.W_RESET_CARD, 0x1F])
def test_return_codes_are_unsigned(service: Service, code: int) -> None:
    service.codes = dict.fromkeys(
        ("SCardListReaders", "SCardGetStatusChange", "SCardConnect", "SCardStatus"), code
    )
    service.event_states = [0]
    library = opened(service)
    assert library.list_readers(CONTEXT) == (code, [])
    assert library.status_change(CONTEXT, 0, [(b"R", 0)])[0] == code
    assert library.connect(CONTEXT, b"R")[0] == code
    assert library.atr(CARD) == (code, b"")


def test_windows_names_may_have_half_a_character() -> None:
    service = Service(HEADERS[0], names=["\ud800 A", "\udc00\ud800"], event_states=[0, 0])
    library = opened(service)
    listed = library.list_readers(CONTEXT)[1]
    assert listed == [b"\xed\xa0\x80 A", b"\xed\xb0\x80\xed\xa0\x80"]
    library.status_change(CONTEXT, 0, [(name, 0) for name in listed])
    library.connect(CONTEXT, listed[0])
    assert [name for name, _ in service.asked] == [service.header.text(n) for n in service.names]
    assert service.connected[0][0] == service.header.text(service.names[0])


@pytest.mark.parametrize("system", ["darwin", "linux"])
def test_names_elsewhere_are_any_bytes(system: str) -> None:
    (header,) = [header for header in HEADERS if header.system == system]
    service = Service(header, names=["\udcff\udc80 A"], event_states=[0])
    library = opened(service)
    (name,) = library.list_readers(CONTEXT)[1]
    assert name == b"\xff\x80 A"
    library.status_change(CONTEXT, 0, [(name, 0)])
    library.connect(CONTEXT, name)
    assert service.asked == [(name, 0)]
    assert [each for each, *_ in service.connected] == [name]


def test_windows_library_comes_from_the_system_s_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    def load(name: str, *, winmode: int) -> None:
        loaded.append((name, winmode))
        raise OSError

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "WinDLL", load, raising=False)
    with pytest.raises(ServiceUnavailableError):
        open_library.__wrapped__()
    assert loaded == [("winscard.dll", 0x800)]
