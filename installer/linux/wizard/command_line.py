"""The options of the self-extracting file and of ``ankong-uninstall``, and what they say of them.

All of it is in the citizen's language: argparse, which speaks English, only reads.
"""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.words import Language, section
from agent.words.language import CHOICES, SYSTEM, chosen_language

FILE_VARIABLE = "ANKONG_FILE"
"""Environment variable in which the self-extracting file names itself."""
QUIET_VARIABLE = "ANKONG_QUIET"
"""Environment variable that the self-extracting file sets when it was run with --quiet."""
_REMOVAL_PROGRAM = "ankong-uninstall"
_SETUP_OPTIONS = (
    *("quiet", "accept_licence", "repair", "uninstall", "forget", "downgrade"),
    *("no_start", "no_autostart", "language", "check", "help"),
)
_REMOVAL_OPTIONS = ("quiet", "forget_too", "language", "help")
_ACCEPT = "--accept-licence"
_SHORT = {"quiet": "-q, ", "help": "-h, "}
_COLUMN = 18  # characters: the longest option, and two spaces


class UsageError(Exception):
    """The command line was not understood; the text says what to do."""


@dataclass(frozen=True)
class WizardOptions:
    """What the command line asks for.

    Attributes:
        uninstall: remove the program.
        repair: repair what is installed, without a first page.
        quiet: no window, no question.
        forget: with ``uninstall``: history and sites too.
        accepts_licence: whether the licence is accepted; the wizard's window asks for itself.
        accepting: this command line with the option that accepts it.
        downgrade: replace a newer version without asking.
        starts: whether the agent is started afterwards.
        autostart: whether it starts at login; False is a choice, True leaves it as it is.
        language: of all texts.
        help: only say what options there are.

    """

    uninstall: bool
    repair: bool
    quiet: bool
    forget: bool
    accepts_licence: bool
    accepting: str
    downgrade: bool
    starts: bool
    autostart: bool
    language: Language
    help: bool


def read_options(arguments: Sequence[str], environment: Mapping[str, str]) -> WizardOptions:
    """Understand a command line.

    Args:
        arguments: those after ``--wizard``.
        environment: of the process.

    Raises:
        UsageError: it cannot be understood.

    """
    is_removal = _is_removal(arguments, environment)
    found, rest, wrong = _parse(arguments, is_removal=is_removal)
    language = chosen_language(found.get("language") or SYSTEM)
    program = _program(is_removal=is_removal, environment=environment)
    if found.get("help"):
        rest, wrong = [], ""
    if rest:
        raise _usage_error(language, program, "unknown", option=rest[0])
    if found.get("language") not in (None, *CHOICES):
        wrong = "--language"
    if wrong == "--language":
        raise _usage_error(language, program, "bad_language", choices=", ".join(CHOICES))
    if wrong:
        raise _usage_error(language, program, "bad_value", option=wrong)
    if found.get("repair") and found.get("uninstall"):
        names = {"option": "--repair", "other": "--uninstall"}
        raise _usage_error(language, program, "both", **names)
    return WizardOptions(
        uninstall=found.get("uninstall", False),
        repair=found.get("repair", False),
        quiet=found.get("quiet", False) or bool(environment.get(QUIET_VARIABLE)),
        forget=found.get("forget", False),
        accepts_licence=found.get("accept_licence", False),
        accepting=_accepting(program, arguments),
        downgrade=found.get("downgrade", False),
        starts=not found.get("no_start", False),
        autostart=not found.get("no_autostart", False),
        language=language,
        help=found.get("help", False),
    )


def _accepting(program: str, arguments: Sequence[str]) -> str:
    others = [word for word in arguments if word not in ("-q", "--quiet", "--")]
    return f"{program} {shlex.join(['--quiet', _ACCEPT, *others])}"


def _is_removal(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether ``ankong-uninstall`` was run, not the self-extracting file."""
    return FILE_VARIABLE not in environment and list(arguments[:1]) == ["--uninstall"]


def _parse(arguments: Sequence[str], *, is_removal: bool) -> tuple[dict[str, Any], list[str], str]:
    """Return what was found, what is unknown, and the option whose value is wrong."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    flags = ["--uninstall", "--forget"]
    if not is_removal:
        flags += ["--repair", "--downgrade", "--no-start", "--no-autostart"]
        parser.add_argument(
            _ACCEPT, "--accept-license", action="store_true", default=argparse.SUPPRESS
        )
    for flag in flags:
        parser.add_argument(flag, action="store_true", default=argparse.SUPPRESS)
    parser.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS)
    parser.add_argument("-h", "--help", action="store_true", default=argparse.SUPPRESS)
    parser.add_argument("--language", default=argparse.SUPPRESS)
    try:
        # makeself wants a "--" before our options, and leaves one that comes later to us.
        found, rest = parser.parse_known_args([word for word in arguments if word != "--"])
    except argparse.ArgumentError as error:
        return {}, [], error.argument_name or arguments[0]
    return vars(found), rest, ""


def help_text(language: Language, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return what ``--help`` says; it ends with a line end."""
    is_removal = _is_removal(arguments, environment)
    texts = section(language, "wizard")["help"]
    program = _program(is_removal=is_removal, environment=environment)
    more = "[--quiet] [--forget]" if is_removal else "[--repair | --uninstall] [--quiet] …"
    lines = [
        *(texts["usage"], f"  {program} {more}", ""),
        *(texts["remove" if is_removal else "install"], "", texts["options_title"]),
        *_options(texts["options"], _REMOVAL_OPTIONS if is_removal else _SETUP_OPTIONS),
        *("", texts["examples_title"]),
        *(f"  {program} {each}" for each in _examples(is_removal=is_removal)),
        *("", texts["readers"], texts["exits_removal" if is_removal else "exits"]),
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _options(texts: Mapping[str, str], names: Sequence[str]) -> list[str]:
    lines = []
    for name in names:
        option = "--" + name.removesuffix("_too").replace("_", "-")
        option += " TAG" if name == "language" else ""
        text = texts[name].format_map({"choices": ", ".join(CHOICES)})
        lines.append(f"  {_SHORT.get(name, '') + option:{_COLUMN}}{text}")
    return lines


def _examples(*, is_removal: bool) -> Sequence[str]:
    if is_removal:
        return "", "--quiet", "--quiet --forget"
    return "", f"--quiet {_ACCEPT}", "--repair --quiet", "--uninstall --quiet"


def _program(*, is_removal: bool, environment: Mapping[str, str]) -> str:
    """Return how the program is run, as it would be typed."""
    if is_removal:
        return _REMOVAL_PROGRAM
    file = environment.get(FILE_VARIABLE)
    return f"sh {shlex.quote(Path(file).name)}" if file else "ankong --wizard"


def _usage_error(language: Language, program: str, code: str, **facts: str) -> UsageError:
    texts = section(language, "wizard")["help"]
    see = texts["see"].format_map({"command": f"{program} --help"})
    return UsageError(f"{texts[code].format_map(facts)}\n{see}")
