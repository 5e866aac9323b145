"""How the desk writes what an applicant entered."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from agent.portal.birthdate import age_on
from agent.portal.moments import day_in_taipei

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
        "years": age_on(day, day_in_taipei(now)),
    }
