"""The porter as a service of Windows: what it is told, what it gives up, and what it writes."""

import struct
import sys
import threading
from collections.abc import Callable, Mapping
from ctypes import memmove
from typing import Any

import pytest
import structlog

from agent.cli import run
from agent.commands.parser import EXIT_USAGE
from agent.host.events import Severity, SystemEvent
from agent.host.porter import windows_service
from agent.host.porter.service_log import NUMBER, logging_to_events
from agent.host.porter.windows_rights import CHANGE_NOTIFY, WindowsRights
from agent.host.porter.windows_service import (
    DONE,
    INTERROGATE,
    RUNNING,
    SHUTDOWN,
    START_PENDING,
    STOP,
    STOP_PENDING,
    STOPPED,
    UNKNOWN_CONTROL,
    WindowsService,
)

SECONDS = 60.0


class Windows:
    """Windows' services: calls a service in a thread of its own, as Windows does."""

    def __init__(self) -> None:
        self.states: list[int] = []
        self.told: Callable[[int], int] = lambda _: 0
        self.runs = threading.Event()
        self.is_abandoned = False

    def serve(self, name: str, work: Callable[[], None]) -> None:
        assert name == "AnkongPorter"
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(SECONDS)
        assert not thread.is_alive()

    def listen(self, name: str, told: Callable[[int], int]) -> None:
        assert name == "AnkongPorter"
        self.told = told

    def tell(self, state: int) -> None:
        self.states.append(state)
        if state == RUNNING:
            self.runs.set()

    def abandon(self) -> None:
        self.is_abandoned = True


class Work:
    """Something that goes on until it is stopped."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.ended = threading.Event()

    def run(self) -> None:
        if self.error is not None:
            raise self.error
        assert self.ended.wait(SECONDS)

    def stop(self) -> None:
        self.ended.set()


@pytest.mark.parametrize("control", [STOP, SHUTDOWN])
def test_a_service_works_until_it_is_told_to_stop(control: int) -> None:
    windows, work = Windows(), Work()
    service = threading.Thread(target=WindowsService("AnkongPorter", lambda: work, windows).run)
    service.start()
    assert windows.runs.wait(SECONDS)
    assert windows.told(INTERROGATE) == DONE
    assert windows.told(77) == UNKNOWN_CONTROL
    assert not work.ended.is_set()
    assert windows.told(control) == DONE
    service.join(SECONDS)
    assert windows.states == [START_PENDING, RUNNING, STOP_PENDING, STOPPED]
    assert not windows.is_abandoned


def _fails() -> Work:
    raise OSError(5, "another program has the pipe")


@pytest.mark.parametrize(
    "make", [_fails, lambda: Work(OSError(10, "no more"))], ids=["at the start", "later"]
)
def test_a_service_that_fails_says_why_and_never_that_it_has_stopped(
    make: Callable[[], Work],
) -> None:
    windows = Windows()
    with structlog.testing.capture_logs() as lines:
        WindowsService("AnkongPorter", make, windows).run()
    assert windows.is_abandoned
    assert STOPPED not in windows.states
    assert [line["event"] for line in lines] == ["the service has failed"]


@pytest.mark.skipif(sys.platform == "win32", reason="there it depends on who starts it")
def test_only_windows_starts_a_service(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["porter", "--service"]) == EXIT_USAGE
    assert "--service" in capsys.readouterr().err

    class NotStarted(Windows):
        def serve(self, name: str, work: Callable[[], None]) -> None:
            del name, work
            raise windows_service.NotStartedAsServiceError(1063, "not started as a service")

    monkeypatch.setattr(windows_service, "WindowsServices", NotStarted)
    monkeypatch.setattr("agent.commands.porter._WITH_SERVICES", {sys.platform})
    assert run(["porter", "--service"]) == EXIT_USAGE
    assert "AnkongPorter" in capsys.readouterr().err


class Sink:
    """A system's log."""

    def __init__(self, error: OSError | None = None) -> None:
        self.lines: list[tuple[SystemEvent, Mapping[str, str]]] = []
        self.error = error
        self.is_closed = False

    def write(self, event: SystemEvent, fields: Mapping[str, str]) -> None:
        if self.error is not None:
            raise self.error
        self.lines.append((event, fields))

    def close(self) -> None:
        self.is_closed = True


