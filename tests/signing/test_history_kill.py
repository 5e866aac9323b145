"""A kill at any moment: what was told is written, and the chain goes on."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.database import set_aside_files
from agent.history.line import Entry
from agent.history.store import History, read, verify

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 12
ENTRY = Entry("2030-01-01T12:00:00.000000Z", "sign", "done")
HAMMER = """
import sys
from pathlib import Path
from agent.history.store import History
from agent.history.line import Entry

history = History(Path(sys.argv[1]))
while True:
    def make():
        return [Entry("2030-01-01T12:00:00.000000Z", "sign", "done", document="x" * 200)] * 3
    lines = history.append(make).result()
    sys.stdout.write(f"{lines[-1].seq}\\n")
    sys.stdout.flush()
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL")


def hammer(path: Path, lines: int) -> int:
    """Write until some lines were told, kill in the middle of the next; give the last told."""
    told = 0
    with subprocess.Popen(
        [sys.executable, "-c", HAMMER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(lines):
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        for line in process.stdout:
            told = int(line) if line.endswith("\n") else told
    return told


@pytest.mark.slow
def test_the_history_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    for _ in range(ROUNDS):
        told = hammer(path, random.randrange(1, 30))  # noqa: S311  # any moment will do
        (newest,) = read(path, limit=1)
        assert newest.seq in (told, told + 3)
        verdict = verify(path)
        assert (verdict.intact, verdict.segments) == (True, 1)
        assert verdict.lines == newest.seq
        assert verdict.lines % 3 == 0
    assert set_aside_files(path) == ()


@pytest.mark.slow
def test_a_kill_while_the_file_is_made_leaves_one_that_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    for delay in range(10):
        for file in tmp_path.iterdir():
            file.unlink()
        with subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            while not path.exists():
                pass
            for _ in range(delay * 2000):
                pass
            process.send_signal(signal.SIGKILL)
        told = hammer(path, 2)
        assert told >= 6
        assert set_aside_files(path) == ()
        assert verify(path).intact


def test_a_kill_between_the_first_lines_and_their_witness_is_no_theft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.sqlite"
    killed = History(path)
    monkeypatch.setattr(killed, "_testify", lambda *_: None)  # what the kill kept it from
    killed.append(lambda: [ENTRY]).result()
    killed.close()
    after = History(path)
    after.append(lambda: [ENTRY]).result()
    after.close()
    verdict = verify(path)
    assert (verdict.intact, verdict.lines, verdict.segments) == (True, 2, 1)
    path.with_name("history.witness").unlink()
    assert not verify(path).intact
