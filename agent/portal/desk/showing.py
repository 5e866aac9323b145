"""How the desk writes what an applicant entered."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from agent.portal.birthdate import TAIPEI, age_on

LATE_AFTER: Final = 2
"""Working days in which applicants are told to expect an answer."""

_BEFORE_ROC: Final = 1911


def born(day: date, now: int) -> Mapping[str, object]:
    """Return a birth date in both ways of counting years, with the age of today.

    Args:
        day: the birth date.
        now: in seconds since 1970.

    """
    year = day.year - _BEFORE_ROC
    return {
        "born": day.isoformat(),
        "era": "roc" if year > 0 else "before_roc",
        "born_roc": {
            "year": year if year > 0 else 1 - year,
            "month": day.month,
            "day": day.day,
        },
        "years": age_on(day, datetime.fromtimestamp(now, UTC).astimezone(TAIPEI).date()),
    }


def midnight(now: int) -> int:
    """Return when the day began in Taiwan, in seconds since 1970."""
    today = datetime.fromtimestamp(now, TAIPEI).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(today.timestamp())
