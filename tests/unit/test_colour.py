"""Colours only where somebody sees them and wants them; times with their zone."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.commands.colour import Colour, coloured, shows_colours
from agent.commands.times import local_time

NAMES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TERM", "WT_SESSION")


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "shown"),
    [
        (Terminal, {}, True),
        (io.StringIO, {}, False),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"NO_COLOR": ""}, True),
        (Terminal, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (Terminal, {"TERM": "dumb"}, False),
        (Terminal, {"TERM": ""}, False),
        (Terminal, {"CLICOLOR": "0"}, False),
        (io.StringIO, {"CLICOLOR": "1"}, False),
        (io.StringIO, {"FORCE_COLOR": "1"}, True),
        (io.StringIO, {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        (io.StringIO, {"CLICOLOR_FORCE": "0"}, False),
    ],
    ids=str,
)
@pytest.mark.skipif(sys.platform == "win32", reason="an old console there shows none")
def test_colours_are_shown_on_a_terminal_unless_somebody_objects(
    stream: Callable[[], io.StringIO],
    environment: dict[str, str],
    shown: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    out = stream()
    assert shows_colours(out) is shown
    assert coloured("text", None, out) == "text"
    assert (coloured("text", Colour.RED, out) == "text") is not shown


@pytest.mark.parametrize("command", ["status", "policy show", "history", "sites"])
def test_json_has_no_colour_even_where_colours_are_forced(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", *command.split(), "--json", "--state-dir", str(tmp_path)],
        env={**os.environ, "FORCE_COLOR": "1"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert json.loads(done.stdout)
    assert b"\x1b" not in done.stdout


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Let a test choose the computer's time zone."""

    def choose(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield choose
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(sys.platform == "win32", reason="has no tzset")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Asia/Taipei", "2026-11-29 18:48:05 +08:00"),
        ("America/St_Johns", "2026-11-29 07:18:05 -03:30"),
        ("UTC", "2026-11-29 10:48:05 +00:00"),
    ],
)
def test_a_moment_is_told_in_the_computer_s_time_with_its_zone(
    name: str, told: str, zone: Callable[[str], None]
) -> None:
    zone(name)
    assert local_time(datetime(2026, 11, 29, 10, 48, 5, 999_999, UTC)) == told
    assert local_time("2026-11-29T10:48:05.999999Z") == told


@pytest.mark.parametrize("text", ["", "yesterday", "9999-99-99", "\x1b[31m", "x" * 1000])
def test_what_is_no_moment_is_shown_harmless_and_short(text: str) -> None:
    said = local_time(text)
    assert len(said) <= 40
    assert "\x1b" not in said
