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
from agent.commands.parser import CommandParser
from agent.errors import AgentError

EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 130
EXIT_UNREAD: Final = 141
"""The exit status where whoever read standard output has gone, as a shell gives it for SIGPIPE."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command, whose module is loaded when it is chosen and not before.

    Attributes:
        name: as it is typed.
        text: what ``ankong --help`` says.
        module: its function ``add(parser)`` adds the options, and says what runs with them (see
            :func:`agent.commands.parser.define`).

    """

    name: str
    text: str
    module: str

    def add(self, parser: CommandParser) -> None:
        """Load the module, and let it add its options."""
        importlib.import_module(self.module).add(parser)


COMMANDS: Final = (
    Command("serve", "run the agent; prints a JSON line when ready", "agent.commands.serve"),
    Command("certificates", "list the certificates on the card", "agent.commands.certificates"),
    Command("sign", "sign a file with the card", "agent.commands.sign"),
    Command("verify", "check a signature, or a login", "agent.commands.verify"),
    Command("card", "make and use virtual cards", "agent.commands.card"),
    Command(
        "trust", "let browsers trust the local certificate, or no longer", "agent.commands.trust"
    ),
    Command("doctor", "find out what is wrong, and repair it", "agent.commands.doctor"),
    Command(
        "inspect",
        "by a browser's log: which programs on this computer a page tried",
        "agent.commands.inspect",
    ),
    Command("panel", "open the running agent's panel in the browser", "agent.commands.panel"),
    Command("quit", "ask the running agent to end, and wait until it has", "agent.commands.quit"),
    Command(
        "setup",
        "for installers: set the program up for this user, or undo that",
        "agent.commands.setup",
    ),
    Command("sites", "which sites may use the card; decide anew", "agent.commands.sites"),
    Command("history", "what was done with the card", "agent.commands.history"),
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
    parsed = _parser((*COMMANDS, *more)).parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer would fail again when the interpreter ends.
        # another way: nothing is kept of what is written there
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for good
        return EXIT_UNREAD
    except AgentError as error:
        _complain(parsed, error)
        return _exit_failed(parsed)
    except OSError as error:
        _complain_of_system(parsed, error)
        return _exit_failed(parsed)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return status


def _exit_failed(parsed: argparse.Namespace) -> int:
    """Return the exit status of a failure: 1, unless 1 says something else of this command."""
    status: int = getattr(parsed, "exit_failed", EXIT_FAILED)
    return status


def _parser(commands: Sequence[Command]) -> CommandParser:
    parser = CommandParser(prog="ankong", description="安控: a local smart-card signing agent")
    parser.add_argument("--version", action="version", version=f"ankong {__version__}")
    group = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        each = group.add_parser(command.name, help=command.text, description=command.text)
        each.fill = command.add
    return parser


def _accept_every_text() -> None:
    """Let no text fail to be printed: on Windows a pipe knows the old code page's letters only."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain_of_system(parsed: argparse.Namespace, error: OSError) -> None:
    """Say what the system refused, and where; its number says nothing to a person."""
    what = error.strerror or str(error) or type(error).__name__
    said = what if error.filename is None else f"{error.filename}: {what}"
    if getattr(parsed, "json", False):
        _complain(parsed, AgentError(said))
    else:
        print(f"ankong: {said}", file=sys.stderr)


def _complain(parsed: argparse.Namespace, error: AgentError) -> None:
    """Say what went wrong: as JSON on standard output where --json was asked for."""
    if getattr(parsed, "json", False):
        answer: dict[str, object] = {"code": str(error.code), "message": error.detail}
        answer["retriable"] = error.retriable
        if error.attempts_left is not None:
            answer["attempts_left"] = error.attempts_left
        print(json.dumps({"error": answer}, ensure_ascii=False))
        return
    left = "" if error.attempts_left is None else f" (attempts left: {error.attempts_left})"
    print(f"ankong: {error.code}: {error.detail}{left}", file=sys.stderr)
