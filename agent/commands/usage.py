"""What is said of a wrong command line: argparse's messages in the words of the catalogue."""

import argparse
import ast
import difflib
import re
from collections.abc import Iterable
from typing import Final

from agent.commands.tongue import tell
from agent.harmless import printable

KEY: Final = re.compile(r"cli(\.[A-Za-z0-9_]+)+")
"""A key of the catalogue, where a command hands one to argparse instead of a text."""
_OF_ARGUMENT: Final = re.compile(r"argument (?P<argument>.*?): (?P<rest>.*)", re.DOTALL)
_MESSAGES: Final = {
    "required": r"the following arguments are required: (?P<names>.*)",
    "one_of": r"one of the arguments (?P<names>.*) is required",
    "unrecognized": r"unrecognized arguments: (?P<names>.*)",
    "choice": r"invalid choice: (?P<value>.*) \(choose from .*\)",
    "kind": r"invalid .* value: (?P<value>.*)",
    "not_with": r"not allowed with argument (?P<other>.*)",
    "no_value_taken": r"ignored explicit argument (?P<value>.*)",
    "value_missing": r"expected (?:one argument|at least one argument|\d+ arguments?)",
    "value_too_many": r"expected at most one argument",
}
"""Each message of argparse's that a command line of ours can cause, by the rest of its key."""


def named(name: str) -> str:
    """Return the placeholder of a value, such as FILE, in the language of the command line."""
    try:
        return tell(f"cli.values.{name}")
    except KeyError:
        return name


def explained(message: str, actions: Iterable[argparse.Action] = ()) -> str:
    """Return what argparse says of a command line, in the language of the command line.

    Args:
        message: as :meth:`argparse.ArgumentParser.error` is given it.
        actions: what the parser knows, to say what may have been meant.

    """
    found = _OF_ARGUMENT.fullmatch(message)
    if found is None:
        return _said(message, [])
    name, rest = found["argument"], found["rest"]
    action = next((each for each in actions if name in _names(each)), None)
    choices = [] if action is None or action.choices is None else [str(c) for c in action.choices]
    return tell("cli.usage.of_argument", argument=_translated(name), problem=_said(rest, choices))


def _names(action: argparse.Action) -> tuple[str, ...]:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest
    return ("/".join(action.option_strings), metavar)


def _said(message: str, choices: list[str]) -> str:
    if KEY.fullmatch(message):
        return tell(message)
    for name, pattern in _MESSAGES.items():
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found is not None:
            told = {key: _shown(key, value) for key, value in found.groupdict().items()}
            if name == "choice":
                return _said_of_choice(told["value"], choices)
            return tell(f"cli.usage.{name}", **told)
    return printable(message)


def _said_of_choice(value: str, choices: list[str]) -> str:
    said = tell("cli.usage.choice", value=value, names=", ".join(choices))
    near = nearest(value, choices)
    return said if near is None else f"{said}\n{tell('cli.usage.meant', value=near)}"


def nearest(value: str, choices: Iterable[str]) -> str | None:
    """Return the one of some names that a wrong one was probably meant to be."""
    near = difflib.get_close_matches(value.lower(), list(choices), n=1)
    return near[0] if near else None


def _shown(key: str, value: str) -> str:
    if key == "names":
        return ", ".join(map(_translated, re.split(r"[, ]+", printable(value))))
    return printable(_unquoted(value)) if key == "value" else printable(value)


def _unquoted(value: str) -> str:
    """Return the text of a literal of Python's, as which argparse shows a value."""
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value


def _translated(name: str) -> str:
    return named(name) if name.isupper() else name
