"""ID numbers: what is accepted is exactly what sums up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.portal.errors import PortalCode, PortalError
from agent.portal.idnumber import has_valid_checksum, parse_id_number
from agent.virtualcard.identity import generate_id_number, is_id_number

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

stems = st.builds(
    lambda letter, kind, rest: f"{letter}{kind}{rest:07d}",
    st.sampled_from(LETTERS),
    st.sampled_from("1289"),
    st.integers(0, 10**7 - 1),
)
valid_numbers = stems.map(
    lambda stem: next(
        f"{stem}{digit}" for digit in range(10) if has_valid_checksum(f"{stem}{digit}")
    )
)


@given(stems)
def test_exactly_one_check_digit_fits(stem: str) -> None:
    assert sum(has_valid_checksum(f"{stem}{digit}") for digit in range(10)) == 1


@given(stems, st.integers(0, 9))
def test_the_card_side_and_the_portal_agree(stem: str, digit: int) -> None:
    number = f"{stem}{digit}"
    assert has_valid_checksum(number) is is_id_number(number)


@pytest.mark.parametrize("letter", LETTERS)
def test_every_letter_counts_as_its_code_does(letter: str) -> None:
    codes = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))
    tens, ones = divmod(codes[letter], 10)
    digits = [int(character) for character in "12345678"]
    total = tens + 9 * ones + sum(d * w for d, w in zip(digits, range(8, 0, -1), strict=True))
    assert has_valid_checksum(f"{letter}12345678{-total % 10}")


@pytest.mark.parametrize("second", "ABCD")
@pytest.mark.parametrize("letter", LETTERS)
def test_a_permit_from_before_2021_has_a_second_letter(letter: str, second: str) -> None:
    """Of its code only the last digit counts, weighed as the digit in its place would be."""
    codes = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))
    tens, ones = divmod(codes[letter], 10)
    digits = [codes[second] % 10, *(int(character) for character in "0012345")]
    total = tens + 9 * ones + sum(d * w for d, w in zip(digits, range(8, 0, -1), strict=True))
    good = -total % 10
    numbers = [f"{letter}{second}0012345{digit}" for digit in range(10)]
    assert [has_valid_checksum(number) for number in numbers] == [d == good for d in range(10)]
    assert parse_id_number(numbers[good].lower()) == numbers[good]


@given(valid_numbers, st.integers(1, 9), st.integers(1, 9))
def test_one_wrong_digit_where_the_weight_is_odd_is_noticed(
    number: str, position: int, step: int
) -> None:
    weight = (8, 7, 6, 5, 4, 3, 2, 1, 1)[position - 1]
    changed = str((int(number[position]) + step) % 10)
    other = number[:position] + changed + number[position + 1 :]
    if weight * (int(changed) - int(number[position])) % 10:
        assert not has_valid_checksum(other)


@given(valid_numbers)
def test_what_a_person_types_is_brought_to_one_form(number: str) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in number)
    for typed in (number, number.lower(), f" {number[:5]} {number[5:]}\t", wide):
        assert parse_id_number(typed) == number


@pytest.mark.parametrize("kind", "03456 7E")
def test_only_citizens_and_residents_have_numbers(kind: str) -> None:
    assert not any(has_valid_checksum(f"A{kind}2345678{digit}") for digit in range(10))


@given(st.text(max_size=12).filter(lambda text: not any(map(str.isdecimal, text))))
def test_anything_else_is_refused_with_its_code(text: str) -> None:
    with pytest.raises(PortalError) as caught:
        parse_id_number(text)
    assert caught.value.code is PortalCode.ID_NUMBER_INVALID


def test_other_digits_than_ours_do_not_count() -> None:
    number = generate_id_number(7)
    with pytest.raises(PortalError):
        parse_id_number(number[:-1] + "٣")
