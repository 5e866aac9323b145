"""How setting up is reported: in words, as JSON, and through pipes that know few letters."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import structlog

from agent.cli import run
from agent.host import autostart as autostart_module
from agent.host.autostart import program_command
from agent.setup.report import StepResult, run_steps
from agent.words import Language, load


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()  # a command sends them to the standard error of its test


def test_a_step_that_fails_in_any_way_does_not_stop_the_others() -> None:
    def falls() -> Sequence[StepResult]:
        raise RuntimeError("secret detail")

    steps = run_steps({"trust": falls, "files": falls})
    assert [(step.ok, step.code) for step in steps] == [
        (False, "trust_failed"),
        (False, "files_failed"),
    ]
    assert "secret" not in steps[0].message(Language.ENGLISH)


def test_every_step_can_fail_in_words() -> None:
    for step in ("agent", "trust", "autostart", "file_manager", "record", "files"):
        assert f"setup.{step}_failed" in load(Language.ENGLISH)


@pytest.mark.parametrize("verb", [["complete"], ["undo"], ["undo", "--forget"]])
def test_the_commands_answer_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: list[str], at_home: Callable[[], None]
) -> None:
    at_home()
    assert run(["setup", *verb, "--json", "--state-dir", str(tmp_path / "state")]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is True
    assert all(step["ok"] and step["message"]["zh-Hant"] for step in answer["steps"])


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Move this process's home to a temporary folder."""

    def move() -> None:
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            monkeypatch.delenv(name, raising=False)

    return move


def test_a_pipe_that_knows_no_chinese_is_no_reason_to_fail(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agent", "setup", "undo", "--state-dir", str(tmp_path / "s")]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "HOME": str(tmp_path)}
    plain = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert b"The agent was not running." in plain.stdout
    told = subprocess.run([*command, "--json"], env=environment, capture_output=True, check=True)
    assert json.loads(told.stdout.decode("ascii"))["ok"] is True


@pytest.mark.parametrize("has_windowed", [True, False])
def test_on_windows_the_program_without_a_console_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_windowed: bool
) -> None:
    program = tmp_path / "ankong.exe"
    if has_windowed:
        (tmp_path / "ankongw.exe").touch()
    monkeypatch.setattr(autostart_module.sys, "platform", "win32")
    monkeypatch.setattr(autostart_module.sys, "frozen", True, raising=False)
    monkeypatch.setattr(autostart_module.sys, "executable", str(program))
    expected = tmp_path / "ankongw.exe" if has_windowed else program
    assert program_command() == (str(expected), "tray")
