"""Birth dates as people write them, in years of the Republic or of the common era, and ages."""

import re
import unicodedata
from datetime import date
from typing import Final

from agent.portal.errors import PortalCode, PortalError

LEAST_AGE: Final = 7
"""Years; who is younger gets no account."""

_ROC_BEGAN: Final = 1912
_OLDEST: Final = 130
_SEPARATED: Final = re.compile(
    r"(民國前|民前|民國)?\s*([0-9]{1,4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?"
)
_RUN: Final = re.compile(r"([0-9]{2,4})([0-9]{2})([0-9]{2})")
_BEFORE: Final = frozenset({"民國前", "民前"})


def parse_birth_date(text: str, today: date) -> date:
    """Return a birth date as it was typed: ``1990-01-31``, ``79/1/31``, ``民國79年1月31日``.

    A year of four digits is of the common era, a shorter one of the Republic (1 is 1912). Without
    separators the last four digits are month and day: ``0790131``, ``19900131``.

    Raises:
        PortalError: ``birth_date_invalid``: there is no such day, it is after ``today``, or more
            than 130 years ago.

    """
    normal = unicodedata.normalize("NFKC", text).strip()
    try:
        born = _read(normal)
    except ValueError:
        raise PortalError(PortalCode.BIRTH_DATE_INVALID) from None
    if not today.year - _OLDEST <= born.year or born > today:
        raise PortalError(PortalCode.BIRTH_DATE_INVALID)
    return born


def _read(normal: str) -> date:
    if (found := _SEPARATED.fullmatch(normal)) is not None:
        era, year, month, day = found.groups()
    elif (found := _RUN.fullmatch(normal)) is not None:
        era, (year, month, day) = None, found.groups()
    else:
        raise ValueError(normal)
    return date(_common_year(era, year), int(month), int(day))


def _common_year(era: str | None, written: str) -> int:
    year = int(written)
    if era in _BEFORE:
        return _ROC_BEGAN - year
    if era or len(written) < 4:
        if year == 0:
            raise ValueError(written)
        return _ROC_BEGAN - 1 + year
    return year


def age_on(born: date, today: date) -> int:
    """Return the full years of a person (Civil Code of Taiwan §121, §124).

    Who was born on 29 February is a year older on 1 March where there is no such day.
    """
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def check_age(born: date, today: date) -> None:
    """Refuse who is too young for an account.

    Raises:
        PortalError: ``too_young``.

    """
    if age_on(born, today) < LEAST_AGE:
        raise PortalError(PortalCode.TOO_YOUNG)
