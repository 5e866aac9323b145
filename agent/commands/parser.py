"""How a command declares its options: a parser that is filled in late, and typed options.

A command's module has a function ``add(parser)``. It calls :func:`define`, or :func:`add_actions`
where the command has several actions. Options are a frozen dataclass derived from
:class:`CommandOptions`; each field is the ``dest`` of an option.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

Options = TypeVar("Options", bound="CommandOptions")


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandOptions:
    """The options that every command has.

    Attributes:
        state_dir: the agent's folder; None for the user's own.

    """

    state_dir: Path | None = None


@dataclass(frozen=True, kw_only=True)  # no slots: two bases with slots cannot be combined
class JsonOptions(CommandOptions):
    """The options of a command that answers people or programs.

    Attributes:
        json: whether the answer is one JSON text, for programs.

    """

    json: bool = False


class CommandParser(argparse.ArgumentParser):
    """A parser of a command's options, which are added when the command is chosen.

    Attributes:
        fill: adds the options; None once that is done.

    """

    fill: "Callable[[CommandParser], None] | None" = None

    def parse_known_args(  # type: ignore[override]  # the two overloads there say no more
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Add the options if that is not done yet, then parse."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill(self)
        return super().parse_known_args(args, namespace)


@dataclass(frozen=True, slots=True)
class CommandAction(Generic[Options]):
    """One action of a command, as ``check`` is one of ``trust``.

    Attributes:
        name: as it is typed.
        text: what ``--help`` says.
        options: the type of its options.
        run: carries it out, and returns the exit status.
        add_options: adds the options that :func:`define` does not; None where there are none.

    """

    name: str
    text: str
    options: type[Options]
    run: Callable[[Options], int]
    add_options: Callable[[CommandParser], None] | None = None

    def add(self, parser: CommandParser) -> None:
        """Add the action's options to its parser."""
        define(parser, self.options, self.run)
        if self.add_options is not None:
            self.add_options(parser)


def define(parser: CommandParser, kind: type[Options], run: Callable[[Options], int]) -> None:
    """Set which options a parser's command has, and what runs when the command is chosen.

    Args:
        parser: is given ``--state-dir``, and ``--json`` if ``kind`` is a :class:`JsonOptions`; the
            caller adds all other options.
        kind: the type of the options.
        run: is called with them, and returns the exit status.

    """
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="keep everything here: settings, local certificate, logs; nothing outside is touched",
    )
    if issubclass(kind, JsonOptions):
        parser.add_argument("--json", action="store_true", help="for programs")
    names = tuple(field.name for field in fields(kind))

    def run_parsed(parsed: argparse.Namespace) -> int:
        return run(kind(**{name: getattr(parsed, name) for name in names}))

    parser.set_defaults(run=run_parsed)


def add_actions(parser: CommandParser, actions: Iterable[CommandAction[Any]]) -> None:
    """Add the actions of a command, one of which has to be chosen."""
    group = parser.add_subparsers(required=True, metavar="ACTION")
    for action in actions:
        each = group.add_parser(action.name, help=action.text, description=action.text)
        each.fill = action.add
