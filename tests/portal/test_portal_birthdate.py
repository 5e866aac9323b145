"""Birth dates as people write them, and who is old enough."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.portal.birthdate import age_on, check_age, parse_birth_date
from agent.portal.errors import PortalCode, PortalError
from agent.portal.moments import day_in_taipei

TODAY = date(2026, 11, 28)
WIDE = str.maketrans("0123456789/", "０１２３４５６７８９／")
born_days = st.dates(date(1912, 1, 1), TODAY)


@given(born_days)
def test_both_eras_are_read_however_they_are_written(born: date) -> None:
    roc = born.year - 1911
    for text in (
        born.isoformat(),
        f"{born.year}/{born.month}/{born.day}",
        f"{born:%Y%m%d}",
        f"民國{roc}年{born.month}月{born.day}日",
        f"{roc}.{born.month}.{born.day}",
        f"{roc:03}{born:%m%d}",
        f" {roc}-{born.month:02}-{born.day:02} ",
        f"{roc}/{born.month}/{born.day}".translate(WIDE),
    ):
        assert parse_birth_date(text, TODAY) == born, text


@pytest.mark.parametrize(
    ("text", "born"),
    [
        ("民國前3年5月6日", date(1909, 5, 6)),
        ("民前1/12/31", date(1911, 12, 31)),
        ("1908-02-29", date(1908, 2, 29)),
        ("113/2/29", date(2024, 2, 29)),
    ],
)
def test_old_years_and_leap_days(text: str, born: date) -> None:
    assert parse_birth_date(text, TODAY) == born


@pytest.mark.parametrize(
    "text",
    [
        *("", "1990", "1990-13-01", "1990-02-30", "2023-02-29", "112/2/29", "0/1/1", "000-01-01"),
        *("2026-11-29", "1890-01-01", "200/1/1", "民國前30年1月1日", "1990-1-1-1", "abc", "٣/٣/٣"),
        *("-79/1/1", "9999999999/1/1", "1990-01-01\n1990-01-01", "79年", "１" * 300),
    ],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(PortalError) as caught:
        parse_birth_date(text, TODAY)
    assert caught.value.code is PortalCode.BIRTH_DATE_INVALID


@pytest.mark.parametrize(
    ("born", "today", "age"),
    [
        (date(2019, 11, 28), date(2026, 11, 28), 7),
        (date(2019, 11, 29), date(2026, 11, 28), 6),
        (date(2020, 2, 29), date(2027, 2, 28), 6),
        (date(2020, 2, 29), date(2027, 3, 1), 7),
        (date(2020, 2, 29), date(2028, 2, 29), 8),
    ],
)
def test_a_birthday_counts_from_its_morning(born: date, today: date, age: int) -> None:
    assert age_on(born, today) == age


@given(born_days)
def test_who_is_not_seven_has_no_account(born: date) -> None:
    if age_on(born, TODAY) >= 7:
        check_age(born, TODAY)
        return
    with pytest.raises(PortalError) as caught:
        check_age(born, TODAY)
    assert caught.value.code is PortalCode.TOO_YOUNG


@given(st.integers(0, 4_000_000_000))
def test_the_day_is_taiwan_s(seconds: int) -> None:
    assert day_in_taipei(seconds) == date(1970, 1, 1) + timedelta(seconds=seconds, hours=8)
