"""What came in on WebSockets and nobody has read yet: bounded for each stranger, and in total.

aiohttp settles how long a message may be when a WebSocket opens. A site that is not allowed yet
may be a moment later, on the same WebSocket: so what is held for it is counted here.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from agent.errors import ErrorCode
from agent.origin import Origin

MAX_STRANGER: Final = 64 * 1024  # bytes, for each WebSocket of a site that is not allowed
MAX_KEPT: Final = 64 * 1024 * 1024  # bytes, for all WebSockets of allowed sites together

_AROUND: Final = ((2**16, 14), (126, 8), (0, 6))
"""From which length on a client's frame has how many octets around it (RFC 6455 §5.2)."""


class Incoming(Protocol):
    """A connection whose incoming bytes are counted."""

    def watch_incoming(self, watcher: Callable[[int], bool] | None) -> None:
        """Tell ``watcher`` how many bytes came in, and drop them where it says no."""


class Unread:
    """What one WebSocket has sent and nobody has read."""

    def __init__(self, site: Origin, refuse: Callable[[ErrorCode], object]) -> None:
        """Begin with nothing.

        Args:
            site: whose it is.
            refuse: called once, when it is too much; nothing comes in afterwards.

        """
        self.site = site
        self.length = 0
        self._refuse = refuse
        self.is_refused = False

    def taken(self, length: int) -> None:
        """Leave out a message that was read, of ``length`` bytes, with what is around it.

        What more is around a message in pieces stays counted: who sends short messages in pieces
        has no good reason.
        """
        around = next(octets for least, octets in _AROUND if length >= least)
        self.length = max(0, self.length - length - around)

    def refuse(self, code: ErrorCode) -> None:
        """Take nothing more from this WebSocket, and have it closed."""
        self.is_refused = True
        self.length = 0
        self._refuse(code)


class UnreadBytes:
    """What all WebSockets have sent and nobody has read."""

    def __init__(
        self,
        is_allowed: Callable[[Origin], bool],
        most: int = MAX_KEPT,
        *,
        stranger: int = MAX_STRANGER,
        strangers: int | None = None,
    ) -> None:
        """Begin with no WebSocket.

        Args:
            is_allowed: whether the citizen has allowed a site; asked when there is much of it.
            most: bytes, for all allowed sites together.
            stranger: bytes, for each WebSocket of a site that is not allowed.
            strangers: bytes, for all of these together; None where their number is bound enough.

        """
        self._is_allowed = is_allowed
        self._most = most
        self._stranger = stranger
        self._strangers = strangers
        self._open: dict[Unread, None] = {}

    @contextmanager
    def watch(self, connection: Incoming, unread: Unread) -> Iterator[None]:
        """Count what comes in on a connection for as long as the context lasts."""

        def arrived(length: int) -> bool:
            unread.length += length
            if not unread.is_refused and unread.length > MAX_STRANGER:
                self._check(unread)
            return not unread.is_refused

        self._open[unread] = None
        connection.watch_incoming(arrived)
        try:
            yield
        finally:
            connection.watch_incoming(None)
            del self._open[unread]

    def _check(self, unread: Unread) -> None:
        if not self._is_allowed(unread.site):
            if unread.length > self._stranger:
                unread.refuse(ErrorCode.ORIGIN_NOT_ALLOWED)
            elif self._strangers is not None:
                others = [each for each in self._open if not self._is_allowed(each.site)]
                if sum(each.length for each in others) > self._strangers:
                    max(others, key=lambda each: each.length).refuse(ErrorCode.BUSY)
        elif sum(each.length for each in self._open) > self._most:
            self._make_room()

    def _make_room(self) -> None:
        """Refuse the largest WebSocket of the site with most, whoever came last."""
        sizes: Counter[Origin] = Counter()
        for each in self._open:
            sizes[each.site] += each.length
        site, _ = sizes.most_common(1)[0]
        ours = (each for each in self._open if each.site == site)
        max(ours, key=lambda each: each.length).refuse(ErrorCode.BUSY)