def test_a_service_writes_into_the_systems_log(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    with logging_to_events(sink):
        structlog.get_logger("any").info("the porter's counts", handed=3)
        structlog.get_logger("any").error("the service has failed")
        structlog.get_logger("any").debug("nobody wants to know")
    (counts, fields), (failed, _) = sink.lines
    assert (counts.number, counts.text, fields) == (NUMBER, "the porter's counts", {"handed": "3"})
    assert (counts.severity, failed.severity) == (Severity.INFO, Severity.ERROR)
    assert sink.is_closed
    printed = capsys.readouterr()
    assert printed.out + printed.err == ""


@pytest.mark.parametrize("sink", [None, Sink(OSError("no such log"))], ids=["none", "broken"])
def test_a_log_that_does_not_answer_ends_no_service(
    sink: Sink | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with logging_to_events(sink):
        structlog.get_logger("any").info("the porter's counts")


class Token:
    """advapi32 and kernel32, as far as privileges go: one token, which may be stubborn."""

    def __init__(self, *privileges: int, keeps: int | None = None) -> None:
        self.privileges = list(privileges)
        self.keeps = keeps
        self.closed = 0
        for name in ("OpenProcessToken", "GetTokenInformation", "AdjustTokenPrivileges"):
            setattr(self, name, self._Call(getattr(self, f"_{name}")))
        self.GetCurrentProcess = self._Call(lambda: 1)
        self.CloseHandle = self._Call(self._close)

    class _Call:
        def __init__(self, do: Callable[..., int]) -> None:
            self.do = do

        def __call__(self, *words: Any) -> int:
            return self.do(*words)

    def _close(self, _: Any) -> int:
        self.closed += 1
        return 1

    def _OpenProcessToken(self, process: int, access: int, out: Any) -> int:  # noqa: N802  # theirs
        assert (process, access) == (1, 0x28)
        del out
        return 1

    def _GetTokenInformation(  # noqa: N802  # theirs
        self, token: Any, kind: int, buffer: Any, size: int, out: Any
    ) -> int:
        del token
        assert kind == 3
        rows = b"".join(struct.pack("<IiI", number, 0, 2) for number in self.privileges)
        packed = struct.pack("<I", len(self.privileges)) + rows
        memmove(out, struct.pack("<I", len(packed)), 4)
        if buffer is None or size < len(packed):
            return 0
        memmove(buffer, packed, len(packed))
        return 1

    def _AdjustTokenPrivileges(  # noqa: N802  # theirs
        self, token: Any, disable_all: int, asked: Any, *rest: Any
    ) -> int:
        del token
        assert not disable_all
        assert rest == (0, None, None)
        (count,) = struct.unpack_from("<I", asked)
        for index in range(count):
            number, high, attributes = struct.unpack_from("<IiI", asked, 4 + 12 * index)
            assert (high, attributes) == (0, 4)
            if number != self.keeps:
                self.privileges.remove(number)
        return 1


def test_every_privilege_but_the_one_of_everybody_is_given_up() -> None:
    token = Token(3, 20, 21, CHANGE_NOTIFY, 29)
    rights = WindowsRights(token, token)
    assert rights.held() == {3, 20, 21, CHANGE_NOTIFY, 29}
    rights.give_up()
    assert token.privileges == [CHANGE_NOTIFY]
    rights.give_up()
    assert token.closed == 5


def test_a_service_that_keeps_a_privilege_does_not_run() -> None:
    token = Token(20, CHANGE_NOTIFY, keeps=20)
    with pytest.raises(OSError, match="left privileges"):
        WindowsRights(token, token).give_up()
