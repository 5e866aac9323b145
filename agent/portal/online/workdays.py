"""Working days in Taiwan: Monday to Friday, without the holidays that the operator lists."""

from collections.abc import Collection
from datetime import date, timedelta

_SATURDAY = 5


def is_workday(day: date, holidays: Collection[date]) -> bool:
    """Return whether offices are open."""
    return day.weekday() < _SATURDAY and day not in holidays


def workdays_after(day: date, count: int, holidays: Collection[date]) -> date:
    """Return the ``count``-th working day after a day, which itself does not count."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_workday(day, holidays)
    return day


def workdays_between(first: date, last: date, holidays: Collection[date]) -> int:
    """Return how many working days there are after ``first``, up to ``last``."""
    days = (last - first).days
    weeks, rest = divmod(max(0, days), 7)
    partial = (first + timedelta(days=each) for each in range(1, rest + 1))
    counted = weeks * _SATURDAY + sum(day.weekday() < _SATURDAY for day in partial)
    return counted - sum(first < day <= last and day.weekday() < _SATURDAY for day in holidays)
