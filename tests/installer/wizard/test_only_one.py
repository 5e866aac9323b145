"""Two wizards of one user on one installation are one too many; a dead one is none."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from wizard.only_one import AlreadyOpenError, lock_name, only_one

WIZARD = Path(__file__).resolve().parents[3] / "installer" / "linux"
HOLD = """
import sys
sys.path.append({place!r})
from pathlib import Path
from wizard.only_one import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyOpenError), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_another_installation_is_another_matter(tmp_path: Path) -> None:
    with only_one(tmp_path / "one"), only_one(tmp_path / "other"):
        pass


def test_one_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD.format(place=str(WIZARD)), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyOpenError), only_one(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    with only_one(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_the_wizard_started_does_not_hold_it(tmp_path: Path) -> None:
    with only_one(tmp_path):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with only_one(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="being somebody else takes root")
def test_somebody_elses_program_keeps_nobody_from_installing(tmp_path: Path) -> None:
    squat = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
        "s.bind('\\0' + sys.argv[1]);"
        "s.listen(1); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", squat, lock_name(tmp_path)[1:]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with only_one(tmp_path):
            pass
        process.kill()


def test_a_name_that_nobody_listens_on_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(lock_name(tmp_path))
        with only_one(tmp_path):
            pass
