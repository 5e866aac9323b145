"""``ankong history``: what was done with the citizen's cards, and whether the record holds."""

import argparse
import sys
from dataclasses import dataclass
from typing import Final

from agent.commands.output import log_aside, say, say_aside, say_json
from agent.commands.parser import CommandOptions, CommandParser, define
from agent.history.chain import ChainVerdict
from agent.history.export import as_csv, as_record, verdict_record
from agent.history.line import EntryKind, HistoryLine
from agent.history.store import read, verify
from agent.host.machine.paths import Paths

_ON_A_SCREEN: Final = 20  # lines


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryOptions(CommandOptions):
    """What ``history`` is told.

    Attributes:
        json: whether the answer is for a program.
        csv: whether it is for a spreadsheet.
        limit: how many of the newest lines; None for all that are exported, or 20 on a screen.
        verify: whether every line is checked.

    """

    json: bool = False
    csv: bool = False
    limit: int | None = None
    verify: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, HistoryOptions, history)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="for programs")
    how.add_argument("--csv", action="store_true", help="for spreadsheets")
    parser.add_argument("--limit", type=_count, metavar="N", help="only the newest N lines")
    parser.add_argument(
        "--verify", action="store_true", help="also check every line; fails where one was changed"
    )


def _count(text: str) -> int:
    if not 0 < (number := int(text)) < 2**63:
        raise argparse.ArgumentTypeError("a count is 1 or more")
    return number


def history(options: HistoryOptions) -> int:
    """Print the newest lines, all of them where they are exported; fail where they do not hold."""
    log_aside()
    path = Paths.choose(options.state_dir).history
    verdict = verify(path) if options.verify else None
    limit = options.limit
    if limit is None and not options.csv and not options.json:
        limit = _ON_A_SCREEN
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
            say_aside("nothing was done with a card")
        for line in reversed(lines):
            say(_words(line))
    if verdict is not None and not options.json:
        _complain(verdict)
    return 0 if verdict is None or verdict.intact else 1


def _words(line: HistoryLine) -> str:
    entry = line.entry
    when = entry.at[:19].replace("T", " ") + "Z"
    if entry.kind == EntryKind.SEGMENT:
        return f"{line.seq:>6}  {when}  -- the chain begins anew: {entry.detail}"
    what = " ".join(filter(None, (entry.kind, entry.format, entry.document)))
    digest = f" {entry.hash} {entry.digest[:16]}…" if entry.digest else ""
    many = f" ({entry.count} documents)" if entry.count > 1 else ""
    whose = f" · {entry.holder}" if entry.holder else ""
    return f"{line.seq:>6}  {when}  {entry.outcome:<14} {entry.site}  {what}{many}{digest}{whose}"


def _complain(verdict: ChainVerdict) -> None:
    """Say on standard error whether the chain holds."""
    if verdict.intact:
        say_aside(f"the chain holds; lines: {verdict.lines}")
        return
    for found in verdict.breaks:
        say_aside(f"line {found.seq}: {found.what}")
    if verdict.more_breaks:
        say_aside(f"and {verdict.more_breaks} more")
