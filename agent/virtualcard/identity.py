"""National identification numbers (身分證字號) for people who do not exist."""

import re
import secrets

_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # in the order of their codes, 10 to 35
_FIRST_CODE = 10
_PATTERN = re.compile(r"[A-Z][1289][0-9]{8}")
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 1, 1)


def is_id_number(text: str) -> bool:
    """Return whether ``text`` is a letter and nine digits, of which the last is the check digit."""
    return _PATTERN.fullmatch(text) is not None and _checksum(text) == 0


def generate_id_number(sequence: int | None = None) -> str:
    """Return a valid number; the same one for the same ``sequence``, 0 to 9999999.

    The letter is that of the smallest county and the numbers are low, which keeps them away from
    the numbers of people who could use a card.
    """
    if sequence is None:
        sequence = secrets.randbelow(1000)
    stem = f"Z{1 + sequence % 2}{sequence:07d}"
    return stem + str(-_checksum(stem + "0") % 10)


def _checksum(number: str) -> int:
    code = _LETTERS.index(number[0]) + _FIRST_CODE
    digits = (int(digit) for digit in number[1:])
    total = code // 10 + code % 10 * 9
    return (total + sum(d * w for d, w in zip(digits, _WEIGHTS, strict=True))) % 10
