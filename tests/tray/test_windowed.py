"""Without a console, what went wrong is shown; what went well says nothing."""

import sys
from pathlib import Path

import pytest

from agent.cli import run
from tray.__main__ import SERVICE_ARGUMENTS, main
from tray.windowed import run_windowed


def _complain(text: str, status: int) -> int:
    sys.stderr.write(f"{text}\n")
    return status


def test_a_failure_is_shown_with_its_reason() -> None:
    shown: list[str] = []
    before = sys.stderr
    assert run_windowed(lambda: _complain("ankong: busy: port 28443", 1), shown.append) == 1
    (text,) = shown
    assert "安控無法執行" in text
    assert text.endswith("ankong: busy: port 28443")
    assert sys.stderr is before


def test_success_shows_nothing_whatever_was_said() -> None:
    shown: list[str] = []
    assert run_windowed(lambda: _complain("a warning", 0), shown.append) == 0
    assert run_windowed(lambda: 1, shown.append) == 1, "nothing was said"
    assert shown == []


def test_wrong_usage_is_a_failure_too() -> None:
    shown: list[str] = []

    def work() -> int:
        _complain("usage: ankong", 2)
        raise SystemExit(2)

    assert run_windowed(work, shown.append) == 2
    assert "usage: ankong" in shown[0]


def test_only_the_end_of_a_long_complaint_is_kept() -> None:
    shown: list[str] = []
    run_windowed(lambda: _complain("x" * 100_000 + "the reason", 1), shown.append)
    assert len(shown[0]) < 2000
    assert shown[0].endswith("the reason")


@pytest.mark.skipif(sys.platform == "win32", reason="it would wait for somebody")
def test_elsewhere_no_box_opens() -> None:
    assert run_windowed(lambda: _complain("a reason", 1)) == 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["completion", "bash"], 0),
        (["status"], 3),
        (["nonsense"], 2),
        (["verify", "there-is-no-such-file"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_program_without_a_console_ends_as_one_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], status: int
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    shown: list[str] = []
    assert run_windowed(lambda: run(arguments), shown.append) == status
    assert len(shown) == (status == 2)


def test_a_service_shows_no_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would see it, and the service would wait for somebody to close it."""
    monkeypatch.setattr(sys, "argv", ["ankong", *SERVICE_ARGUMENTS, "--port", "nonsense"])
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr("tray.windowed.message_box", lambda _: pytest.fail("a box was shown"))
    assert main() == 2
