"""Case numbers: three groups of three characters, easy to read out, hard to guess.

Eight characters are random and the ninth checks them: one that is wrong, and two that changed
places, are noticed. The number opens nothing by itself; whose a case is decides the session.
"""

import re
import secrets
import unicodedata
from typing import Final

_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # 31, a prime: without 0, 1, I, L and O
_RANDOM: Final = 8
_GROUP: Final = 3


def new_case_number() -> str:
    """Return a number such as ``7K3-M92-QFX``."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return _grouped(drawn + _check(drawn))


def parse_case_number(text: str) -> str | None:
    """Return a number as it was typed or heard in its own form; None where it cannot be one."""
    plain = re.sub(r"[\s\-‐-―]+", "", unicodedata.normalize("NFKC", text)).upper()
    if len(plain) != _RANDOM + 1 or not set(plain) <= set(_ALPHABET):
        return None
    return _grouped(plain) if _check(plain[:-1]) == plain[-1] else None


def _check(drawn: str) -> str:
    total = sum(_ALPHABET.index(each) * weight for weight, each in enumerate(drawn, 2))
    return _ALPHABET[total % len(_ALPHABET)]


def _grouped(plain: str) -> str:
    return "-".join(plain[start : start + _GROUP] for start in range(0, len(plain), _GROUP))
