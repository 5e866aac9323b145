"""How much is read of strangers' bodies only to be dropped.

Who was refused before the body was read hears why only if the rest of it is taken in: a browser
that still sends loses the answer when the connection is cut. In a crowd, taking all of it in took
more of the processor than everything else.
"""

import time
from collections.abc import Callable
from typing import Final

from agent.rate import Rate, TokenBuckets

OF_A_DOMAIN: Final = Rate(burst=16 * 1024 * 1024, per_second=1024 * 1024)  # bytes
OF_ALL: Final = Rate(burst=32 * 1024 * 1024, per_second=4 * 1024 * 1024)  # bytes
_MAX_DOMAINS: Final = 1024


class DroppedBytes:
    """Counts what strangers send after they were refused."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing read; ``clock`` gives seconds that only grow."""
        self._domains = TokenBuckets(OF_A_DOMAIN, _MAX_DOMAINS, clock)
        self._all = TokenBuckets(OF_ALL, 1, clock)

    def take(self, domain: str, length: int) -> bool:
        """Return whether ``length`` more bytes are taken in of a registrable domain's."""
        return self._domains.take(domain, length) and self._all.take("", length)
