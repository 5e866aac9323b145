"""No place in the code writes more than a few lines at once, whoever makes it happen how often."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, TypeAlias

from agent.rate import Rate, TokenBuckets

PER_PLACE: Final = Rate(burst=10, per_second=0.1)
MAX_PLACES: Final = 4096  # there are some hundred, libraries' included

_Place: TypeAlias = tuple[str, str, int]


class FloodFilter(logging.Filter):
    """Drops a line where the same place has written many just before; the next one counts them.

    For any thread. The texts do not count: somebody may choose what is in them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with no line; ``clock`` gives seconds that only grow."""
        super().__init__()
        self._buckets = TokenBuckets(PER_PLACE, MAX_PLACES, clock)
        self._left_out: dict[_Place, int] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written; one that follows on lines left out says how many."""
        place = (record.name, record.pathname, record.lineno)
        with self._lock:
            if not self._buckets.take(place):
                self._left_out[place] = self._left_out.get(place, 0) + 1
                return False
            left_out = self._left_out.pop(place, 0)
        if left_out:
            _count(record, left_out)
        return True


def _count(record: logging.LogRecord, left_out: int) -> None:
    if isinstance(record.msg, dict):  # structlog's
        record.msg = {**record.msg, "lines_left_out": left_out}
    else:
        record.msg = f"{record.getMessage()} ({left_out} such lines were left out)"
        record.args = None
