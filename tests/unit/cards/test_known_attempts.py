"""How many PIN attempts a card has left is known after a restart, and nothing else of the card."""

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.cards.known_attempts import MAX_UNWRITTEN, MemoryAttempts, StoredAttempts

KEY, OTHER_KEY = bytes(32), bytes(31) + b"\1"
CARD, OTHER = "TP00000000000001", "TP00000000000002"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "attempts.sqlite"


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def read(path: Path, serial: str = CARD, *, key: bytes = KEY, now: datetime = NOW) -> int | None:
    with closing(StoredAttempts.open(path, key, at(now))) as known:
        return known.read(serial)


def write(path: Path, left: int, *, now: datetime = NOW) -> None:
    with closing(StoredAttempts.open(path, KEY, at(now))) as known:
        known.write(CARD, left)


@pytest.mark.parametrize("left", [0, 1, 2, 3, 15])
def test_what_was_known_is_known_after_a_restart(path: Path, left: int) -> None:
    assert read(path) is None
    write(path, 3)
    write(path, left)
    assert read(path) == left
    assert read(path, OTHER) is None


def test_two_programs_of_one_user_know_the_same(path: Path) -> None:
    with closing(StoredAttempts.open(path, KEY)) as agent:
        agent.write(CARD, 3)
        with closing(StoredAttempts.open(path, KEY)) as command:
            command.write(CARD, 1)
        assert agent.read(CARD) == 1


def test_the_number_stands_nowhere_and_another_installation_cannot_look_it_up(path: Path) -> None:
    with closing(StoredAttempts.open(path, KEY)) as known:
        known.write(CARD, 1)
        for file in path.parent.iterdir():
            assert CARD.encode() not in file.read_bytes()
            if os.name == "posix":
                assert file.stat().st_mode & 0o077 == 0
    assert read(path, key=OTHER_KEY) is None


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(), 1),
        (timedelta(days=90), 1),
        (timedelta(days=90, seconds=1), None),
        (timedelta(minutes=-59), 1),  # the clock was put back
        (timedelta(days=-1), None),
    ],
)
def test_a_counter_counts_for_ninety_days(path: Path, age: timedelta, expected: int | None) -> None:
    write(path, 1)
    assert read(path, now=NOW + age) == expected


def test_what_counts_no_more_is_deleted(path: Path) -> None:
    write(path, 1)
    with closing(StoredAttempts.open(path, KEY, at(NOW + timedelta(days=91)))) as known:
        known.write(OTHER, 2)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT attempts_left FROM attempts").fetchall() == [(2,)]


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\0" + bytes(200)])
def test_a_damaged_file_is_as_good_as_none_and_is_replaced(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert read(path) is None
    write(path, 1)
    assert read(path) == 1


def _folder(path: Path) -> None:
    path.mkdir()


def _link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_bytes(b"another's")
    path.symlink_to(elsewhere)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
@pytest.mark.parametrize("spoil", [_folder, _link])
def test_a_file_that_cannot_be_used_leaves_a_memory_for_as_long_as_the_program_runs(
    path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(path)
    with closing(StoredAttempts.open(path, KEY)) as known:
        assert known.read(CARD) is None
        known.write(CARD, 1)
        assert known.read(CARD) == 1
    assert read(path) is None


def test_what_cannot_be_written_is_remembered_all_the_same(path: Path) -> None:
    with closing(StoredAttempts.open(path, KEY)) as known:
        known.write(CARD, 3)
        with closing(sqlite3.connect(path)) as other:
            other.execute("DROP TABLE attempts")
        known.write(CARD, 1)
        assert known.read(CARD) == 1
        assert known.read(OTHER) is None


def test_a_database_that_is_closed_is_as_good_as_none(path: Path) -> None:
    known = StoredAttempts.open(path, KEY)
    known.close()
    assert known.read(CARD) is None
    known.write(CARD, 2)
    assert known.read(CARD) == 2


def test_memory_forgets_the_card_that_was_used_least_recently() -> None:
    known = MemoryAttempts()
    known.write(CARD, 1)
    known.write("card 0", 2)
    for number in range(1, MAX_UNWRITTEN - 1):
        known.write(f"card {number}", 2)
    known.write(CARD, 2)
    known.write("one more", 3)
    assert (known.read(CARD), known.read("card 0")) == (2, None)
