"""What the citizen has said about each site."""

import time
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from agent.signing.sites import Site

FOR_NOW = 15 * 60.0  # seconds that "this time" lasts: reading, signing and a second thought
MAX_SITES = 1024  # remembered in memory; the one that was quiet for longest is forgotten first


class Permission(Enum):
    """What a site may do; unknown ones have to be asked about."""

    ALLOWED = auto()
    BLOCKED = auto()


class Permissions(Protocol):
    """Where the answers are kept."""

    def find(self, site: Site) -> Permission | None:
        """Look up what was said about a site; None when it has to be asked about."""

    def remember(self, site: Site, permission: Permission) -> None:
        """Keep an answer for good."""

    def allow_for_now(self, site: Site) -> None:
        """Keep a yes for a quarter of an hour."""

    def forget(self, site: Site) -> None:
        """Ask about the site again next time."""


class MemoryPermissions:
    """Answers that last as long as the agent runs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with no answers.

        Args:
            clock: seconds that only grow.

        """
        self._clock = clock
        self._answers: OrderedDict[Site, tuple[Permission, float]] = OrderedDict()

    def find(self, site: Site) -> Permission | None:
        """Look up what was said about a site; None when it has to be asked about."""
        answer = self._answers.get(site)
        if answer is None:
            return None
        permission, until = answer
        if self._clock() >= until:
            del self._answers[site]
            return None
        self._answers.move_to_end(site)
        return permission

    def remember(self, site: Site, permission: Permission) -> None:
        """Keep an answer for as long as the agent runs."""
        self._keep(site, permission, float("inf"))

    def allow_for_now(self, site: Site) -> None:
        """Keep a yes for a quarter of an hour."""
        self._keep(site, Permission.ALLOWED, self._clock() + FOR_NOW)

    def forget(self, site: Site) -> None:
        """Ask about the site again next time."""
        self._answers.pop(site, None)

    def _keep(self, site: Site, permission: Permission, until: float) -> None:
        self._answers[site] = (permission, until)
        self._answers.move_to_end(site)
        while len(self._answers) > MAX_SITES:
            self._answers.popitem(last=False)
