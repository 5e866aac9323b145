"""What ``--help`` and a wrong command line say: in the system's language, all of it."""

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import COMMANDS, Command, parser_of, run
from agent.commands.columns import NARROWEST, cells, padded, wrapped
from agent.commands.examples import examples_of
from agent.commands.parser import CommandParser
from agent.commands.tongue import CHOOSING
from agent.commands.usage import explained
from agent.words import SOURCE, Language, load

ALL = (*COMMANDS, Command("tray", "tray.command"))
LOCALES = {Language("zh-Hant"): "zh_TW.UTF-8", Language("en"): "en_US.UTF-8"}
SAME_EVERYWHERE = {"cli.values.PIN", "cli.values.SHELL", "cli.usage.of_argument"}


def everywhere(parser: CommandParser) -> Iterator[CommandParser]:
    """Yield a parser, and those of all commands behind it, with their options."""
    parser.load()
    yield parser
    for each in parser.commands.values():
        yield from everywhere(each)


PATHS = [each.path for each in everywhere(parser_of(ALL))]


def keys_of(parser: CommandParser) -> Iterator[str]:
    yield parser.about
    yield from (str(each.help) for each in parser.arguments)
    yield from (example.key for example in examples_of(parser.path))
    if parser.ending is not None:
        yield parser.ending


