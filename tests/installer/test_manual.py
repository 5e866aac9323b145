"""The manual pages of the packages: every command, and nothing that a formatter complains of."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from linux.build.completions import completions
from linux.build.manuals import manual_pages

from agent.cli import COMMANDS, Command, parser_of
from agent.commands.columns import cells
from agent.commands.examples import examples_of
from agent.host.settings.policy_rules import RULES
from tests.unit.test_help import everywhere

PAGES = manual_pages("1.2.3")
ALL = (*COMMANDS, Command("tray", "tray.command"))


def rendered(place: str, folder: Path) -> str:
    """Format a page as ``man`` shows it on a terminal of 80 cells."""
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    page = folder / "ankong.1"
    page.write_text(PAGES[place], "utf-8")
    done = subprocess.run(
        ["man", "--warnings=w", "-E", "UTF-8", "-l", page],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    assert not done.stderr
    return done.stdout


def test_there_is_a_page_in_each_reviewed_language() -> None:
    assert set(PAGES) == {"man1/ankong.1", "zh_TW/man1/ankong.1"}
    assert manual_pages("1.2.3") == PAGES


@pytest.mark.parametrize("place", PAGES)
def test_a_page_shows_every_command_option_and_example(place: str, tmp_path: Path) -> None:
    shown = re.sub(r"\s+", " ", rendered(place, tmp_path))
    for parser in everywhere(parser_of(ALL)):
        if not parser.commands:
            assert f" {parser.path} " in shown
            for example in examples_of(parser.path):
                assert f"ankong {example.line}" in shown
        for action in parser.arguments:
            assert all(name in shown for name in action.option_strings)
    assert all(f" {rule.name} " in shown for rule in RULES)
    assert "1.2.3" in PAGES[place]


@pytest.mark.parametrize("place", PAGES)
def test_no_line_is_wider_than_the_terminal(place: str, tmp_path: Path) -> None:
    wide = [line for line in rendered(place, tmp_path).splitlines() if cells(line) > 80]
    assert all("ankong " in line for line in wide), wide  # an example is copied as one line


@pytest.mark.parametrize("place", PAGES)
def test_no_escape_of_roff_is_left_to_chance(place: str) -> None:
    for line in PAGES[place].splitlines():
        assert not re.search(r"\\(?![-e&:]|f[BIR]|\(dq|\(ti)", line), line
        assert not line.startswith("'")


@pytest.mark.parametrize("place", completions())
def test_the_packages_complete_what_the_program_prints_itself(place: str) -> None:
    """Made at the build, in English; each knows every command, also ``tray``."""
    script = completions()[place]
    for command in ALL:
        assert command.name in script
    assert completions()[place] == script
