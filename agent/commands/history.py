"""``ankong history``: show what was done with the user's cards, and check the hash chain."""

import argparse
import sys
from dataclasses import dataclass
from typing import Final

from agent.commands.history_rows import break_row, rows
from agent.commands.output import log_aside, say, say_aside, say_json
from agent.commands.parser import CommandOptions, CommandParser, define
from agent.commands.tongue import tell
from agent.history.chain import ChainVerdict
from agent.history.export import as_csv, as_record, verdict_record
from agent.history.store import read, verify
from agent.host.machine.paths import Paths

_SCREEN_LIMIT: Final = 20  # lines


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryOptions(CommandOptions):  # not JsonOptions: --json and --csv exclude each other
    """The options of ``history``.

    Attributes:
        json: whether the answer is one JSON text, for programs.
        csv: whether the answer is CSV (RFC 4180), for spreadsheets.
        limit: how many of the newest lines; None for all of them in JSON and CSV, else for 20.
        verify: whether the hash chain is checked.

    """

    json: bool = False
    csv: bool = False
    limit: int | None = None
    verify: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, HistoryOptions, history)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="cli.options.json")
    how.add_argument("--csv", action="store_true", help="cli.history.csv")
    parser.add_argument("--limit", type=_count, metavar="N", help="cli.history.limit")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="cli.history.verify",
    )


def _count(text: str) -> int:
    if not 0 < (number := int(text)) < 2**63:
        raise argparse.ArgumentTypeError("cli.usage.count")
    return number


def history(options: HistoryOptions) -> int:
    """Print the newest lines; return 1 if ``--verify`` found lines changed or missing."""
    log_aside()
    path = Paths.choose(options.state_dir).history
    verdict = verify(path) if options.verify else None
    limit = options.limit
    if limit is None and not options.csv and not options.json:
        limit = _SCREEN_LIMIT
    lines = read(path, limit=limit)
    if options.csv:
        # Not by print: RFC 4180 ends its lines itself, and Windows would end them once more.
        sys.stdout.buffer.write(as_csv(lines).encode("utf-8"))
        sys.stdout.buffer.flush()
    elif options.json:
        answer: dict[str, object] = {"lines": [as_record(line) for line in lines]}
        if verdict is not None:
            answer["chain"] = verdict_record(verdict)
        say_json(answer)
    else:
        if not lines:
            say_aside(tell("cli.history.said.nothing"))
        for row in rows(lines[::-1]):
            say(row)
    if verdict is not None and not options.json:
        _say_verdict(verdict)
    return 0 if verdict is None or verdict.intact else 1


def _say_verdict(verdict: ChainVerdict) -> None:
    """Print on standard error whether the chain is intact, and what that proves."""
    if verdict.intact:
        say_aside(tell("cli.history.said.holds", number=verdict.lines))
    for found in verdict.breaks:
        say_aside(break_row(found))
    if verdict.more_breaks:
        say_aside(tell("cli.history.said.more", number=verdict.more_breaks))
    say_aside(tell("cli.history.said.proves"))
