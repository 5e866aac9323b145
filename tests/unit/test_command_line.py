"""Each command's options stand beside it, and are loaded with it."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.cli import COMMANDS, EXIT_UNREAD, Command, run
from agent.commands.columns import cells
from agent.commands.parser import (
    CommandAction,
    CommandOptions,
    CommandParser,
    JsonOptions,
    add_actions,
    define,
)
from agent.commands.readers import ReaderOptions, add_reader_options
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard

TRAY = Command("tray", "tray.command")
LOADED = """
import json, sys
from agent.cli import run
try:
    run(sys.argv[1:])
except SystemExit:
    pass
json.dump(sorted(sys.modules), sys.stderr)
"""


@pytest.mark.parametrize("command", [*COMMANDS, TRAY], ids=lambda command: command.name)
def test_every_command_explains_its_options(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run([command.name, "--help"], (TRAY,))
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert f"usage: ankong {command.name}" in told
    assert "--state-dir" in told or "ACTION" in told
    # An example stands on one line, to be copied.
    assert all(cells(line) <= 80 or "  ankong " in line for line in told.splitlines())


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_what_names_no_command_loads_none(argument: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOADED, argument], check=True, capture_output=True, timeout=60
    )
    loaded = set(json.loads(done.stderr))
    assert not loaded & {"asyncio", "aiohttp", "msgspec", "structlog", "agent.host"}
    assert not loaded & {command.module for command in COMMANDS}


def test_a_command_is_given_its_options_with_their_types() -> None:
    parser = CommandParser()
    given: list[CommandOptions] = []

    def keep(options: CommandOptions) -> int:
        given.append(options)
        return 0

    parser.fill = lambda each: define(each, CommandOptions, keep)
    parsed = parser.parse_args([])
    assert parsed.run(parsed) == 0
    assert given == [CommandOptions(state_dir=None)]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingOptions(ReaderOptions, JsonOptions):
    """Two kinds of options in one command."""

    depth: int = 1


def test_each_action_is_given_the_options_of_its_kind() -> None:
    given: list[CommandOptions] = []

    def keep(options: CommandOptions) -> int:
        given.append(options)
        return 3

    parser = CommandParser()
    actions = (
        CommandAction("end", CommandOptions, keep),
        CommandAction("list", JsonOptions, keep),
        CommandAction("read", ReadingOptions, keep, _add_reading_options),
    )
    parser.fill = lambda each: add_actions(each, actions)
    arguments = (["end"], ["list"], ["list", "--json"], ["read", "--json", "--provider", "pcsc"])
    for each in arguments:
        parsed = parser.parse_args(each)
        assert parsed.run(parsed) == 3
    assert given == [
        CommandOptions(),
        JsonOptions(),
        JsonOptions(json=True),
        ReadingOptions(
            json=True, provider="pcsc", virtual_card=[], depth=2
        ),  # a list: argparse appends
    ]
    with pytest.raises(SystemExit):
        parser.parse_args(["end", "--json"])


def _add_reading_options(parser: CommandParser) -> None:
    add_reader_options(parser)
    parser.set_defaults(depth=2)


def test_an_unknown_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["quit", "--no-such-option"])
    assert ended.value.code == 2
    assert "--no-such-option" in capsys.readouterr().err


def test_whoever_stops_reading_is_told_nothing(tmp_path: Path) -> None:
    """As ``ankong card scenarios | head -1`` does."""
    command = [sys.executable, "-m", "agent", "card", "scenarios", "--state-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        said = running.stderr.read()
        assert running.wait() == EXIT_UNREAD
    assert b"Traceback" not in said
    assert b"Broken" not in said


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_the_system_refuses_is_said_without_its_number(
    tmp_path: Path,
    make_card: Callable[..., VirtualCard],
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
) -> None:
    card, missing = tmp_path / "card.json", tmp_path / "none.p7m"
    cardfile.save(card, make_card().data)
    words = ["sign", str(missing), "--virtual-card", str(card), "--out", str(tmp_path / "out")]
    assert run([*words, *more, "--state-dir", str(tmp_path / "state")]) == 1
    answer = capsys.readouterr()
    said = answer.out if more else answer.err
    assert ("none.p7m: No such file" if more else "none.p7m: there is no such file") in said
    assert "Errno" not in said
