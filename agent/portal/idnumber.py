"""The national ID number (身分證統一編號) and the number of a resident certificate (居留證).

One letter and nine digits, the last a check digit. Resident certificates issued before 2021 have a
second letter in the place of the first digit; they stay valid.
"""

import re
import unicodedata
from string import ascii_uppercase
from typing import Final

from agent.portal.errors import PortalCode, PortalError

_CODES_OF_LETTERS: Final = (
    *(10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21),
    *(22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33),
)
_WEIGHT_OF_LETTER: Final = {
    letter: code // 10 + code % 10 * 9
    for letter, code in zip(ascii_uppercase, _CODES_OF_LETTERS, strict=True)
}
"""Each letter's two-digit code, folded to what it adds to the sum."""

_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 1, 1)

_FORM: Final = re.compile(r"[A-Z][1289A-D][0-9]{8}", re.ASCII)
"""1 and 2 stand for citizens, 8 and 9 or (before 2021) A to D for resident certificates."""


def has_valid_checksum(number: str) -> bool:
    """Return whether ``number``, ten characters in upper case, has the form and the check digit."""
    if _FORM.fullmatch(number) is None:
        return False
    digits = (_digit(character) for character in number[1:])
    total = sum(digit * weight for digit, weight in zip(digits, _WEIGHTS, strict=True))
    return (_WEIGHT_OF_LETTER[number[0]] + total) % 10 == 0


def _digit(character: str) -> int:
    """Return what a character adds before it is weighed: of a letter the code's last digit."""
    if character.isdigit():
        return int(character)
    return _CODES_OF_LETTERS[ascii_uppercase.index(character)] % 10


def parse_id_number(text: str) -> str:
    """Return a typed number in normal form: NFKC, no spaces, upper case.

    Raises:
        PortalError: ``id_number_invalid``, the form or the check digit is wrong.

    """
    number = re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).upper()
    if not has_valid_checksum(number):
        raise PortalError(PortalCode.ID_NUMBER_INVALID)
    return number
