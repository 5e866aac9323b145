"""The PC/SC library called directly: structures as each system has them, and names as bytes."""

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import pytest

from agent.errors import ServiceUnavailableError
from agent.transport.pcsc_library import PcscLibrary, open_library

INSUFFICIENT = 0x80100008
REMOVED = 0x80100069
CONTEXT, CARD = 7, 8
ATR = bytes(range(0x3B, 0x3B + 33))


class CallableLibrary:
    """A library of functions in Python; ``W`` at the end of a name is ignored."""

    def __init__(self, **functions: Callable[..., int]) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        function = self._functions.get(name.removesuffix("W"), lambda *_: 0)

        def call(*given: Any) -> int:
            return function(*given)

        return call


def library(system: str = "linux", **functions: Callable[..., int]) -> PcscLibrary:
    return PcscLibrary(CallableLibrary(**functions), system)


def fill(room: Any, text: bytes) -> None:
    ctypes.memmove(room, text, len(text))


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the sizes are those of 64 bits")
@pytest.mark.parametrize(
    ("system", "size", "atr"),
    [
        ("win32", 8 + 8 + 3 * 4 + 36, 36),
        ("darwin", 8 + 8 + 3 * 4 + 33, 33),
        pytest.param(
            "linux",
            8 + 8 + 3 * 8 + 33 + 7,
            33,
            marks=pytest.mark.skipif(sys.platform == "win32", reason="long is short there"),
        ),
    ],
)
def test_a_reader_s_state_is_as_long_as_the_system_s(system: str, size: int, atr: int) -> None:
    sizes = []

    def change(_context: int, _time: int, states: Any, count: int) -> int:
        sizes.append((ctypes.sizeof(states) // count, states._type_.rgbAtr.size))
        return 0

    library(system, SCardGetStatusChange=change).status_change(CONTEXT, 0, [(b"A", 0), (b"B", 0)])
    assert sizes == [(size, atr)]


@pytest.mark.parametrize(("said", "taken"), [(0, 0), (2, 2), (33, 33), (34, 0), (255, 0)])
def test_a_reader_s_answer_holds_no_more_of_an_atr_than_there_is(said: int, taken: int) -> None:
    def change(context: int, milliseconds: int, states: Any, count: int) -> int:
        assert (context, milliseconds, count) == (CONTEXT, 500, 2)
        assert [state.dwCurrentState for state in states] == [0x10, 0x22]
        assert [ctypes.string_at(state.szReader) for state in states] == [b"A", b"\xff B"]
        states[1].dwEventState = 0x00010022
        states[1].cbAtr = said
        states[1].rgbAtr[:] = ATR
        return REMOVED - 2**32

    asked = [(b"A", 0x10), (b"\xff B", 0x22)]
    code, (first, second) = library(SCardGetStatusChange=change).status_change(CONTEXT, 500, asked)
    assert code == REMOVED
    assert (first.event_state, first.atr) == (0, b"")
    assert (second.event_state, second.atr) == (0x00010022, ATR[:taken])


def test_names_are_listed_as_they_are_up_to_the_empty_one() -> None:
    def listing(_context: int, _groups: None, room: Any, _length: Any) -> int:
        fill(room, b"A\0\xff\xfe\0A\0\0rest\0")
        return 0

    assert library(SCardListReaders=listing).list_readers(CONTEXT) == (0, [b"A", b"\xff\xfe", b"A"])


def test_wide_names_become_utf_8() -> None:
    def listing(_context: int, _groups: None, room: Any, _length: Any) -> int:
        fill(room, "讀卡機 A\0B\0\0".encode("utf-16-le"))
        return 0

    def connect(_context: int, name: Any, *_: Any) -> int:
        assert name.raw.startswith("讀卡機 A\0".encode("utf-16-le"))
        return 0

    wide = library("win32", SCardListReaders=listing, SCardConnect=connect)
    assert wide.list_readers(CONTEXT) == (0, ["讀卡機 A".encode(), b"B"])
    assert wide.connect(CONTEXT, "讀卡機 A".encode())[0] == 0


def test_a_longer_list_gets_more_room() -> None:
    given = []

    def listing(_context: int, _groups: None, room: Any, length: Any) -> int:
        given.append(len(room))
        if len(room) < 10_000:
            length._obj.value = 10_000
            return INSUFFICIENT
        fill(room, b"A\0\0")
        return 0

    assert library(SCardListReaders=listing).list_readers(CONTEXT) == (0, [b"A"])
    assert len(given) == 2
    assert given[1] >= 10_000


@pytest.mark.parametrize(("code", "most"), [(INSUFFICIENT, 10), (REMOVED, 1)])
def test_a_list_that_fails_or_never_fits_is_given_up(code: int, most: int) -> None:
    calls = 0

    def listing(*_: Any) -> int:
        nonlocal calls
        calls += 1
        return code

    assert library(SCardListReaders=listing).list_readers(CONTEXT) == (code, [])
    assert calls <= most


def test_a_card_is_connected_shared_and_with_any_protocol() -> None:
    def connect(*given: Any) -> int:
        context, name, share, protocols, card, chosen = given
        assert (context, name.value, share, protocols) == (CONTEXT, b"\xff A", 2, 3)
        card._obj.value, chosen._obj.value = CARD, 1
        return 0

    assert library(SCardConnect=connect).connect(CONTEXT, b"\xff A") == (0, CARD, 1)


@pytest.mark.parametrize(("code", "atr"), [(0, ATR[:17]), (REMOVED, b"")])
def test_an_atr_is_looked_at_only_after_success(code: int, atr: bytes) -> None:
    def status(card: int, _name: Any, *rest: Any) -> int:
        assert card == CARD
        fill(rest[3], ATR)
        assert rest[4]._obj.value == 33
        rest[4]._obj.value = 17
        return code

    assert library(SCardStatus=status).atr(CARD) == (code, atr)


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
