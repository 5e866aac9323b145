"""Which card a site means, from one WebSocket to the next: each call of a page opens its own."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent.origin import Origin
from agent.signing.model import Snapshot

CHOICE_SECONDS: Final = 600.0
MAX_SITES: Final = 64


@dataclass(frozen=True, slots=True)
class _Choice:
    """A card, when it stops being meant, by the clock, and whether the site named it itself."""

    serial: str
    ends: float
    is_named: bool


class ChosenCards:
    """The card that each site means, for ten minutes, or until the card has gone.

    The one that it named; or the one that the citizen chose for it, which the site then also reads,
    so that number, certificate and signature are of one card. Which card signs is asked each time
    that the site named none.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none; ``clock`` gives seconds that only grow."""
        self._clock = clock
        self._choices: OrderedDict[Origin, _Choice] = OrderedDict()

    def named(self, site: Origin, serial: str) -> None:
        """Remember the card that a site named, by the card's own number."""
        self._remember(site, serial, is_named=True)

    def used(self, site: Origin, serial: str) -> None:
        """Remember the card that was used for a site, unless it named that one itself."""
        known = self._choices.get(site)
        stands = known is not None and known.is_named and self._clock() < known.ends
        if known is None or not stands or known.serial != serial:
            self._remember(site, serial, is_named=False)

    def to_read(self, site: Origin, now: Snapshot) -> str | None:
        """Return the number of the card that a site reads; None for none that is there now."""
        choice = self._standing(site, now)
        return None if choice is None else choice.serial

    def to_use(self, site: Origin, now: Snapshot) -> str | None:
        """Return the number of the card whose keys a site means; None where it named none."""
        choice = self._standing(site, now)
        return choice.serial if choice is not None and choice.is_named else None

    def _remember(self, site: Origin, serial: str, *, is_named: bool) -> None:
        self._choices.pop(site, None)
        self._choices[site] = _Choice(serial, self._clock() + CHOICE_SECONDS, is_named)
        if len(self._choices) > MAX_SITES:
            self._choices.popitem(last=False)

    def _standing(self, site: Origin, now: Snapshot) -> _Choice | None:
        choice = self._choices.get(site)
        if choice is None:
            return None
        is_here = any(reader.serial == choice.serial for reader in now.readers)
        if not is_here or self._clock() >= choice.ends:
            del self._choices[site]
            return None
        return choice
