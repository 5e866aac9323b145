"""Applications that are under way, as the member's own page shows them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

from agent.portal.members import Way
from agent.portal.store.transaction import Transaction


@unique
class StepState(StrEnum):
    """Where a step stands."""

    DONE = "done"
    NOW = "now"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class ApplicationStep:
    """One step of an application.

    Attributes:
        name: the key of its words in the catalogue.
        state: whether it is behind the member, before, or the one at which they stand.
        at: when it was reached, in seconds since 1970; None where it was not, or nobody knows.

    """

    name: str
    state: StepState
    at: int | None = None


@dataclass(frozen=True, slots=True)
class OpenApplication:
    """An application to become gold that is not decided yet.

    Attributes:
        way: which way.
        number: what the member knows it by; None before it has one.
        since: when it was begun, in seconds since 1970.
        steps: all of them, in their order.
        href: the page on which it goes on, a path of this site.

    """

    way: Way
    number: str | None
    since: int
    steps: Sequence[ApplicationStep]
    href: str


ApplicationSource = Callable[[Transaction, str], Sequence[OpenApplication]]
"""What a way offers: the open applications of a member."""


def line_of_steps(names: Sequence[str], reached: Sequence[int | None]) -> list[ApplicationStep]:
    """Return steps of which as many are behind the member as have times, less the last of them.

    Args:
        names: of all steps, as keys of the catalogue.
        reached: when each of the first steps was reached; the last one is where it stands now.

    """
    steps = []
    for place, name in enumerate(names):
        at = reached[place] if place < len(reached) else None
        if place < len(reached) - 1:
            state = StepState.DONE
        else:
            state = StepState.NOW if place == len(reached) - 1 else StepState.LATER
        steps.append(ApplicationStep(name, state, at))
    return steps