@pytest.fixture
def speak(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let a test choose the language; by default there is none."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE", CHOOSING, "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def ended(arguments: list[str]) -> object:
    with pytest.raises(SystemExit) as raised:
        run(arguments, ALL[-1:])
    return raised.value.code


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("path", PATHS)
def test_each_command_explains_itself_in_each_language(
    path: str,
    language: Language,
    speak: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    speak.setenv(CHOOSING, str(language))
    assert ended([*path.split(), "--help"]) == 0
    told = re.sub(r"\s", "", capsys.readouterr().out)
    parser = next(each for each in everywhere(parser_of(ALL)) if each.path == path)
    for key in keys_of(parser):
        said = str(load(language)[key])
        assert re.sub(r"\s", "", said) in told
        if language is not SOURCE:
            assert said != load(SOURCE)[key], key
    for example in examples_of(path):
        assert f"ankong{example.line}".replace(" ", "") in told


def test_every_example_and_every_word_of_help_is_of_a_command() -> None:
    """What no command says any longer does not stay in the catalogue."""
    used = {key for each in everywhere(parser_of(ALL)) for key in keys_of(each)}
    words = {key for key in load(SOURCE) if re.match(r"cli\..*(about|examples\.\d+)$", key)}
    assert words == {key for key in used if key in words}


@pytest.mark.parametrize("path", PATHS)
def test_every_command_has_an_example(path: str) -> None:
    assert examples_of(path)


@pytest.mark.parametrize("key", [key for key in load(SOURCE) if key.startswith("cli.")])
def test_no_word_of_the_command_line_is_left_in_english(key: str) -> None:
    if key not in SAME_EVERYWHERE:
        for language in Language:
            assert language is SOURCE or str(load(language)[key]) != str(load(SOURCE)[key])


@pytest.mark.parametrize("width", [NARROWEST, 80, 200])
@pytest.mark.parametrize("language", Language)
def test_no_line_is_wider_than_the_terminal(
    language: Language,
    width: int,
    speak: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    speak.setenv(CHOOSING, str(language))
    speak.setenv("COLUMNS", str(width))
    for path in PATHS:
        ended([*path.split(), "--help"])
        for line in capsys.readouterr().out.splitlines():
            assert cells(line) <= width or "ankong " in line, line


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "usage:"),
        ({"LANG": "zh_TW.UTF-8"}, "用法："),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_TW.UTF-8"}, "用法："),
        ({"LANG": "zh_TW.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "usage:"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_TW:en"}, "用法："),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "de:zh_TW"}, "用法："),
        ({"LANG": "C", "LANGUAGE": "zh_TW"}, "usage:"),
        ({"LANG": "vi_VN.UTF-8"}, "usage:"),  # nobody has reviewed it: only who asks gets it
        ({"LANG": "zh_TW.UTF-8", CHOOSING: "vi"}, "cách dùng:"),
        ({"LANG": "zh_TW.UTF-8", CHOOSING: "nonsense"}, "用法："),
    ],
    ids=str,
)
@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="their language is a setting")
def test_the_language_is_the_system_s(
    environment: dict[str, str],
    said: str,
    speak: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        speak.setenv(name, value)
    ended(["--help"])
    assert capsys.readouterr().out.startswith(said)


# Wrong command lines.

WRONG = [
    ([], "用法：ankong 指令 [選項]\n"),
    (["card"], "用法：ankong card 動作 [選項]\n"),
    (["statsu"], "指令：沒有「statsu」；可以用："),
    (["docter"], "您要的是 doctor 嗎？"),
    (["sign"], "缺少：檔案"),
    (["sign", "a", "--out"], "--out：缺少它的值"),
    (["sign", "a", "--out", "b", "--hash", "md5"], "沒有「md5」；可以用：SHA-256, SHA-384"),
    (["sign", "a", "--out", "b", "--force=1"], "--force：不需要值，卻給了「1」"),
    (["sign", "a", "--out", "b", "c"], "這裡沒有：c"),
    (["sign", "a", "--out", "b", "--pin", "1"], "您要的是 --pin-stdin 嗎？"),
    (["history", "--json", "--csv"], "--csv：不能和 --json 一起用"),
    (["history", "--limit", "x"], "--limit：「x」不是數字"),
    (["history", "--limit", "0"], "--limit：筆數是 1 以上的數字"),
    (["serve", "--port", "99999"], "--port：連接埠是 0 到 65535"),
    (["serve", "--por", "1"], "您要的是 --port 嗎？"),
    (["--json", "certificates"], "--json 要放在指令後面：ankong certificates --json"),
    (["certificates", "--jsn"], "您要的是 --json 嗎？"),
    (["sites", "alow"], "您要的是 allow 嗎？"),
    (["quit", "\x1b[31m\u202e"], "這裡沒有：\ufffd[31m\ufffd"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=ascii)
def test_a_wrong_command_line_is_explained_and_ends_with_2(
    arguments: list[str],
    said: str,
    speak: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    speak.setenv(CHOOSING, "zh-Hant")
    assert ended(arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert not told.out
    assert not re.search(r"argument|invalid|required|expected|error", told.err)


NEVER_SEEN = re.compile(
    r"^(usage: |%\(prog\)s: error|(positional )?arguments|optional arguments|options|subcommands"
    r"|show |%r is not callable|.* \(default|default: |can't open|unknown parser|argument \"-\""
    r"|cannot have multiple|cannot merge|ambiguous option|conflicting|mutually|dest= is"
    r"|'required' is|invalid option string"
    r"|invalid conflict|\.__call__|command '|option '|argument '|unexpected option"
    r"|argument %\(argument_name\)s: %\(message\)s)"
)
"""Messages for programmers, and what our own page and :func:`explained` replace."""


def messages_of_argparse() -> list[str]:
    """Return each message that this Python's argparse translates for a parser's user."""
    tree = ast.parse(inspect.getsource(argparse))
    classes = [each for each in tree.body if isinstance(each, ast.ClassDef)]
    calls = [
        call
        for each in classes
        for call in ast.walk(each)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"_", "ngettext"}
    ]
    texts = {text.value for call in calls for text in call.args if isinstance(text, ast.Constant)}
    tables = [each for each in ast.walk(tree) if isinstance(each, ast.Dict)]
    texts |= {
        str(call.args[0].value)
        for table in tables
        for call in table.values
        if isinstance(call, ast.Call) and isinstance(call.args[0], ast.Constant)
    }
    return sorted(text for text in texts if isinstance(text, str) and not NEVER_SEEN.match(text))


@pytest.mark.parametrize("message", messages_of_argparse())
def test_every_message_of_argparse_has_our_words(message: str, speak: pytest.MonkeyPatch) -> None:
    speak.setenv(CHOOSING, "zh-Hant")
    said = explained(re.sub(r"%\(\w+\)[sr]|%[sr]", "7", message))
    assert re.search(r"[\u4e00-\u9fff]", said), message


# Columns.


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("讀卡機", 6), ("e\u0301", 1), ("Ａ", 2), ("\u200b", 0)]
)
def test_a_text_takes_as_many_cells_as_a_terminal_gives_it(text: str, width: int) -> None:
    assert cells(text) == width
    assert cells(padded(text, 10)) == 10


def test_lines_break_at_spaces_and_between_ideographs_but_not_before_a_mark() -> None:
    assert wrapped("one two", 3) == ["one", "two"]
    assert wrapped("讀卡機，卡片", 6) == ["讀卡", "機，卡", "片"]
    assert wrapped("see https://site.example/long", 8) == ["see", "https://site.example/long"]
    assert wrapped("", 8) == [""]


def test_no_module_of_a_command_writes_help_itself() -> None:
    """A rule: what stands behind ``help=`` is a key of the catalogue."""
    folder = Path(inspect.getfile(CommandParser)).parent
    for path in sorted(folder.glob("*.py")):
        for text in re.findall(r'\bhelp=f?"([^"]*)"', path.read_text("utf-8")):
            assert text.startswith("cli."), f"{path.name}: {text}"
