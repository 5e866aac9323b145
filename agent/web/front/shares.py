"""Places of which strangers have a small part: who comes last takes it from who came first."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agent.domain import group_of
from agent.errors import RateLimitedError
from agent.origin import Origin
from agent.seldom import SeldomLog


@dataclass(frozen=True, slots=True)
class ShareSizes:
    """How many places there are.

    Attributes:
        site: for each site that is allowed; the next one is refused.
        domain: for each registrable domain of strangers; its oldest gives way.
        strangers: for all strangers together; the oldest of the domain with most gives way.

    """

    site: int
    domain: int
    strangers: int


@dataclass(eq=False, frozen=True, slots=True)
class _Place:
    site: Origin
    leave: Callable[[], object]


class Shares:
    """Who has a place; whether a site is a stranger is asked when places get scarce."""

    def __init__(
        self, sizes: ShareSizes, is_allowed: Callable[[Origin], bool], log: SeldomLog
    ) -> None:
        """Begin with all places free.

        Args:
            sizes: how many there are.
            is_allowed: whether the citizen has allowed a site.
            log: of those who gave way.

        """
        self._sizes = sizes
        self._is_allowed = is_allowed
        self._log = log
        self._places: dict[_Place, None] = {}  # the oldest first

    @contextmanager
    def hold(self, site: Origin, leave: Callable[[], object]) -> Iterator[None]:
        """Take a place for as long as the context lasts.

        Args:
            site: whose.
            leave: called, once at most, when the place is given to somebody else; must not block.

        Raises:
            AgentError: ``rate_limited``: an allowed site has all its places.

        """
        place = _Place(site, leave)
        if self._is_allowed(site):
            if sum(each.site == site for each in self._places) >= self._sizes.site:
                raise RateLimitedError("too much under way for this site")
            self._places[place] = None
        else:
            self._places[place] = None
            self._make_room(group_of(site))
        try:
            yield
        finally:
            self._places.pop(place, None)

    def _make_room(self, domain: str) -> None:
        """Let one stranger give way where the newest, of ``domain``, is one too many."""
        groups = {
            each: group_of(each.site) for each in self._places if not self._is_allowed(each.site)
        }
        sizes = Counter(groups.values())
        if sizes[domain] > self._sizes.domain:
            largest = domain
        elif sizes.total() > self._sizes.strangers:
            largest = sizes.most_common(1)[0][0]
        else:
            return
        oldest = next(each for each, group in groups.items() if group == largest)
        del self._places[oldest]
        self._log.note("a stranger's connection gave way to another", domain=largest)
        oldest.leave()
