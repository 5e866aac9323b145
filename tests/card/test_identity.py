"""ID numbers of people who do not exist."""

import pytest

from agent.virtualcard.identity import generate_id_number, is_id_number


@pytest.mark.parametrize("number", ["A123456789", "B142610160", "F131104093", "A800000014"])
def test_numbers_whose_checksum_is_right(number: str) -> None:
    assert is_id_number(number)


@pytest.mark.parametrize(
    "number",
    [
        "A123456788",
        "A323456789",
        "a123456789",
        "A12345678",
        "A1234567890",
        "",
        "A12345678\n",
        "Ａ123456789",
    ],
)
def test_numbers_that_are_none(number: str) -> None:
    assert not is_id_number(number)


def test_generated_numbers_are_valid_and_different() -> None:
    numbers = {generate_id_number(sequence) for sequence in range(200)}
    assert len(numbers) == 200
    assert all(is_id_number(number) for number in numbers)
    assert is_id_number(generate_id_number())


@pytest.mark.parametrize("letter", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
def test_every_letter_has_its_weight(letter: str) -> None:
    weights = dict(
        zip(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            (
                1,
                10,
                19,
                28,
                37,
                46,
                55,
                64,
                39,
                73,
                82,
                2,
                11,
                20,
                48,
                29,
                38,
                47,
                56,
                65,
                74,
                83,
                21,
                3,
                12,
                30,
            ),
            strict=True,
        )
    )
    digits = [1, 0, 0, 0, 0, 0, 0, 0]
    check = -(weights[letter] + digits[0] * 8) % 10
    assert is_id_number(f"{letter}10000000{check}")
    assert not is_id_number(f"{letter}10000000{(check + 1) % 10}")
