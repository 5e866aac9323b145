"""Sites that read the image and do nothing else: for them nobody would ever be asked.

Most pages look at the image first and open their popup next; some need what it tells of the card,
and have no other way. So a new site that reads it, and asks for nothing in another way for a
moment, is told to the citizen, who may then open the question.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from agent.domain import registrable_domain
from agent.origin import Origin
from agent.rate import Rate, TokenBuckets

QUIET_SECONDS: Final = 2.0
"""How long a site that reads the image has to ask in another way."""
PER_DOMAIN: Final = Rate(burst=1, per_second=1 / 60)
MAX_DOMAINS: Final = 1024
MAX_WAITING: Final = 8
"""Sites whose moment is running at once; strangers share these, and more are not told of."""


class ImageVisits:
    """Tells of sites that read the image; belongs to the event loop."""

    def __init__(
        self,
        tell: Callable[[Origin], None],
        quiet: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with nobody told of.

        Args:
            tell: is told of a site, at most once a minute of each registrable domain.
            quiet: seconds in which the site may still ask in another way; None for
                :data:`QUIET_SECONDS`.
            clock: seconds that only grow.

        """
        self._tell = tell
        self._quiet = QUIET_SECONDS if quiet is None else quiet
        self._buckets = TokenBuckets(PER_DOMAIN, MAX_DOMAINS, clock)
        self._waiting: OrderedDict[Origin, asyncio.TimerHandle] = OrderedDict()

    async def note(self, site: Origin) -> None:
        """Note that a site without a decision has read the image."""
        if site in self._waiting or len(self._waiting) >= MAX_WAITING:
            return
        domain = await asyncio.to_thread(registrable_domain, site.host)
        if site in self._waiting or not self._buckets.take(domain or site.host):
            return
        loop = asyncio.get_running_loop()
        self._waiting[site] = loop.call_later(self._quiet, self._speak, site)

    def forget(self, site: Origin) -> None:
        """Do not tell of a site: it asks in another way."""
        waiting = self._waiting.pop(site, None)
        if waiting is not None:
            waiting.cancel()

    def _speak(self, site: Origin) -> None:
        del self._waiting[site]
        self._tell(site)
