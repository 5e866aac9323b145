"""Change the certificate of a running server without a restart."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from agent.host.tls.identity import ServerIdentity

INTERVAL: Final = 60.0  # seconds; a repair in another process is taken up as fast

_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class LeafSwitch:
    """Load the best leaf that there is into a live ``SSLContext``, again and again.

    Looks again every minute rather than sleeping until the day: computers are suspended, clocks
    are set, and ``ankong doctor`` may have made new certificates in the meantime.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        find: Callable[[datetime], ServerIdentity],
        served: ServerIdentity,
        clock: Callable[[], datetime] = _now,
        interval: float = INTERVAL,
    ) -> None:
        """Watch over ``context``.

        Args:
            context: the one that handshakes are made with; new ones see the change at once.
            find: returns the best leaf at a time, or raises OSError.
            served: what the context has loaded.
            clock: returns the time, with a time zone.
            interval: seconds between two looks.

        """
        self._context = context
        self._find = find
        self._served = served
        self._clock = clock
        self._interval = interval

    async def run(self) -> None:
        """Look once a minute until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            await self.look()

    async def look(self) -> bool:
        """Load a better leaf if there is one; return whether there was.

        When the last leaf has expired this makes a new authority, as a restart would; until the
        trust stores know it, ``ankong doctor`` reports that.
        """
        try:
            found = await asyncio.to_thread(self._find, self._clock())
            if (found.fingerprint, found.leaf) == (self._served.fingerprint, self._served.leaf):
                return False
            # Here and not in the thread: OpenSSL does not lock a context against a handshake.
            self._context.load_cert_chain(found.leaf)
        except OSError as error:
            _log.error("cannot change the local certificate", detail=str(error))
            return False
        self._served = found
        _log.info("changed the local certificate", not_after=str(found.not_after))
        return True
