"""The history: only ever added to, and what does not hold is shown and never mended."""

import hashlib
import json
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.database import DatabaseError, set_aside_files
from agent.errors import ErrorCode
from agent.harmless import is_harmful
from agent.history import store as history_module
from agent.history.line import (
    DONE,
    FIELDS,
    MAX_TEXT,
    NOTHING_BEFORE,
    UNDELIVERED,
    EntryKind,
    presentable,
)
from agent.history.store import History, read, verify
from tests.signing.history_support import entry, tampering, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    opened = History(path)
    yield opened
    opened.close()


def test_a_history_that_is_not_there_is_empty(path: Path) -> None:
    assert read(path) == ()
    assert verify(path).intact
    assert not path.exists()


def test_lines_come_back_as_they_were_written(path: Path, history: History) -> None:
    entries = tuple(entry(number) for number in range(3))
    lines = history.append(lambda: entries).result()
    assert tuple(line.entry for line in lines) == entries
    assert [line.seq for line in lines] == [1, 2, 3]
    assert read(path) == lines[::-1]
    assert read(path, limit=1) == (lines[2],)
    assert read(path, before=3, limit=5) == (lines[1], lines[0])


def test_the_chain_is_what_it_is_said_to_be(path: Path) -> None:
    """Anybody can check it with a few lines that share nothing with ours."""
    written(path, 5)
    link = NOTHING_BEFORE
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        for row in connection.execute("SELECT * FROM lines ORDER BY seq"):
            fields, previous, stored = [row[name] for name in FIELDS], row["previous"], row["link"]
            assert previous == link
            text = json.dumps(fields, separators=(",", ":"))
            link = hashlib.sha256(link + text.encode("ascii")).digest()
            assert stored == link
        head = connection.execute("SELECT seq, segment, link FROM head").fetchall()
    assert [tuple(row) for row in head] == [(5, 1, link)]


def test_the_chain_goes_on_after_a_restart(path: Path) -> None:
    for _ in range(4):
        written(path, 3)
    verdict = verify(path)
    assert (verdict.intact, verdict.lines, verdict.segments) == (True, 12, 1)


def test_two_processes_share_one_chain(path: Path, history: History) -> None:
    with closing(History(path)) as command_line:
        threads = [
            threading.Thread(
                target=lambda writer=writer: [
                    writer.append(lambda: (entry(),)).result() for _ in range(25)
                ]
            )
            for writer in (history, command_line)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    verdict = verify(path)
    assert (verdict.intact, verdict.lines) == (True, 50)


def test_lines_of_one_request_are_all_there_or_none(path: Path, history: History) -> None:
    good, wrong = entry(), entry(kind="sing")
    with structlog.testing.capture_logs() as logs:
        assert history.append(lambda: (good, wrong)).result() == ()
    assert history.problem is not None
    assert [line["log_level"] for line in logs] == ["error"]
    assert read(path) == ()
    assert history.append(lambda: (good,)).result()
    assert history.problem is None
    assert verify(path).only_unwritten


def test_a_history_that_is_closed_fails_nobody(history: History) -> None:
    history.close()
    with structlog.testing.capture_logs() as logs:
        assert history.append(lambda: (entry(),)).result() == ()
    assert [line["log_level"] for line in logs] == ["error"]


def test_the_file_itself_refuses_a_change(path: Path) -> None:
    written(path, 2)
    with closing(sqlite3.connect(path)) as connection:
        for statement in ("DELETE FROM lines", "UPDATE lines SET outcome = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                connection.execute(statement)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no mode")
def test_only_the_owner_can_read_it(path: Path, history: History) -> None:
    history.append(lambda: (entry(),)).result()
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


# What does not hold.

CHANGES = {
    "a word": ("UPDATE lines SET site = 'https://other.example' WHERE seq = 5", 5),
    "an outcome": ("UPDATE lines SET outcome = 'pin_incorrect' WHERE seq = 5", 5),
    "nothing for something": ("UPDATE lines SET document = NULL WHERE seq = 5", 5),
    "a time": ("UPDATE lines SET at = '2031-01-01T00:00:00Z' WHERE seq = 1", 1),
    "a line taken out": ("DELETE FROM lines WHERE seq = 5", 6),
    "the first line taken out": ("DELETE FROM lines WHERE seq = 1", 2),
    "the last line taken out": ("DELETE FROM lines WHERE seq = 10", 10),
    "all lines taken out": ("DELETE FROM lines", 10),
    "a link": ("UPDATE lines SET link = zeroblob(32) WHERE seq = 5", 5),
    "where it ends": ("UPDATE head SET seq = 9", 9),
    "no end": ("DELETE FROM head", 0),
    "a segment": ("UPDATE lines SET segment = 2 WHERE seq > 4", 5),
    "the order": (
        "UPDATE lines SET seq = CASE seq WHEN 4 THEN -5 ELSE -4 END WHERE seq IN (4,5)",
        -5,
    ),
    "a number": ("UPDATE lines SET seq = 77 WHERE seq = 10", 77),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_found_shown_and_left_as_it_is(path: Path, change: str) -> None:
    written(path, 10)
    statement, seq = CHANGES[change]
    with tampering(path) as connection:
        connection.execute(statement)
        before = connection.execute("SELECT * FROM lines ORDER BY seq").fetchall()
    verdict = verify(path)
    assert not verdict.intact
    assert verdict.breaks[0].seq == seq
    # The agent starts again: a new segment, marked, once; and what was broken stays so.
    with structlog.testing.capture_logs() as logs:
        written(path, 2)
        written(path, 2)
    assert [line["log_level"] for line in logs] == ["error"]
    with closing(sqlite3.connect(path)) as connection:
        after = connection.execute("SELECT * FROM lines ORDER BY seq").fetchall()
    assert after[: len(before)] == before
    assert len(after) == len(before) + 5
    newest = read(path, limit=5)
    marker = newest[-1].entry
    assert (marker.kind, marker.outcome) == (EntryKind.SEGMENT, "broken")
    assert marker.detail
    assert len({line.segment for line in newest}) == 1
    again = verify(path)
    assert not again.intact
    assert again.in_segment(newest[0].segment) is None
    assert again.breaks[0].seq in (seq, newest[-1].seq)


def test_an_old_break_is_found_by_the_whole_walk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "CHECKED_AT_OPEN", 4)
    written(path, 10)
    with tampering(path) as connection:
        connection.execute("UPDATE lines SET site = '' WHERE seq = 2")
    written(path, 1)
    verdict = verify(path)
    assert [(found.seq, found.what) for found in verdict.breaks] == [(2, "this line was changed")]
    assert verdict.segments == 1


def test_a_break_at_the_edge_of_what_is_checked_first_is_found(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "CHECKED_AT_OPEN", 4)
    written(path, 10)
    with tampering(path) as connection:
        connection.execute("UPDATE lines SET link = zeroblob(32) WHERE seq = 6")
    written(path, 1)
    assert read(path, limit=2)[1].entry.kind == EntryKind.SEGMENT


def test_many_breaks_are_counted_and_not_all_told(path: Path) -> None:
    with closing(History(path)) as history:
        history.append(lambda: tuple(entry(n) for n in range(300))).result()
    with tampering(path) as connection:
        connection.execute("UPDATE lines SET site = 'https://other.example'")
    verdict = verify(path)
    assert len(verdict.breaks) == 100
    assert verdict.more_breaks == 200


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database at all" * 400)


def page_of_zeros(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(4096))


def cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4096)


