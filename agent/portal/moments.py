"""Moments and days as this service counts and writes them; moments are seconds since 1970 (UTC)."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

TAIPEI: Final = timezone(timedelta(hours=8), "Asia/Taipei")
"""Taiwan's time, which has no summer time."""
CLOCKS_DIFFER: Final = 60
"""Seconds by which the clocks of two machines may differ, or one may be set back, unnoticed: what
ends later than it could by more than that was begun by a clock that was wrong."""


def day_in_taipei(moment: float) -> date:
    """Return the day that it is in Taiwan."""
    return datetime.fromtimestamp(moment, TAIPEI).date()


def start_of_day(day: date) -> int:
    """Return the moment at which a day begins in Taiwan."""
    return int(datetime.combine(day, time(), TAIPEI).timestamp())


def end_of_day(day: date) -> int:
    """Return the last whole second of a day in Taiwan."""
    return start_of_day(day + timedelta(days=1)) - 1


def minute_in_taipei(moment: float) -> str:
    """Return a moment in Taiwan's time as people read it, such as ``2026-11-28 09:30``."""
    return datetime.fromtimestamp(moment, TAIPEI).strftime("%Y-%m-%d %H:%M")


def rfc3339(moment: float) -> str:
    """Return a moment in UTC with whole seconds, 20 characters (RFC 3339 §5.6)."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
