"""Whether a name asks for a PIN or says how one is, which only our windows do.

A name that only speaks of a PIN ("PIN mailer.pdf") is a document's. All text here is folded
(:func:`tray.prompt.names.imitates_us`): letters and digits in lower case, without accents.
"""

import re
from collections.abc import Iterable
from typing import Final

_PIN: Final = re.compile(r"(?<![a-z])p ?[i1] ?n(?![a-z])")
_ONLY_PIN: Final = re.compile(r"(?:p[i1]n(?:code|number|碼|号|號)?)+[0-9]*")
_CHINESE: Final = re.compile(
    "輸入|输入|鍵入|打入|填入|提供|確認|验证|驗證|錯誤|正確|過期|剩|次數|您|你"
)
_WORDS: Final = (
    *("enter", "enters", "entered", "entering", "reenter", "type", "typed", "typing", "retype"),
    *("input", "inputs", "insert", "provide", "submit", "confirm", "confirms", "confirmed"),
    *("verify", "verified", "wrong", "incorrect", "invalid", "expired", "expires", "attempt"),
    *("attempts", "try", "tries", "left", "your", "please"),
    *("nhap", "xacnhan", "khongdung", "sai", "hay", "vuilong", "cuaban", "conlai", "hethan"),
    *("masuk", "masukkan", "memasukkan", "dimasukkan", "ketik", "ketikkan", "isi", "isikan"),
    *("konfirmasi", "salah", "silakan", "silahkan", "anda", "tersisa", "sisa", "kedaluwarsa"),
)
"""English, Vietnamese (its syllables together) and Indonesian words of a request or a message.

Only whole ones count: many stand within words of documents ("center", "polisi", "standar").
"""
_BEFORE: Final = ("the", "this", "my", "kode")
_AFTER: Final = (*_BEFORE, "ma")
"""What may be run together with these, before the first and after it."""


def asks_for_pin(words: str) -> bool:
    """Return whether a name asks for a PIN, says how one is, or says nothing but "PIN".

    Args:
        words: the folded name, with one blank for all that stood between its letters and digits.

    """
    letters = words.replace(" ", "")
    if not _PIN.search(words):
        return False
    is_request = _REQUEST.search(words) or _CHINESE.search(letters)
    return bool(is_request or _ONLY_PIN.fullmatch(letters))


def _any_of(words: Iterable[str]) -> str:
    """Return a pattern of one of the words; blanks may stand within it ("e n t e r")."""
    return "|".join(" ?".join(word) for word in words)


_REQUEST: Final = re.compile(
    f"(?<![a-z])(?:{_any_of(_BEFORE)})?(?:{_any_of(_WORDS)})"
    f"(?:{_any_of((*_WORDS, *_AFTER))})*(?![a-z])"
)
"""One of the words, by itself or run together with others ("enteryour")."""
