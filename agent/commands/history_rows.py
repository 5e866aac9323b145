"""A history's lines, and the faults of its chain, as rows in the language of the command line."""

import re
from collections.abc import Sequence
from typing import Final

from agent.commands.columns import cells, padded
from agent.commands.times import local_time
from agent.commands.tongue import tell
from agent.history.chain import Break, Flaw
from agent.history.line import BLIND, JRSYS, UNWRITTEN, EntryKind, HistoryLine, presentable
from agent.words import SOURCE, load

_SENTENCE_ENDS: Final = re.compile(r"\.(?= |$)|\u3002")
_FLAWS: Final = {Break(0, 0, flaw).what: flaw for flaw in Flaw}
# What agent.history.store writes into the chain, where it stays as it is.
_IN_LINE: Final = re.compile(r"line (\d+): (.*)", re.DOTALL)
_COUNT: Final = re.compile(r"(\d+) of them")
_CORRUPT: Final = re.compile(r"the file was corrupt and is now (.*)", re.DOTALL)
_FAULTS: Final = {
    "it is not there": "cli.history.said.absent",
    "its authentication does not hold": "cli.history.said.unauthentic",
}
"""Of the witness."""


def rows(lines: Sequence[HistoryLine]) -> list[str]:
    """Return a row for each line, in columns that hold."""
    kinds = (_kind(line.entry.kind) for line in lines if line.entry.kind != EntryKind.SEGMENT)
    width = max(map(cells, kinds), default=0)
    return [_row(line, width) for line in lines]


def break_row(found: Break) -> str:
    """Return where the chain does not hold, and what is wrong there."""
    what = tell(f"panel.history.flaw_{found.flaw}")
    if found.detail:
        what = f"{what}: {reason(found.detail)}"
    return tell("panel.history.break", seq=found.seq, what=what)


def reason(written: str) -> str:
    """Return in words why a segment begins, or what is known of a fault.

    Args:
        written: as it stands in the chain, in English; what this version does not write is
            returned as it is.

    """
    written = presentable(written)  # somebody may have changed the file
    if counted := _COUNT.fullmatch(written):
        return tell("cli.history.said.of_them", number=int(counted[1]))
    if corrupt := _CORRUPT.fullmatch(written):
        return tell("cli.history.said.corrupt", name=corrupt[1])
    if written in _FAULTS:
        return tell(_FAULTS[written])
    if placed := _IN_LINE.fullmatch(written):
        return tell("panel.history.break", seq=int(placed[1]), what=reason(placed[2]))
    clause, _, detail = written.partition(": ")
    if clause in _FLAWS:
        what = tell(f"panel.history.flaw_{_FLAWS[clause]}")
        return f"{what}: {reason(detail)}" if detail else what
    return written


def _row(line: HistoryLine, width: int) -> str:
    entry = line.entry
    begin = f"{line.seq:>6}  {local_time(entry.at)}"
    if entry.kind == EntryKind.SEGMENT and entry.outcome == UNWRITTEN:
        return f"{begin}  -- {tell('panel.history.unwritten', count=entry.count)}"
    if entry.kind == EntryKind.SEGMENT:
        why = f": {reason(entry.detail)}" if entry.detail else ""
        return f"{begin}  -- {tell('panel.history.segment')}{why}"
    notes = [_note(entry.detail)] if entry.detail in {BLIND, JRSYS} else []
    if entry.count > 1:
        notes.insert(0, tell("cli.history.said.documents", number=entry.count))
    about = (
        entry.site,
        entry.format,
        entry.document,
        *(f"({note})" for note in notes),
        f"{entry.hash} {entry.digest[:16]}…" if entry.digest else None,
        f"· {entry.holder}" if entry.holder else None,
        f"· {_outcome(entry.outcome)}",
    )
    # Each was made so when it was written; somebody may have changed the file since.
    shown = " ".join(presentable(each) for each in about if each)
    return "  ".join((begin, padded(_kind(entry.kind), width), shown))


def _note(detail: str | None) -> str:
    return tell("panel.history.blind") if detail == BLIND else "JRSYS"


def _kind(kind: str) -> str:
    return _known(f"panel.history.kind_{kind}") or presentable(kind)


def _outcome(outcome: str) -> str:
    """Return what happened, without what the citizen could have done about it then."""
    keys = (f"panel.history.outcome_{outcome}", f"panel.codes.{outcome}", f"codes.{outcome}")
    said = next(filter(None, map(_known, keys)), None)
    return _SENTENCE_ENDS.split(said)[0] if said else presentable(outcome)


def _known(key: str) -> str | None:
    return tell(key) if key in load(SOURCE) else None
