"""Who is in front on Windows and macOS, with stand-ins for what these systems say."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from agent.host.seat import hidden_window, macos_console
from agent.host.seat.hidden_window import HiddenWindow
from agent.host.seat.macos_console import MacosSeat, window_server
from agent.host.seat.session_seat import SessionSeat
from agent.host.seat.windows_session import DISCONNECTED, WindowsSeat
from agent.periodic import PeriodicChecks

SECONDS = 20.0
ACTIVE, CONNECTED = 0, 1


async def becomes(seat: SessionSeat, *, in_front: bool) -> None:
    async with asyncio.timeout(SECONDS):
        while seat.in_front is not in_front:
            await seat.turned()


class Sessions:
    """Windows, as far as a seat asks it; blocks in ``listen`` as a window's loop does."""

    def __init__(self, state: int = ACTIVE) -> None:
        self.now = state
        self.heard: Callable[[], None] = lambda: None
        self.ended = threading.Event()
        self.failure: OSError | None = None

    def state(self) -> int:
        if self.failure is not None:
            raise self.failure
        return self.now

    def listen(
        self, heard: Callable[[], None], ready: Callable[[Callable[[], None]], None]
    ) -> None:
        stopped = threading.Event()
        self.heard = heard
        ready(stopped.set)
        stopped.wait(SECONDS)
        self.ended.set()

    def become(self, state: int) -> None:
        self.now = state
        threading.Thread(target=self.heard).start()


async def test_a_disconnected_session_is_in_the_back() -> None:
    sessions = Sessions()
    seat = WindowsSeat(sessions)
    async with seat.watched(SECONDS):
        assert seat.in_front
        sessions.become(DISCONNECTED)
        await becomes(seat, in_front=False)
        sessions.become(CONNECTED)  # at the console, or over Remote Desktop: it does not matter
        await becomes(seat, in_front=True)
    assert await asyncio.to_thread(sessions.ended.wait, SECONDS)


async def test_an_agent_that_starts_in_a_disconnected_session_knows_it() -> None:
    seat = WindowsSeat(Sessions(DISCONNECTED))
    async with seat.watched(SECONDS):
        assert not seat.in_front


async def test_where_windows_does_not_say_nobody_is_in_the_back() -> None:
    sessions = Sessions()
    sessions.failure = OSError("WTSQuerySessionInformationW: error 1702")
    seat = WindowsSeat(sessions)
    async with seat.watched(SECONDS):
        assert seat.in_front
    async with WindowsSeat().watched(SECONDS):  # there is no such library here
        assert seat.in_front


class Call:
    """A function of a library; remembers what it was called with."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self._work = work
        self.argtypes: tuple[Any, ...] = ()
        self.restype: Any = None
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *words: Any) -> Any:
        self.calls.append(words)
        return self._work(*words)


class Library:
    """A library whose functions all return something; some are replaced."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self._functions = {name: Call(work) for name, work in functions.items()}

    def __getattr__(self, name: str) -> Call:
        return self._functions.setdefault(name, Call(lambda *_: 1))


def test_the_hidden_window_hears_its_message_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages come through the procedure that was registered, as Windows calls it."""
    heard: list[int] = []
    waiting = [0x0400, 0x02B1, 0x02B1, 0x0010]
    quits: list[int] = []

    def next_message(*_: Any) -> int:
        return 0 if quits else 1

    def dispatch(*_: Any) -> int:
        described = user.RegisterClassW.calls[0][0]._obj
        return int(described.procedure(77, waiting.pop(0), None, None))

    user = Library(
        CreateWindowExW=lambda *_: 77,
        GetMessageW=next_message,
        DispatchMessageW=dispatch,
        PostQuitMessage=quits.append,
    )
    libraries = (user, Library(GetModuleHandleW=lambda *_: 5))
    monkeypatch.setattr(hidden_window, "load_libraries", lambda *_: (libraries, lambda: 8))
    window = HiddenWindow(0x02B1, lambda: heard.append(1))
    window.open()
    assert window.handle == 77
    window.ask_to_close()
    window.run()
    window.close()
    window.close()
    assert (len(heard), quits) == (2, [0])
    assert user.DefWindowProcW.calls == [(77, 0x0400, None, None)]
    assert len(user.DestroyWindow.calls) == 1


@pytest.mark.parametrize("refused", ["RegisterClassW", "CreateWindowExW"])
def test_a_window_that_windows_refuses_is_an_error(
    monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    libraries = (Library(**{refused: lambda *_: 0}), Library())
    monkeypatch.setattr(hidden_window, "load_libraries", lambda *_: (libraries, lambda: 8))
    with pytest.raises(OSError, match=f"{refused}: error 8"):
        HiddenWindow(1, lambda: None).open()


async def test_the_console_of_macos_is_asked_in_the_rounds_that_there_are() -> None:
    answers: list[bool | None] = [True]
    seat = MacosSeat(lambda: answers[-1], PeriodicChecks(0.01))
    async with seat.watched(SECONDS):
        assert seat.in_front
        answers.append(False)
        await becomes(seat, in_front=False)
        answers.append(None)  # the window server does not answer: as it was
        await asyncio.sleep(0.05)
        assert not seat.in_front
        answers.append(True)
        await becomes(seat, in_front=True)


async def test_without_a_session_of_the_window_server_nobody_is_in_the_back() -> None:
    for ask in (lambda: None, None):
        seat = MacosSeat(ask, PeriodicChecks(0.01))
        async with seat.watched(SECONDS):
            assert seat.in_front


def test_the_window_server_is_asked_by_its_key() -> None:
    facts: dict[str, int | None] = {"session": 1, "value": 2}
    graphics = Library(CGSessionCopyCurrentDictionary=lambda: facts["session"])
    foundation = Library(
        CFStringCreateWithCString=lambda *words: words,
        CFDictionaryGetValue=lambda _, key: facts["value"] if b"OnConsole" in key[1] else None,
        CFBooleanGetValue=lambda value: value == 2,
    )
    libraries = {macos_console._GRAPHICS: graphics, macos_console._FOUNDATION: foundation}
    ask = window_server(libraries.__getitem__)
    assert ask() is True
    facts["value"] = 3
    assert ask() is False
    facts["value"] = None
    assert ask() is None
    facts["session"] = None
    assert ask() is None
    assert len(foundation.CFRelease.calls) == 3
