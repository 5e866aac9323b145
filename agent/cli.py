"""The frame of the command line: which commands there are, and what is said when one fails."""

import argparse
import importlib
import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent import __version__
from agent.commands.parser import EXIT_USAGE, CommandParser, UnfitOptionsError
from agent.errors import AgentError

EXIT_FAILED: Final = 1
_VERSION: Final = f"ankong {__version__}"
EXIT_INTERRUPTED: Final = 130
EXIT_UNREAD: Final = 141
"""The exit status where whoever read standard output has gone, as a shell gives it for SIGPIPE."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command, whose module is loaded when it is chosen and not before.

    Attributes:
        name: as it is typed; the catalogue says under ``cli.NAME.about`` what it is good for.
        module: its function ``add(parser)`` adds the options, and says what runs with them (see
            :func:`agent.commands.parser.define`).

    """

    name: str
    module: str

    def add(self, parser: CommandParser) -> None:
        """Load the module, and let it add its options."""
        importlib.import_module(self.module).add(parser)


COMMANDS: Final = tuple(
    Command(name, f"agent.commands.{name}")
    for name in (
        "serve",
        "status",
        "certificates",
        "modules",
        "sign",
        "verify",
        "extend",
        "card",
        "trust",
        "doctor",
        "inspect",
        "inventory",
        "panel",
        "handbook",
        "quit",
        "porter",
        "setup",
        "sites",
        "history",
        "policy",
        "sdk",
        "completion",
    )
)


def run(arguments: Sequence[str], more: Sequence[Command] = ()) -> int:
    """Do what the command line says.

    Args:
        arguments: without the name of the program.
        more: commands besides :data:`COMMANDS`, of packages that this one must not know.

    Returns:
        The exit status: 0, 1 failed, 2 wrong usage, 130 interrupted, 141 where nobody reads what
        is printed; ``verify`` has its own.

    """
    _accept_every_text()
    try:
        if sorted(arguments) == ["--json", "--version"]:
            status = _print_product()
        else:
            status = _run(parser_of((*COMMANDS, *more)), arguments)
        _flush()
    except BrokenPipeError:
        # What is still in the buffer would fail again when the interpreter ends.
        # another way: nothing is kept of what is written there
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for good
        return EXIT_UNREAD
    return status


def _run(parser: CommandParser, arguments: Sequence[str]) -> int:
    try:
        parsed = parser.parse_args(arguments)
    except SystemExit:
        _flush()  # of what --help said, nobody may have read all
        raise
    try:
        status: int = parsed.run(parsed)
    except BrokenPipeError:
        raise
    except (AgentError, OSError) as error:
        from agent.commands.complaints import complain  # noqa: PLC0415  # most commands succeed

        complain(error, as_json=getattr(parsed, "json", False))
        return EXIT_USAGE if isinstance(error, UnfitOptionsError) else _exit_failed(parsed)
    except (KeyboardInterrupt, EOFError):  # the end of what is typed, where a PIN was asked for
        return EXIT_INTERRUPTED
    return status


def _print_product() -> int:
    """Print which program this is, for programs; return the exit status."""
    from agent.host.product import product_facts  # noqa: PLC0415  # few command lines ask for it

    sys.stdout.write(f"{json.dumps(product_facts())}\n")
    return 0


def _exit_failed(parsed: argparse.Namespace) -> int:
    """Return the exit status of a failure: 1, unless 1 says something else of this command."""
    status: int = getattr(parsed, "exit_failed", EXIT_FAILED)
    return status


def parser_of(commands: Sequence[Command]) -> CommandParser:
    """Return the parser of a command line that has some commands."""
    parser = CommandParser()
    parser.add_argument("--version", action="version", help="cli.options.version", version=_VERSION)
    parser.add_commands({each.name: each.add for each in commands}, "COMMAND")
    return parser


def _flush() -> None:
    """Write out what was printed; a program without a console has nowhere to print."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _accept_every_text() -> None:
    """Let no text fail to be printed: on Windows a pipe knows the old code page's letters only."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
