"""Whether the lines of the history are the ones that were written, all of them, in their order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agent.signing.history_line import NOTHING_BEFORE, Kind, Line

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


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the chain does not hold.

    Attributes:
        seq: the line in which it shows.
        segment: in which it is.
        what: one English clause.

    """

    seq: int
    segment: int
    what: str


@dataclass(slots=True)
class Verdict:
    """What a walk along the chain found.

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
        """Give the first break in one segment, if any."""
        return next((found for found in self.breaks if found.segment == segment), None)

    @property
    def intact(self) -> bool:
        """Whether every line holds, none is missing, and it was never otherwise."""
        return not self.breaks

    def add(self, found: Break) -> None:
        """Note a break."""
        if len(self.breaks) < MAX_BREAKS:
            self.breaks.append(found)
        else:
            self.more_breaks += 1


def examine(lines: Iterable[Line], head: Head, before: Line | None = None) -> Verdict:
    """Walk along the chain.

    Args:
        lines: in the order of their numbers.
        head: where the chain says that it ends.
        before: the line that ``lines`` go on from; None when they are all there are.

    """
    verdict = Verdict()
    last = Head() if before is None else Head(before.seq, before.segment, before.link)
    segments = set()
    for line in lines:
        verdict.lines += 1
        segments.add(line.segment)
        for segment, what in _faults(last, line):
            verdict.add(Break(line.seq, segment, what))
        last = Head(line.seq, line.segment, line.link)
    verdict.segments = len(segments)
    if last != head:
        verdict.add(Break(head.seq, head.segment, "the last lines are missing or were changed"))
    return verdict


def _faults(last: Head, line: Line) -> Iterator[tuple[int, str]]:
    """Find what is wrong between two lines, and in which segment."""
    begins = line.segment == last.segment + 1
    if line.seq != last.seq + 1:
        # What a new segment says it begins for is no fault of its own.
        yield last.segment if begins else line.segment, "lines before this one are missing"
    if begins:
        yield from _beginning(last, line)
    if not begins and line.segment != last.segment:
        yield line.segment, "segments before this line are missing"
    if line.previous != (NOTHING_BEFORE if begins else last.link):
        yield line.segment, "this line does not follow the one before it"
    if not line.holds:
        yield line.segment, "this line was changed"


def _beginning(last: Head, line: Line) -> Iterator[tuple[int, str]]:
    if line.entry.kind == Kind.SEGMENT:
        yield last.segment, f"the chain begins anew: {line.entry.detail}"
    else:
        yield line.segment, "a segment begins here without a reason"
