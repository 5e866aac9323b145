"""What is looked at on a hosted Mac after installing, with a bundle that is made up."""

import plistlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from devkit import smoke, trial
from devkit.mac_app import AGENT, SEEN, look_at_app
from devkit.shell import SetupError

from agent.host.autostart.macos import LaunchAgent
from agent.host.tls.machine import Machine


def good(command: Sequence[str], given: bytes) -> tuple[int, bytes]:
    assert command[0] == "/usr/bin/codesign"
    assert not given
    return 0, b""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a program that starts at login, as it says itself."""
    path = tmp_path / "Ankong.app" / "Contents" / "MacOS" / "ankong"
    LaunchAgent([str(path), "tray"], Machine(home=tmp_path, platform="darwin")).turn_on()
    return path


def test_a_bundle_that_is_whole_and_starts_at_login_is_seen(program: Path, tmp_path: Path) -> None:
    assert look_at_app(program, good, tmp_path) == SEEN


def test_one_that_codesign_refuses_is_told(program: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="codesign refuses"):
        look_at_app(program, lambda *_: (1, b""), tmp_path)


@pytest.mark.parametrize(
    "content", [None, b"", b"<?xml ", b"[]", plistlib.dumps({}), plistlib.dumps([])]
)
def test_nothing_that_starts_is_told(program: Path, tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / AGENT).unlink()
    if content is not None:
        (tmp_path / AGENT).write_bytes(content)
    with pytest.raises(SetupError, match="nothing starts"):
        look_at_app(program, good, tmp_path)


def test_another_program_that_starts_is_told(program: Path, tmp_path: Path) -> None:
    (tmp_path / AGENT).write_bytes(plistlib.dumps({"ProgramArguments": ["/bin/sh"]}))
    with pytest.raises(SetupError, match="starts /bin/sh"):
        look_at_app(program, good, tmp_path)


def test_what_starts_at_login_has_to_be_gone_afterwards() -> None:
    assert trial.WAYS[".pkg"].traces == (Path.home() / AGENT,)
    assert look_at_app in trial.WAYS[".pkg"].also


def test_a_trace_that_stays_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_SECONDS_TO_GO", 0)
    monkeypatch.setattr(smoke, "use", lambda _: ["used"])
    file, trace = tmp_path / "a.sh", tmp_path / "trace"
    file.touch()
    trace.touch()
    nowhere = tmp_path / "nowhere"
    way = trial.InstallWay(
        "linux", lambda _: ["true"], lambda: nowhere, lambda _: ["true"], traces=(trace,)
    )
    monkeypatch.setattr(trial, "WAYS", {".sh": way})
    with pytest.raises(SetupError, match="trace is still there"):
        trial.play([file])
    trace.unlink()
    assert trial.play([file]) == 0
