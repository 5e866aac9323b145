"""How a command declares its options: a parser that is filled in late, and typed options."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

Options = TypeVar("Options", bound="CommandOptions")


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandOptions:
    """What every command may be told.

    Attributes:
        state_dir: the agent's folder; None for the user's own.

    """

    state_dir: Path | None = None


class CommandParser(argparse.ArgumentParser):
    """A parser of a command's options, which are added when the command is chosen.

    Attributes:
        fill: adds them; None where they were added.

    """

    fill: "Callable[[CommandParser], None] | None" = None

    def parse_known_args(  # type: ignore[override]  # the two overloads there say no more
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Add the options if need be, then parse."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill(self)
        return super().parse_known_args(args, namespace)


def define(parser: CommandParser, kind: type[Options], run: Callable[[Options], int]) -> None:
    """Say what runs when a parser's command is chosen.

    Args:
        parser: is given ``--state-dir``; the caller adds all other options.
        kind: of the options; each of its fields is the ``dest`` of one.
        run: is given them, and returns the exit status.

    """
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="keep everything here: settings, local certificate, logs; nothing outside is touched",
    )
    names = tuple(field.name for field in fields(kind))

    def run_parsed(parsed: argparse.Namespace) -> int:
        return run(kind(**{name: getattr(parsed, name) for name in names}))

    parser.set_defaults(run=run_parsed)


def add_json(parser: CommandParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="for programs")


def add_actions(
    parser: CommandParser, actions: Sequence[tuple[str, str, Callable[[CommandParser], None]]]
) -> None:
    """Add what a command can do, as ``trust`` can ``check``.

    Args:
        parser: of the command.
        actions: of each the name, what ``--help`` says, and what adds its options.

    """
    group = parser.add_subparsers(required=True, metavar="ACTION")
    for name, text, fill in actions:
        group.add_parser(name, help=text, description=text).fill = fill
