"""The open connections of one port: strangers have a small part of them, and its oldest go first.

A connection is a stranger's until a request on it shows that an allowed site, or a page of ours,
is behind it. Strangers are counted by registrable domain, because a page may call itself by as
many names below its own as it likes; those who said nothing yet are counted together.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from agent.domain import group_of
from agent.origin import Origin
from agent.seldom import SeldomLog

MAX_KEPT: Final = 256  # of allowed sites and our own pages; a browser opens six to a host
MAX_STRANGERS: Final = 64  # all together, those included that have not said yet who they are

_SILENT: Final = ""


class Cuttable(Protocol):
    """A connection."""

    def cut(self) -> None:
        """End at once, whatever is under way."""


class HttpConnection(Cuttable, Protocol):
    """A connection on which a request has come."""

    def count_unread(self, domain: str | None) -> None:
        """Count what still comes in of a refused body, for a domain; None to count nothing."""


class Connections:
    """Which connections are open, and which of them has to go when there are too many."""

    def __init__(
        self,
        is_kept: Callable[[Origin], bool],
        log: SeldomLog,
        *,
        strangers: int | None = None,
        kept: int | None = None,
    ) -> None:
        """Begin without a connection.

        Args:
            is_kept: whether a caller's connections count among those that strangers cannot touch.
            log: of what was cut off.
            strangers: how many connections they have, all together; MAX_STRANGERS by default.
            kept: how many all others have; MAX_KEPT by default.

        """
        self._is_kept = is_kept
        self._log = log
        self._most = {False: strangers or MAX_STRANGERS, True: kept or MAX_KEPT}
        self._callers: dict[Cuttable, Origin | None] = {}  # the oldest first
        self._counts: Counter[Origin | None] = Counter()  # how many connections each caller has

    def __len__(self) -> int:
        return len(self._callers)

    def strangers_group(self, caller: Origin | None) -> str | None:
        """Return under which name a caller is counted among strangers; None for who is none."""
        kept, name = self._group(caller)
        return None if kept else name

    def opened(self, connection: Cuttable) -> None:
        """Count a connection that has said nothing yet."""
        self._callers[connection] = None
        self._counts[None] += 1
        self._make_room()

    def speaks(self, connection: Cuttable, caller: Origin | None) -> None:
        """Count a connection for whoever is behind it."""
        if connection in self._callers and caller is not None:
            self._uncount(self._callers[connection])
            self._callers[connection] = caller
            self._counts[caller] += 1

    def closed(self, connection: Cuttable) -> None:
        """Forget a connection."""
        if connection in self._callers:
            self._uncount(self._callers.pop(connection))

    def _uncount(self, caller: Origin | None) -> None:
        self._counts[caller] -= 1
        if not self._counts[caller]:
            del self._counts[caller]

    def _make_room(self) -> None:
        """Cut the oldest connections of whoever has most, while there are too many."""
        if len(self._callers) <= min(self._most.values()):
            return  # whoever they are: nobody need be asked
        # By caller and not by connection: a crowd comes from few places, many times a second.
        groups = {caller: self._group(caller) for caller in self._counts}
        for kept, most in self._most.items():
            sizes: Counter[str] = Counter()
            for caller, (is_kept, name) in groups.items():
                if is_kept is kept:
                    sizes[name] += self._counts[caller]
            for _ in range(sizes.total() - most):
                ((largest, _),) = sizes.most_common(1)
                of_it = (
                    each for each, who in self._callers.items() if groups[who] == (kept, largest)
                )
                self._cut(next(of_it), largest)
                sizes[largest] -= 1

    def _group(self, caller: Origin | None) -> tuple[bool, str]:
        """Return whether strangers cannot touch it, and under which name it is counted."""
        if caller is None:
            return False, _SILENT
        kept = self._is_kept(caller)
        return kept, str(caller) if kept else group_of(caller)

    def _cut(self, connection: Cuttable, who: str) -> None:
        self.closed(connection)
        self._log.note("too many connections: the oldest was cut", who=who or None)
        connection.cut()
