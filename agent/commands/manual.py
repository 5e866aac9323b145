"""The manual page ``ankong(1)``, made of the parsers and the catalogue, in roff (man(7)).

Installers write it: it is no command, because whoever has ``--help`` needs none.
"""

import argparse
from collections.abc import Iterator

from agent.commands.columns import pieces
from agent.commands.examples import examples_of
from agent.commands.help_page import shown_choices, shown_value
from agent.commands.parser import CommandParser
from agent.commands.tongue import speaking, tell
from agent.commands.usage import named
from agent.host.settings.policy_rules import RULES
from agent.words import Language

_FILES = {
    "~/.local/state/ankong": "state",
    "~/.local/state/ankong/config.toml": "config",
    "/etc/ankong/policy.toml": "policy",
}
OF_ALL = "/etc/xdg/autostart/ankong.desktop"
"""What starts the agent at login where a package is installed, for everybody."""
OF_ONE = "~/.config/autostart/ankong.desktop"
"""What starts it where one user has installed it."""
_VARIABLES = {
    "ANKONG_LANGUAGE": "language",
    "NO_COLOR": "no_color",
    "FORCE_COLOR": "force_color",
}


def manual(parser: CommandParser, language: Language, version: str, autostart: str = OF_ALL) -> str:
    """Return the page for Linux.

    Args:
        parser: of the program, with all of its commands.
        language: of the page.
        version: of the program.
        autostart: the file that starts the agent at login.

    """
    with speaking(language):
        return "\n".join(_lines(parser, version, autostart)) + "\n"


def _lines(parser: CommandParser, version: str, autostart: str) -> Iterator[str]:
    yield f'.TH ANKONG 1 "" "ankong {_plain(version)}" "{_plain(tell("cli.manual.section"))}"'
    yield ".ad l"
    yield ".nh"
    yield from (_heading("name"), rf"ankong \- {_text(tell('cli.manual.purpose'))}")
    yield from (_heading("synopsis"), ".B ankong", ".RI [ " + _plain(named("COMMAND")) + " ]")
    yield ".RI [ " + _plain(tell("cli.page.any_option")) + " ]"
    yield from (_heading("details"), _text(tell("cli.about")))
    yield from (".PP", _text(tell("cli.manual.description")))
    yield from (_heading("options"), *_options(parser))
    yield _heading("commands")
    for each in _commands(parser):
        yield from _command(each)
    yield from (_heading("exit_status"), _text(tell("cli.manual.exits")))
    yield _heading("environment")
    yield from _terms({name: f"cli.manual.{key}" for name, key in _VARIABLES.items()})
    files = {**_FILES, autostart: "autostart"}
    yield _heading("files")
    yield from _terms({name: f"cli.manual.{key}" for name, key in files.items()})
    yield from (_heading("rules"), _text(tell("cli.manual.about_rules")), *_rules())
    yield from (_heading("examples"), *_examples(""))
    yield from (_heading("see_also"), r".BR pcscd (8)")


def _commands(parser: CommandParser) -> Iterator[CommandParser]:
    """Yield the parsers of all commands that can be run, in the order of ``--help``."""
    for each in parser.commands.values():
        each.load()
        if each.commands:
            yield from _commands(each)
        else:
            yield each


def _command(parser: CommandParser) -> Iterator[str]:
    operands = [_operand(each) for each in parser.arguments if not each.option_strings]
    yield f'.SS "{_plain(" ".join([parser.path, *operands]))}"'
    yield _text(tell(parser.about))
    yield from _options(parser)
    if parser.ending is not None:
        yield from (".PP", _text(tell(parser.ending)))
    yield from _examples(parser.path)


def _operand(action: argparse.Action) -> str:
    value = shown_value(action)
    return {"?": f"[{value}]", "+": f"{value}…"}.get(str(action.nargs), value)


def _options(parser: CommandParser) -> Iterator[str]:
    for action in parser.arguments:
        names = [rf"\fB{_plain(name)}\fR" for name in action.option_strings]
        value = shown_value(action)
        if names and value:
            names[-1] += rf" \fI{_plain(value)}\fR"
        yield from (".TP", ", ".join(names) if names else rf"\fI{_plain(value)}\fR")
        yield _text(shown_choices(action))


def _examples(path: str) -> Iterator[str]:
    for each in examples_of(path):
        yield from (".PP", _text(tell(each.key)), ".RS 4", ".nf")
        yield from (f"ankong {_plain(each.line)}", ".fi", ".RE")


def _rules() -> Iterator[str]:
    """Yield what an administrator's policy may lay down."""
    for rule in RULES:
        name = rf"\fB{_plain(rule.name)}\fR"
        yield from (".TP", name, _text(f"{tell(rule.title)}: {tell(rule.help)}"))


def _terms(rows: dict[str, str]) -> Iterator[str]:
    for name, key in rows.items():
        yield from (".TP", rf"\fB{_plain(name)}\fR", _text(tell(key)))


def _heading(name: str) -> str:
    return f'.SH "{_plain(tell(f"cli.manual.{name}"))}"'


def _plain(text: str) -> str:
    """Return a text as roff shows it, hyphens as they are typed, on one line of any kind."""
    for character, escaped in (("\\", r"\e"), ("-", r"\-"), ('"', r"\(dq"), ("~", r"\(ti")):
        text = text.replace(character, escaped)
    return text


def _text(text: str) -> str:
    r"""Return a paragraph; lines may break between ideographs too (``\:``)."""
    escaped = _plain(text)
    broken = "".join(
        piece if piece.endswith(" ") else rf"{piece}\:" for piece in pieces(escaped)
    ).removesuffix(r"\:")
    return rf"\&{broken}" if broken[:1] in {".", "'"} else broken
