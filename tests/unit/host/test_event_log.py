"""The table of events, the document made of it, and a log that never holds anybody."""

import ctypes
import logging
import threading
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest

from agent.host import event_log
from agent.host.event_log import LONGEST_VALUE, MOST_WAITING, EventLog
from agent.host.event_sinks import SyslogSink, WindowsSink, event_line
from agent.host.events import (
    DOCUMENT,
    EVENTS,
    PIN_INCORRECT,
    POLICY_UNUSABLE,
    SIGNATURE_REFUSED,
    SITE,
    SITE_ALLOWED,
    STARTED,
    SystemEvent,
    render_events,
)

Line = tuple[str, dict[str, str]]


class Kept:
    """A log that keeps what it gets."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.closed = 0

    def write(self, event: SystemEvent, fields: Mapping[str, str]) -> None:
        self.lines.append((event.name, dict(fields)))

    def close(self) -> None:
        self.closed += 1


def told(**fields: object) -> Line:
    kept = Kept()
    with closing(EventLog(is_on=True, with_sites=True, open_log=lambda: kept)) as log:
        log.tell(SIGNATURE_REFUSED, **fields)
    assert kept.closed == 1
    return kept.lines[0]


def test_the_administrators_document_is_made_of_the_table() -> None:
    assert DOCUMENT.read_text("utf-8") == render_events(), "python installer/dev.py docs"


def test_numbers_names_and_ids_are_of_one_event_each() -> None:
    assert [event.number for event in EVENTS] == list(range(1, len(EVENTS) + 1))
    assert len({event.name for event in EVENTS}) == len(EVENTS)
    assert len({event.message_id for event in EVENTS}) == len(EVENTS)
    assert all(int(event.message_id, 16) >> 96 for event in EVENTS)
    assert all(len(event.message_id) == 32 for event in EVENTS)


def test_no_event_has_a_field_for_what_must_not_be_told() -> None:
    names = {name for event in EVENTS for name in event.fields}
    assert names == {
        *("version", "policy", "sha256", "stores", "count", "by", "scope", "lasts", "site"),
        *("kind", "delivered", "code", "floor"),
    }


def test_what_is_no_field_of_the_event_is_left_out() -> None:
    assert told(kind="sign", pin="123456", document="will.pdf") == (
        "signature_refused",
        {"kind": "sign"},
    )


def test_a_value_is_one_short_line_without_a_pin_command() -> None:
    _, fields = told(kind="a\nMESSAGE=b", code="0020008108 313233343536FFFF", site="x" * 1000)
    assert "\n" not in fields["kind"]
    assert "3132" not in fields["code"]
    assert len(fields["site"]) == LONGEST_VALUE


def test_sites_are_told_only_where_they_are_wanted() -> None:
    kept = Kept()
    with closing(EventLog(is_on=True, open_log=lambda: kept)) as log:
        log.tell(SITE_ALLOWED, by="citizen", site="https://a.example")
    assert kept.lines == [("site_allowed", {"by": "citizen"})]
    assert SITE in SITE_ALLOWED.fields


def test_where_it_is_off_no_log_is_opened() -> None:
    def fail() -> Kept:
        raise AssertionError("opened")

    with closing(EventLog(open_log=fail)) as log:
        log.tell(POLICY_UNUSABLE)
        assert log._worker is None


def test_a_log_that_hangs_holds_nobody_and_what_waits_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_log, "_END_SECONDS", 0.01)
    entered, free = threading.Event(), threading.Event()

    class Hanging(Kept):
        def write(self, event: SystemEvent, fields: Mapping[str, str]) -> None:
            entered.set()
            free.wait()
            super().write(event, fields)

    kept = Hanging()
    log = EventLog(is_on=True, open_log=lambda: kept)
    log.tell(STARTED)
    entered.wait()
    for _ in range(3 * MOST_WAITING):
        log.tell(STARTED)
    log.close()
    assert kept.lines == []
    worker = log._worker
    free.set()
    log.close()
    assert worker is not None
    worker.join()
    assert len(kept.lines) == 1 + MOST_WAITING


def test_a_log_that_fails_is_complained_of_once_and_tried_again(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing(Kept):
        def write(self, event: SystemEvent, fields: Mapping[str, str]) -> None:
            super().write(event, fields)
            if len(self.lines) < 3:
                raise OSError("nobody listens")

    kept = Failing()
    with (
        caplog.at_level(logging.WARNING),
        closing(EventLog(is_on=True, open_log=lambda: kept)) as log,
    ):
        for _ in range(3):
            log.tell(PIN_INCORRECT, kind="sign")
    assert len(kept.lines) == 3
    assert (caplog.text + capsys.readouterr().out).count("do not reach") == 1


class Advapi:
    """A double of advapi32."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.reported: list[tuple[Any, ...]] = []
        self.released: list[Any] = []
        self.RegisterEventSourceW = self._Register(self)

    class _Register:
        restype: Any = None

        def __init__(self, outer: "Advapi") -> None:
            self._outer = outer

        def __call__(self, server: None, name: str) -> int:
            assert (server, name) == (None, "Ankong")
            return 2**40 if self._outer.works else 0

    def ReportEventW(self, handle: Any, kind: int, *more: Any) -> int:  # noqa: N802  # its name
        category, number, person, count, size, texts, data = more
        assert (category, person, size, data) == (0, None, 0, None)
        self.reported.append((handle.value, kind, number, *texts[:count]))
        return 1 if len(self.reported) < 2 else 0

    def DeregisterEventSource(self, handle: Any) -> int:  # noqa: N802  # likewise
        self.released.append(handle.value)
        return 1


def test_windows_gets_number_type_and_line() -> None:
    library = Advapi()
    with closing(WindowsSink(library)) as sink:
        sink.write(PIN_INCORRECT, {"kind": "sign"})
        with pytest.raises(OSError, match="ReportEventW"):
            sink.write(STARTED, {})
    line = "pin_incorrect: A card refused a PIN. kind=sign"
    assert library.reported[0] == (2**40, 2, 10, line)
    assert [reported[1] for reported in library.reported] == [2, 4]
    assert library.released == [2**40]
    assert library.RegisterEventSourceW.restype is ctypes.c_void_p
    with pytest.raises(OSError, match="Register"):
        WindowsSink(Advapi(works=False))


def test_macos_gets_priority_and_line() -> None:
    class Syslog:
        LOG_PID, LOG_USER = 1, 8

        def __init__(self) -> None:
            self.calls: list[tuple[Any, ...]] = []

        def openlog(self, *told: Any) -> None:
            self.calls.append(told)

        def syslog(self, *told: Any) -> None:
            self.calls.append(told)

        def closelog(self) -> None:
            self.calls.append(())

    syslog = Syslog()
    with closing(SyslogSink(syslog)) as sink:
        sink.write(POLICY_UNUSABLE, {})
    line = event_line(POLICY_UNUSABLE, {})
    assert syslog.calls == [("ankong", 1, 8), (3, line), ()]
