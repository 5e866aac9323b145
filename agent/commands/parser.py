"""How a command declares its options: a parser that is filled in late, and typed options.

A command's module has a function ``add(parser)``. It calls :func:`define`, or :func:`add_actions`
where the command has several actions. Options are a frozen dataclass derived from
:class:`CommandOptions`; each field is the ``dest`` of an option.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Generic, NoReturn, TypeVar

from agent.commands.tongue import tell
from agent.errors import BadRequestError

EXIT_USAGE: Final = 2
Options = TypeVar("Options", bound="CommandOptions")


class UnfitOptionsError(BadRequestError):
    """Options that do not go together, or not here; the exit status says that, too."""


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

    Whatever it says stands in the catalogue: the help of an argument, :attr:`about` and
    :attr:`ending` are keys of texts.

    Attributes:
        fill: adds the options; None once that is done.
        commands: the parsers of the commands behind this one, by name.
        commands_name: placeholder of such a command.
        parent: the parser of the command before this one; None for the program's own.
        ending: key of what is said behind the options; None for nothing.

    """

    fill: "Callable[[CommandParser], None] | None" = None
    commands_name: str = "COMMAND"
    parent: "CommandParser | None" = None
    ending: str | None = None

    def __init__(self, prog: str = "ankong") -> None:
        """Make a parser without options, but for ``--help``.

        Args:
            prog: the words before the options, as they are typed.

        """
        self.commands: dict[str, CommandParser] = {}
        # A later option must not change what an old script means, nor --pin mean --pin-stdin.
        super().__init__(prog=prog, add_help=False, allow_abbrev=False)
        self.add_argument("-h", "--help", action="help", help="cli.options.help")

    @property
    def path(self) -> str:
        """The words behind the program's name; empty for the program's own parser."""
        return self.prog.partition(" ")[2]

    @property
    def root(self) -> "CommandParser":
        """The program's own parser."""
        return self if self.parent is None else self.parent.root

    @property
    def name(self) -> str:
        """The last of the words."""
        return self.path.rpartition(" ")[2]

    @property
    def about(self) -> str:
        """Key of what the command is good for."""
        return ".".join(["cli", *self.path.split(), "about"])

    @property
    def arguments(self) -> tuple[argparse.Action, ...]:
        """Its options and operands, but not the commands behind it."""
        return tuple(each for each in self._actions if each.help != argparse.SUPPRESS)

    def load(self) -> None:
        """Add the options if that is not done yet."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill(self)

    def add_commands(
        self, fillers: "Mapping[str, Callable[[CommandParser], None]]", name: str
    ) -> None:
        """Add the commands of which one has to be chosen.

        Args:
            fillers: for each command's name, what adds its options.
            name: placeholder of a command.

        """
        self.commands_name = name
        group = self.add_subparsers(
            required=True, metavar=name, help=argparse.SUPPRESS, prog=self.prog
        )
        for each, fill in fillers.items():
            self.commands[each] = group.add_parser(each)
            self.commands[each].fill = fill
            self.commands[each].parent = self

    def parse_known_args(  # type: ignore[override]  # the two overloads there say no more
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Add the options if that is not done yet, then parse."""
        self.load()
        return super().parse_known_args(args, namespace)

    def parse_args(  # type: ignore[override]  # likewise
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Parse; the command that was chosen complains of what it does not know."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            chosen: CommandParser = getattr(parsed, "parser", self)
            chosen.refuse_unknown(unknown)
        return parsed

    def refuse_unknown(self, unknown: Sequence[str]) -> NoReturn:
        """End the program: these arguments mean nothing to the command."""
        from agent.commands.usage import nearest  # noqa: PLC0415  # few command lines are wrong

        known = [name for each in self.arguments for name in each.option_strings]
        first = unknown[0].partition("=")[0]
        near = nearest(first, known) if first.startswith("-") else None
        more = "" if near is None else tell("cli.usage.meant", value=near)
        if near == first:  # it stood before the command
            more = tell("cli.usage.behind", value=near, command=self.prog)
        self.error(f"unrecognized arguments: {' '.join(unknown)}", more)

    def error(self, message: str, more: str = "") -> NoReturn:
        """End the program with the exit status 2, and say on standard error what is wrong.

        Args:
            message: argparse's own.
            more: what else helps; already in the language of the command line.

        """
        from agent.commands import help_page, usage  # noqa: PLC0415  # few command lines are wrong

        if self.commands and message.endswith(f"required: {self.commands_name}"):
            self.exit(EXIT_USAGE, help_page.page(self))
        said = "\n".join(filter(None, (usage.explained(message, self._actions), more)))
        hint = tell("cli.usage.see_help", command=f"{self.prog} --help")
        self.exit(EXIT_USAGE, f"{help_page.usage(self)}\n{self.prog}: {said}\n{hint}\n")

    def format_help(self) -> str:
        """Return what ``--help`` prints."""
        from agent.commands import help_page  # noqa: PLC0415  # few command lines ask for it

        return help_page.page(self)


@dataclass(frozen=True, slots=True)
class CommandAction(Generic[Options]):
    """One action of a command, as ``check`` is one of ``trust``.

    Attributes:
        name: as it is typed.
        options: the type of its options.
        run: carries it out, and returns the exit status.
        add_options: adds the options that :func:`define` does not; None where there are none.

    """

    name: str
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
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="cli.options.state_dir")
    if issubclass(kind, JsonOptions):
        parser.add_argument("--json", action="store_true", help="cli.options.json")
    names = tuple(field.name for field in fields(kind))

    def run_parsed(parsed: argparse.Namespace) -> int:
        return run(kind(**{name: getattr(parsed, name) for name in names}))

    parser.set_defaults(run=run_parsed, parser=parser)


def add_actions(parser: CommandParser, actions: Iterable[CommandAction[Any]]) -> None:
    """Add the actions of a command, one of which has to be chosen."""
    parser.add_commands({action.name: action.add for action in actions}, "ACTION")
