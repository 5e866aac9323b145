"""The program as the citizen starts it: a process of its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60.0


class Started:
    """``ankong`` as a process."""

    def __init__(self, state: Path, *arguments: str, **environment: str) -> None:
        import os

        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")
        }
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tray", "tray", "--state-dir", str(state)),
                *("--provider", "virtual", *arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**kept, **environment},
        )

    def first_line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            assert self.process.stderr is not None
            raise AssertionError(self.process.stderr.read())
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        with self.process:
            return self.process.wait(SECONDS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_without_any_desktop_it_runs_and_ends_when_told(tmp_path: Path, number: int) -> None:
    started = Started(tmp_path, "--port", "0", "--hipki-port", "0")
    facts = started.first_line()
    assert facts["ready"] is True
    assert started.end(number) == 0
    assert not (tmp_path / "instance.json").exists()


def test_a_second_start_shows_the_panel_of_the_first(tmp_path: Path) -> None:
    first = Started(tmp_path, "--port", "0", "--hipki-port", "0")
    second = Started(tmp_path)  # at the same moment: one of them has to wait for the other
    told = {}
    for started in (first, second):
        facts = started.first_line()
        told["ready" if "ready" in facts else "panel"] = (started, facts)
    winner, facts = told["ready"]
    loser, shown = told["panel"]
    with loser.process:
        assert loser.process.wait(SECONDS) == 0
    assert shown["running"] is True
    assert f":{facts['port']}/panel/#token=" in shown["panel"]
    assert winner.end() == 0


def test_the_panel_command_needs_an_agent(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agent", "panel", "--state-dir", str(tmp_path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["retriable"] is True


def test_the_agent_alone_has_no_word_for_the_tray() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "tray"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 2
