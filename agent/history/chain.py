"""Check that the lines of the history are those that were written: all, unchanged, in order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum, unique

from agent.history.line import NOTHING_BEFORE, UNWRITTEN, EntryKind, HistoryLine

MAX_BREAKS = 100  # told one by one; more are only counted


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends, written together with each line.

    Attributes:
        seq: of the last line; 0 before the first.
        segment: of the last line; 1 before the first.
        link: of the last line.

    """

    seq: int = 0
    segment: int = 1
    link: bytes = NOTHING_BEFORE


@unique
class Flaw(StrEnum):
    """How a chain can fail to hold."""

    CHANGED = "changed"
    GAP = "gap"
    UNTIED = "untied"
    END = "end"
    ANEW = "anew"
    NO_REASON = "no_reason"
    SEGMENT_GAP = "segment_gap"
    CUT = "cut"
    OTHER = "other"
    WITNESS = "witness"
    UNWRITTEN = "unwritten"


_WORDS = {
    Flaw.CHANGED: "this line was changed",
    Flaw.GAP: "lines before this one are missing",
    Flaw.UNTIED: "this line does not follow the one before it",
    Flaw.END: "the last lines are missing or were changed",
    Flaw.ANEW: "the chain begins anew",
    Flaw.NO_REASON: "a segment begins here without a reason",
    Flaw.SEGMENT_GAP: "segments before this line are missing",
    Flaw.CUT: "lines that were written after this one are missing",
    Flaw.OTHER: "another line was written here",
    Flaw.WITNESS: "the history's witness, the file beside it, is missing or was changed",
    Flaw.UNWRITTEN: "entries could not be written",
}


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the chain does not hold.

    Attributes:
        seq: the line in which it shows.
        segment: in which it is.
        flaw: what is wrong there.
        detail: what the line itself says about it, in English, if anything.

    """

    seq: int
    segment: int
    flaw: Flaw
    detail: str = ""

    @property
    def what(self) -> str:
        """One English clause."""
        return f"{_WORDS[self.flaw]}: {self.detail}" if self.detail else _WORDS[self.flaw]


@dataclass(slots=True)
class ChainVerdict:
    """What checking the chain found.

    Attributes:
        lines: how many there are.
        segments: how many there are; more than one means that there was a break once.
        breaks: the first hundred, in their order.
        more_breaks: how many others there are.

    """

    lines: int = 0
    segments: int = 0
    breaks: list[Break] = field(default_factory=list)
    more_breaks: int = 0

    def in_segment(self, segment: int) -> Break | None:
        """Return the first break in one segment, if any; entries that are missing are none."""
        return next(
            (
                found
                for found in self.breaks
                if found.segment == segment and found.flaw is not Flaw.UNWRITTEN
            ),
            None,
        )

    @property
    def only_unwritten(self) -> bool:
        """Whether nothing was changed, and entries are missing that could not be written."""
        return bool(self.breaks) and all(found.flaw is Flaw.UNWRITTEN for found in self.breaks)

    @property
    def intact(self) -> bool:
        """Whether every line holds, none is known to be missing, and it was never otherwise."""
        return not self.breaks

    def add(self, found: Break) -> None:
        """Add a break; only the first hundred are kept."""
        if len(self.breaks) < MAX_BREAKS:
            self.breaks.append(found)
        else:
            self.more_breaks += 1


def examine(
    lines: Iterable[HistoryLine], head: Head, before: HistoryLine | None = None
) -> ChainVerdict:
    """Check a chain, line by line.

    Args:
        lines: in the order of their numbers.
        head: where the chain says that it ends.
        before: the line that ``lines`` go on from; None when they are all there are.

    """
    verdict = ChainVerdict()
    last = Head() if before is None else Head(before.seq, before.segment, before.link)
    segments = set()
    for line in lines:
        verdict.lines += 1
        segments.add(line.segment)
        for found in _breaks(last, line):
            verdict.add(found)
        last = Head(line.seq, line.segment, line.link)
    verdict.segments = len(segments)
    if last != head:
        verdict.add(Break(head.seq, head.segment, Flaw.END))
    return verdict


def _breaks(last: Head, line: HistoryLine) -> Iterator[Break]:
    """Yield what is wrong between two lines."""
    begins = line.segment == last.segment + 1
    if line.seq != last.seq + 1:
        # What a new segment says it begins for is no fault of its own.
        yield Break(line.seq, last.segment if begins else line.segment, Flaw.GAP)
    if begins:
        yield _beginning(last, line)
    if not begins and line.segment != last.segment:
        yield Break(line.seq, line.segment, Flaw.SEGMENT_GAP)
    if line.previous != (NOTHING_BEFORE if begins else last.link):
        yield Break(line.seq, line.segment, Flaw.UNTIED)
    if not line.holds:
        yield Break(line.seq, line.segment, Flaw.CHANGED)
    if line.entry.kind == EntryKind.SEGMENT and line.entry.outcome == UNWRITTEN:
        yield Break(line.seq, line.segment, Flaw.UNWRITTEN, line.entry.detail or "")


def _beginning(last: Head, line: HistoryLine) -> Break:
    if line.entry.kind == EntryKind.SEGMENT:
        return Break(line.seq, last.segment, Flaw.ANEW, line.entry.detail or "")
    return Break(line.seq, line.segment, Flaw.NO_REASON)
