"""Names of people: kept as they are typed, if anybody can read them."""

import pytest

from agent.portal.names import LONGEST_NAME, parse_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("王測試", "王測試"),
        ("  Test\tPerson \r\n", "Test Person"),
        ("王\u3000測試", "王\u3000測試"),
        ("𡘙測試", "𡘙測試"),
        ("é" * LONGEST_NAME + " ", "é" * LONGEST_NAME),
    ],
)
def test_a_name_stays_as_it_is(typed: str, name: str) -> None:
    assert parse_name(typed) == name


@pytest.mark.parametrize(
    "typed", ["", " \t", "\u3000", "\u200b", "王\u202e測", "a\0b", "王" * (LONGEST_NAME + 1)]
)
def test_what_nobody_can_read_is_no_name(typed: str) -> None:
    with pytest.raises(ValueError, match="name"):
        parse_name(typed)
