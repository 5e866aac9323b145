"""The scripts that complete command lines, run by the shells that are installed."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.cli import COMMANDS, Command, parser_of
from agent.commands.completion_model import described
from agent.commands.completion_scripts import WRITERS
from agent.commands.parser import CommandParser
from agent.commands.tongue import CHOOSING
from agent.words import Language

ALL = (*COMMANDS, Command("tray", "tray.command"))


def script(shell: str) -> str:
    return WRITERS[shell](described(parser_of(ALL)))


def ran(command: list[str], folder: Path) -> list[str]:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    assert not done.stderr
    return done.stdout.split("\n")[:-1]


def in_bash(words: list[str], folder: Path) -> list[str]:
    (folder / "script").write_text(script("bash"))
    line = " ".join(f"'{word}'" for word in words)
    program = f"""
        compopt() {{ :; }}
        source ./script
        COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}
        _ankong
        for each in "${{COMPREPLY[@]}}"; do echo "$each"; done
    """
    return ran(["bash", "--norc", "-c", program], folder)


def in_zsh(words: list[str], folder: Path) -> list[str]:
    (folder / "script").write_text(script("zsh"))
    line = " ".join(f"'{word}'" for word in words)
    program = f"""
        compdef() {{ : }}; compset() {{ : }}
        compadd() {{ shift; print -rl -- ${{(M)@:#${{last##*=}}*}} }}
        _files() {{ print -rl -- ${{last##*=}}*(N) }}
        source ./script
        words=({line}); CURRENT={len(words)}; last=$words[-1]
        _ankong
    """
    return ran(["zsh", "-f", "-c", program], folder)


def in_fish(words: list[str], folder: Path) -> list[str]:
    (folder / "script").write_text(script("fish"), "utf-8")
    program = f"source ./script; complete -C '{' '.join(words)}'"
    lines = ran(["fish", "--no-config", "-c", program], folder)
    return [line.partition("\t")[0] for line in lines]


SHELLS: dict[str, Callable[[list[str], Path], list[str]]] = {
    "bash": in_bash,
    "zsh": in_zsh,
    "fish": in_fish,
}


@pytest.fixture(params=SHELLS)
def complete(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., set[str]]:
    """Complete the last of some words, in a folder with the file ``letter.pdf``."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    (tmp_path / "letter.pdf").touch()

    def completed(*words: str) -> set[str]:
        return {each for each in SHELLS[request.param](["ankong", *words], tmp_path) if each}

    return completed


Complete = Callable[..., set[str]]


def test_commands_and_actions_are_completed(complete: Complete) -> None:
    assert complete("") == {command.name for command in ALL}
    assert complete("si") == {"sign", "sites"}
    assert complete("trust", "") == {"check", "install", "uninstall"}
    assert complete("card", "s") == {"scenarios"}
    assert complete("sites", "allow") == {"allow", "allow-blind"}


def test_options_of_the_command_alone_are_completed(complete: Complete) -> None:
    assert complete("sign", "--p") == {"--password-stdin", "--pin-stdin", "--provider"}
    assert complete("card", "new", "--v") == {"--validity"}
    assert complete("quit", "--js") == set()
    assert "--version" in complete("--")


def test_the_values_of_an_option_are_completed_and_taken_for_no_command(
    complete: Complete,
) -> None:
    assert complete("sign", "--hash", "") == {"SHA-256", "SHA-384", "SHA-512"}
    assert complete("sign", "--hash", "SHA-3") == {"SHA-384"}
    assert complete("sign", "--out", "let") == {"letter.pdf"}
    assert complete("sign", "let") == {"letter.pdf"}
    assert complete("card", "new", "--name", "insert", "--vali") == {"--validity"}
    assert complete("completion", "") == set(WRITERS)


def test_a_value_behind_an_equals_sign_is_completed(tmp_path: Path) -> None:
    """Bash itself parts such a word; its completion is given three."""
    assert in_bash(["ankong", "sign", "--hash", "=", "SHA-3"], tmp_path) == ["SHA-384"]
    assert len(in_bash(["ankong", "sign", "--hash", "="], tmp_path)) == 3
    if shutil.which("zsh") is not None:
        assert in_zsh(["ankong", "sign", "--hash=SHA-3"], tmp_path) == ["SHA-384"]


def test_powershell_s_tables_have_every_command_and_option() -> None:
    """No PowerShell is in the gate: that one runs there, the READMEs do not say."""
    text = script("powershell")
    for shape in described(parser_of(ALL)):
        for name in shape.commands:
            assert f"'{shape.path}|{name}' = '{f'{shape.path} {name}'.strip()}'" in text
        names = " ".join(name for option in shape.options for name in option.names)
        assert f"'{shape.path}' = '{names}'" in text
    assert text.count("{") == text.count("}")
    assert text.count("(") == text.count(")")


@pytest.mark.parametrize("language", Language)
def test_what_fish_shows_is_in_the_language_and_quoted(
    language: Language, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(CHOOSING, str(language))
    path = tmp_path / "script"
    path.write_text(script("fish"), "utf-8")
    assert any(shape.text in path.read_text("utf-8") for shape in described(parser_of(ALL)))
    if shutil.which("fish") is not None:
        assert ran(["fish", "--no-execute", str(path)], tmp_path) == []


@pytest.mark.parametrize("name", ["a b", "$(id)", "x'y", "é", ""])
def test_a_name_that_means_something_to_a_shell_is_never_written(name: str) -> None:
    parser = CommandParser()
    parser.add_argument("--hash", choices=(name,), help="cli.sign.hash")
    with pytest.raises(ValueError, match="to a shell"):
        described(parser)
