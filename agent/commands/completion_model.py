"""What can be typed where, read from the parsers, for the scripts that complete command lines."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agent.commands.parser import CommandParser
from agent.commands.tongue import tell

_SAFE: Final = re.compile(r"[A-Za-z0-9.:/_-]+")
"""What stands in every shell's script without quotation marks, and means itself."""


@dataclass(frozen=True, slots=True)
class ValueShape:
    """What stands behind an option, or as an operand.

    Attributes:
        words: the only ones that may; empty for any.
        is_path: whether it is a file or a folder.

    """

    words: tuple[str, ...] = ()
    is_path: bool = False


@dataclass(frozen=True, slots=True)
class OptionShape:
    """An option of a command.

    Attributes:
        names: such as ``-h`` and ``--help``.
        text: what it does, in the language of the command line.
        value: what stands behind it; None where nothing does.

    """

    names: tuple[str, ...]
    text: str
    value: ValueShape | None


@dataclass(frozen=True, slots=True)
class CommandShape:
    """A command, or the program itself.

    Attributes:
        path: its words behind the program's name, such as ``card new``; empty for the program.
        text: what it is good for.
        options: its own.
        operands: what stands there without a name.
        commands: the words of which one may follow.

    """

    path: str
    text: str
    options: tuple[OptionShape, ...]
    operands: tuple[ValueShape, ...]
    commands: tuple[str, ...]


def described(parser: CommandParser) -> tuple[CommandShape, ...]:
    """Return the program and all of its commands.

    Raises:
        ValueError: a name would mean something to a shell.

    """
    return tuple(_walk(parser))


def _walk(parser: CommandParser) -> Iterator[CommandShape]:
    parser.load()
    options = tuple(
        OptionShape(
            tuple(map(_safe, each.option_strings)),
            tell(each.help or ""),
            None if each.nargs == 0 else _value(each),
        )
        for each in parser.arguments
        if each.option_strings
    )
    operands = tuple(_value(each) for each in parser.arguments if not each.option_strings)
    names = tuple(map(_safe, parser.commands))
    yield CommandShape(parser.path, tell(parser.about), options, operands, names)
    for each in parser.commands.values():
        yield from _walk(each)


def _value(action: argparse.Action) -> ValueShape:
    words = tuple(_safe(str(each)) for each in action.choices or ())
    return ValueShape(words, is_path=action.metavar in {"FILE", "DIR"})


def _safe(word: str) -> str:
    if _SAFE.fullmatch(word) is None:
        raise ValueError(f"{word!r} would mean something to a shell")
    return word
