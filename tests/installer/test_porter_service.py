"""The unit of the porter, as systemd itself judges it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from linux.build.tree import porter_service

from agent.cli import COMMANDS, parser_of

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
MOST_EXPOSED = 15  # tenths, of 100: it shares the computer's network and sees whose a socket is


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Return the unit with a program that is there."""
    path = tmp_path / "ankong-porter.service"
    text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", porter_service())
    path.write_text(text.replace("Documentation=man:ankong(1)\n", ""))
    return path


@needs_systemd
def test_systemd_understands_every_line(unit: Path) -> None:
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", unit],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert unit.name not in done.stderr


@needs_systemd
def test_systemd_finds_little_left_to_take_away(unit: Path) -> None:
    command = [str(ANALYZE), "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    loose = unit.with_name("loose.service")
    loose.write_text("[Service]\nExecStart=/bin/true\n")
    command[-1] = str(loose)
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode != 0


def test_it_sees_people_and_their_ports() -> None:
    settings = dict(re.findall(r"(?m)^(\w+)=(.*)$", porter_service()))
    assert settings["CapabilityBoundingSet"] == settings["AmbientCapabilities"] == ""
    assert settings["NoNewPrivileges"] == settings["DynamicUser"] == "yes"
    # With either of them every person would be nobody, or every port another one.
    assert not {"PrivateUsers", "PrivateNetwork"} & set(settings)
    # What agents leave unread counts against whoever accepted it.
    assert not {"MemoryMax", "MemoryHigh"} & set(settings)
    assert settings["RuntimeDirectory"] == "ankong"
    assert "@privileged" in settings["SystemCallFilter"]


def test_it_runs_a_command_that_there_is() -> None:
    (words,) = re.findall(r"(?m)^ExecStart=/usr/lib/ankong/ankong (.*)$", porter_service())
    parser_of(COMMANDS).parse_args(words.split())
