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
    """An application that is not decided yet.

    Attributes:
        way: which way.
        number: what the member knows it by; None before it has one.
        since: when it was begun, in seconds since 1970.
        steps: all of them, in their order.
        href: the page on which it goes on, a path of this site.
        closes_account: whether it is for that, and not to become gold.

    """

    way: Way
    number: str | None
    since: int
    steps: Sequence[ApplicationStep]
    href: str
    closes_account: bool = False


ApplicationSource = Callable[[Transaction, str], Sequence[OpenApplication]]
"""What a way offers: the open applications of a member."""


def line_of_steps(
    reached: Sequence[tuple[str, int]], later: Sequence[str]
) -> list[ApplicationStep]:
    """Return the steps of an application that stands at the last one that it reached.

    Args:
        reached: the keys of their words in the catalogue, with the times.
        later: the keys of those that are still to come.

    """
    done = [ApplicationStep(name, StepState.DONE, at) for name, at in reached[:-1]]
    now = [ApplicationStep(name, StepState.NOW, at) for name, at in reached[-1:]]
    return [*done, *now, *(ApplicationStep(name, StepState.LATER) for name in later)]
