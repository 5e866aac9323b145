"""What the chain alone cannot show: lines that were cut off, a file that is gone, gaps."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.commands.history import HistoryOptions
from agent.commands.history import history as run
from agent.database import set_aside_files
from agent.history import store
from agent.history.chain import Flaw
from agent.history.line import NOTHING_BEFORE, EntryKind
from agent.history.store import History, read, verify
from tests.signing.history_support import entry, tampering, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def flaws(path: Path) -> set[Flaw]:
    return {found.flaw for found in verify(path).breaks}


def cut_tail(path: Path) -> None:
    """As somebody does who knows the form: the end is moved along."""
    with tampering(path) as connection:
        connection.execute("DELETE FROM lines WHERE seq > 3")
        connection.execute("UPDATE head SET seq = 3, link = (SELECT max(link) FROM lines)")
        sql = "UPDATE head SET link = (SELECT link FROM lines WHERE seq = 3)"
        connection.execute(sql)


def empty(path: Path) -> None:
    with tampering(path) as connection:
        connection.execute("DELETE FROM lines")
        connection.execute("DELETE FROM head")
        connection.execute("PRAGMA user_version = 0")


def reset(path: Path) -> None:
    with tampering(path) as connection:
        connection.execute("DELETE FROM lines")
        link = (NOTHING_BEFORE,)
        connection.execute("UPDATE head SET seq = 0, segment = 1, link = ?", link)


def remove(path: Path) -> None:
    for each in path.parent.glob("history.sqlite*"):
        each.unlink()


def replace_by_another(path: Path) -> None:
    other = path.parent / "other" / path.name
    other.parent.mkdir()
    with closing(History(other)) as history:
        for number in range(7):
            history.append(lambda number=number: (entry(number + 100),)).result()
    remove(path)
    shutil.copy(other, path)


def remove_witness(path: Path) -> None:
    (path.parent / "history.witness").unlink()


def change_witness(path: Path) -> None:
    file = path.parent / "history.witness"
    file.write_bytes(file.read_bytes().replace(b'"seq":5', b'"seq":3'))


def take_another_key(path: Path) -> None:
    (path.parent / "install.key").write_bytes(bytes(32))


OMISSIONS: dict[Callable[[Path], None], Flaw] = {
    cut_tail: Flaw.CUT,
    empty: Flaw.CUT,
    reset: Flaw.CUT,
    remove: Flaw.CUT,
    replace_by_another: Flaw.OTHER,
    remove_witness: Flaw.WITNESS,
    change_witness: Flaw.WITNESS,
    take_another_key: Flaw.WITNESS,
}


@pytest.mark.parametrize("omit", OMISSIONS)
def test_every_omission_is_told_and_stays_told(path: Path, omit: Callable[[Path], None]) -> None:
    written(path, 5)
    assert verify(path).intact
    omit(path)
    assert flaws(path) == {OMISSIONS[omit]}
    written(path, 1)  # the agent goes on, in a segment that says why
    assert Flaw.ANEW in flaws(path)
    marker = read(path, limit=2)[-1]
    assert (marker.entry.kind, marker.entry.outcome) == (EntryKind.SEGMENT, "broken")
    written(path, 1)
    assert marker in read(path)


def test_numbers_go_on_after_a_file_that_is_gone(path: Path) -> None:
    written(path, 5)
    remove(path)
    written(path, 1)
    assert [line.seq for line in read(path)] == [7, 6]
    assert Flaw.GAP in flaws(path)


def test_a_history_of_an_older_version_gets_its_witness(path: Path) -> None:
    written(path, 3)
    remove_witness(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")
    assert verify(path).intact
    written(path, 1)
    assert verify(path).intact
    cut_tail(path)
    assert flaws(path) == {Flaw.CUT}


def test_a_witness_that_a_kill_left_behind_catches_up(path: Path) -> None:
    written(path, 2)
    behind = (path.parent / "history.witness").read_bytes()
    written(path, 2)
    (path.parent / "history.witness").write_bytes(behind)
    assert verify(path).intact
    with closing(History(path)):
        pass
    cut_tail(path)
    assert flaws(path) == {Flaw.CUT}


def test_entries_that_could_not_be_written_are_told_with_the_next_line(path: Path) -> None:
    with closing(History(path)) as history:
        history.append(lambda: (entry(1),)).result()
        wrong = entry(2, kind="sing")
        for _ in range(2):
            assert history.append(lambda: (wrong,)).result() == ()
        assert flaws(path) == {Flaw.UNWRITTEN}
        (line,) = history.append(lambda: (entry(3),)).result()
    gap = read(path)[1]
    assert (gap.entry.outcome, gap.entry.count, line.seq) == ("unwritten", 2, 3)
    verdict = verify(path)
    assert (verdict.only_unwritten, verdict.segments) == (True, 1)
    written(path, 1)
    assert verify(path).breaks == verdict.breaks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounts a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_leaves_a_gap_that_is_told_even_after_a_restart(small_disk: Path) -> None:
    path = small_disk / "history.sqlite"
    written(path, 3)
    with closing(History(path)) as history:
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 512):
                    pass
            except OSError:
                pass
        failed = 0
        for number in range(60):  # the log of the database has some room left
            failed += not history.append(lambda number=number: (entry(number),)).result()
        assert failed
    assert Flaw.UNWRITTEN in flaws(path)
    filler.unlink()
    written(path, 1)
    gap = read(path, limit=2)[1].entry
    assert (gap.outcome, gap.count) == ("unwritten", failed)


def test_the_command_says_what_its_check_proves(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(path, 5)
    assert run(HistoryOptions(state_dir=path.parent, verify=True)) == 0
    assert "cannot show" in capsys.readouterr().err
    remove(path)
    assert run(HistoryOptions(state_dir=path.parent, verify=True)) == 1
    said = capsys.readouterr().err
    assert "lines that were written after this one are missing: 5 of them" in said
    assert "cannot show" in said


def make_old(path: Path) -> None:
    """Give the table the form that it had before there were logins."""
    statements = store._SCHEMA.statements
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        rows = connection.execute("SELECT * FROM lines").fetchall()
        connection.execute("DROP TABLE lines")  # with its triggers
        (new,) = re.findall(r"CHECK \(\s+kind IN .*?\)\s+\)", statements[0], re.DOTALL)
        old = "CHECK (kind IN ('sign', 'decrypt', 'connect', 'segment'))"
        connection.execute(statements[0].replace(new, old))
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO lines VALUES ({marks})", rows)  # noqa: S608  # marks
        for statement in statements[2:]:
            connection.execute(statement)


def test_an_older_version_s_table_is_taken_over_with_its_lines(path: Path) -> None:
    written(path, 3)
    lines = read(path)
    make_old(path)
    with closing(History(path)) as history:
        assert history.set_aside is None
        assert history.append(lambda: (entry(9, kind="authenticate"),)).result()
    assert read(path)[1:] == lines
    assert (verify(path).intact, verify(path).segments) == (True, 1)
    with pytest.raises(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM lines")
    assert not set_aside_files(path)
