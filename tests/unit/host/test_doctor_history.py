"""A history that somebody has changed: the doctor names it, in words and to programs."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import structlog.testing

from agent.history.store import History
from tests.signing.history_support import tampering, written
from tests.unit.host.doctor_fixture import DoctorFixture, needs_certutil

Tampering = Callable[[sqlite3.Connection], object]


def history_row(installed: DoctorFixture) -> dict[str, Any]:
    _, answer = installed.run()
    (row,) = [row for row in answer["findings"] if row["check"] == "history"]
    return dict(row)


@needs_certutil
@pytest.mark.parametrize(
    ("tamper", "seq"),
    [
        (lambda db: db.execute("UPDATE lines SET site = 'https://a.example' WHERE seq = 3"), "3"),
        (lambda db: db.execute("DELETE FROM lines WHERE seq = 2"), "3"),
        (lambda db: db.execute("DELETE FROM lines WHERE seq > 4"), "6"),
    ],
    ids=["changed", "one taken out", "the end cut off"],
)
def test_a_broken_chain_is_a_fault_with_its_place_and_no_repair(
    installed: DoctorFixture, tamper: Tampering, seq: str
) -> None:
    written(installed.paths.history, 6)
    with tampering(installed.paths.history) as database:
        tamper(database)
    (fault,) = installed.faults().values()
    assert (fault["code"], fault["repair"]) == ("history_broken", None)
    assert fault["facts"]["seq"] == seq
    assert f"第 {seq} 筆" in fault["message"]["zh-Hant"]
    assert f"line {seq}" in fault["message"]["en"]
    assert "ankong history --verify" in fault["message"]["en"]


@needs_certutil
def test_the_fault_stays_after_the_agent_has_begun_a_new_segment(installed: DoctorFixture) -> None:
    written(installed.paths.history, 3)
    with tampering(installed.paths.history) as database:
        database.execute("UPDATE lines SET document = 'harmless' WHERE seq = 2")
    with structlog.testing.capture_logs(), closing(History(installed.paths.history)):
        pass  # what a start does
    found = history_row(installed)
    assert (found["level"], found["facts"]["seq"]) == ("fault", "2")
    assert int(found["facts"]["count"]) > 1


@needs_certutil
def test_a_whole_chain_is_said_to_be_and_one_that_cannot_be_read_is_not(
    installed: DoctorFixture,
) -> None:
    written(installed.paths.history, 2)
    found = history_row(installed)
    assert (found["level"], found["code"]) == ("ok", "history_ok")
    assert found["facts"] == {"count": "2"}
    installed.paths.history.write_bytes(b"no database" * 1000)
    assert set(installed.faults()) == {"database_damaged"}
