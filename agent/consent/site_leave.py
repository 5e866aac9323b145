"""What a yes in a site's window covers: one PIN of that site's, on a card of unknown attempts."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from agent.consent.questions import AllowSite, SiteAnswer
from agent.origin import Origin

LEAVE_SECONDS: Final = 600.0
"""How long after the citizen said yes to the site."""
MAX_SITES: Final = 1024  # remembered; the one that was quiet for longest is forgotten first
_NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class _Leave:
    """The leave of one site.

    Attributes:
        until: when it ends.
        taken: when one was taken last, and not given back.
        taken_until: when that one would have ended.

    """

    until: float = _NEVER
    taken: float = _NEVER
    taken_until: float = _NEVER


class SiteLeaves:
    """Gives each yes once; every method may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any.

        Args:
            clock: seconds that only grow.

        """
        self._clock = clock
        self._leaves: OrderedDict[Origin, _Leave] = OrderedDict()
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Take every leave back."""
        with self._lock:
            self._leaves.clear()

    def now(self) -> float:
        """Return the time, for :meth:`grant`."""
        return self._clock()

    def grant(self, site: Origin, asked_at: float) -> None:
        """Note that the citizen said yes.

        Several requests may have waited for the same answer, and each notes it: nothing is
        granted where a leave was taken since.

        Args:
            site: to which.
            asked_at: when the question was put; of :meth:`now`.

        """
        with self._lock:
            leave = self._leaves.get(site, _Leave())
            if leave.taken < asked_at:
                self._set(site, replace(leave, until=self._clock() + LEAVE_SECONDS))

    def keep_answer(self, question: AllowSite, answer: SiteAnswer, asked_at: float) -> None:
        """Grant the leave that a window or page spoke of, if the answer was a yes."""
        if question.attempts_unknown and answer in (SiteAnswer.THIS_TIME, SiteAnswer.ALWAYS):
            self.grant(question.site, asked_at)

    def take(self, site: Origin) -> bool:
        """Take the leave; return whether there was one."""
        with self._lock:
            leave, now = self._leaves.get(site), self._clock()
            if leave is None or now >= leave.until:
                return False
            self._set(site, _Leave(taken=now, taken_until=leave.until))
            return True

    def give_back(self, site: Origin) -> None:
        """Return the leave that was taken last and not used; it ends when it would have ended."""
        with self._lock:
            leave = self._leaves.get(site)
            if leave is not None:
                self._set(site, _Leave(max(leave.until, leave.taken_until)))

    def _set(self, site: Origin, leave: _Leave) -> None:
        self._leaves[site] = leave
        self._leaves.move_to_end(site)
        while len(self._leaves) > MAX_SITES:
            self._leaves.popitem(last=False)