def no_triggers(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER lines_stay")


@pytest.mark.parametrize("damage", [garbage, page_of_zeros, cut_off, no_triggers])
def test_a_corrupt_file_is_kept_and_a_new_chain_says_so(
    path: Path, damage: Callable[[Path], None]
) -> None:
    written(path, 40)
    damage(path)
    before = path.read_bytes()
    with structlog.testing.capture_logs() as logs, closing(History(path)) as history:
        aside = history.set_aside
        assert aside is not None
        assert aside.read_bytes() == before
        assert history.append(lambda: (entry(),)).result()
    assert "a database is corrupt and was set aside" in [line["event"] for line in logs]
    newest, marker = read(path)
    assert marker.entry.kind == EntryKind.SEGMENT
    assert aside.name in (marker.entry.detail or "")
    assert newest.segment == marker.segment == 2
    written(path, 1)
    assert set_aside_files(path) == (aside,)
    verdict = verify(path)
    assert not verdict.intact
    assert verdict.in_segment(2) is None
    assert (verdict.segments, verdict.lines) == (1, 3)


def test_a_file_that_cannot_be_read_is_an_error(path: Path) -> None:
    garbage(path)
    for ask in (read, verify):
        with pytest.raises(DatabaseError):
            ask(path)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_single_byte_of_a_line_changes_unseen(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("chain") / "history.sqlite"
    written(path, 4)
    seq = data.draw(st.integers(1, 4))
    column = data.draw(st.sampled_from([*FIELDS, "previous", "link"]))
    with tampering(path) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute("SELECT * FROM lines WHERE seq = ?", (seq,)).fetchone()
        value = row[column]
        changed: str | int | bytes
        if isinstance(value, int):
            changed = data.draw(
                st.integers(-5, 200).filter(lambda n: n != value and n not in range(1, 5))
            )
        elif isinstance(value, bytes):
            place = data.draw(st.integers(0, 31))
            flipped = bytearray(value)
            flipped[place] ^= data.draw(st.integers(1, 255))
            changed = bytes(flipped)
        elif column == "kind":
            changed = "connect"
        else:
            text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
            changed = data.draw(text.filter(lambda text: text != value))
        sql = f"UPDATE lines SET {column} = ? WHERE seq = ?"  # noqa: S608  # one of our own names
        connection.execute(sql, (changed, seq))
    assert not verify(path).intact


def test_what_was_asked_and_how_it_ended_have_their_own_words() -> None:
    codes = {str(code) for code in ErrorCode}
    assert not codes & {DONE, UNDELIVERED, "broken"}


# Foreign text.


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("合約.pdf", "合約.pdf"),
        ("a\x1b[2Jb", "a\ufffd[2Jb"),
        ("a\r\nb", "a\ufffd\ufffdb"),
        ("fdp.\u202efdp", "fdp.\ufffdfdp"),
        ("\ud800", "\ufffd"),
        ("\x00", "\ufffd"),
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 254 + "…"),
    ],
)
def test_foreign_text_is_made_harmless(text: str, shown: str) -> None:
    assert presentable(text) == shown


@given(st.text(st.characters(), max_size=600))
def test_harmless_text_stays_harmless(text: str) -> None:
    shown = presentable(text)
    assert len(shown) <= MAX_TEXT
    assert not any(map(is_harmful, shown))
    assert presentable(shown) == shown
    shown.encode("utf-8")
