"""Whose values the recorder keeps: enumerations and booleans of each door, and nothing else.

A value that stands in no rule is told by its kind and length alone (see :mod:`.shape`).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

Door: TypeAlias = Literal["native", "hipki", "jrsys"]
Rule: TypeAlias = Callable[[Any], bool]
"""Tells whether a value may be kept as it is."""

MAX_NAME: Final = 64  # characters, of methods, fields and file names of drivers
MAX_TOKEN: Final = 32  # characters
_LARGEST: Final = 0xFFFF
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_MANY_DIGITS: Final = re.compile(r"[0-9]{6}")  # numbers of people, cards and cases have more


def is_name(text: str) -> bool:
    """Return whether a text names a method or field, and cannot be somebody's number."""
    return _is_like(_NAME, text, MAX_NAME)


def _is_like(pattern: re.Pattern[str], text: str, most: int) -> bool:
    return len(text) <= most and bool(pattern.fullmatch(text)) and not _MANY_DIGITS.search(text)


def _flag(value: Any) -> bool:
    """Return whether it is a boolean, in any of the ways in which pages write one."""
    if isinstance(value, str):
        return len(value) <= len("false") and value.lower() in {"true", "false", "0", "1"}
    return isinstance(value, bool) or (isinstance(value, int) and value in {0, 1})


def _token(value: Any) -> bool:
    """Return whether it may be of an enumeration whose values nobody knows yet."""
    if isinstance(value, str):
        is_small = value.isascii() and value.isdecimal() and len(value) < len(str(_LARGEST))
        return is_small or _is_like(_NAME, value, MAX_TOKEN)
    return isinstance(value, bool) or (isinstance(value, int) and 0 <= value <= _LARGEST)


def _method(value: Any) -> bool:
    return isinstance(value, str) and is_name(value)


def _file_name(value: Any) -> bool:
    return isinstance(value, str) and _is_like(_FILE_NAME, value, MAX_NAME)


def _one_of(*values: str) -> Rule:
    known = frozenset(value.casefold() for value in values)

    def is_known(value: Any) -> bool:
        return isinstance(value, str) and len(value) <= MAX_TOKEN and value.casefold() in known

    return is_known


_HASH: Final = _one_of(
    *("SHA1", "SHA256", "SHA384", "SHA512"), *("SHA-1", "SHA-256", "SHA-384", "SHA-512")
)
_KIND: Final = _one_of("", "PKCS1", "PKCS7", "RAW")
_ENCODING: Final = _one_of("", "base64", "NONE", "utf-8", "utf8", "hex")
ALLOWED: Final[Mapping[Door, Mapping[str, Rule]]] = {
    "native": {
        "blind": _flag,
        "format": _one_of("cms", "cms-detached", "pkcs1", "ecdsa"),
        "hash": _HASH,
        "purpose": _one_of("login", "identify"),
        "signing_certificate": _flag,
        "signing_time": _flag,
    },
    "hipki": {
        "checkValidity": _flag,
        "cipherType": _KIND,
        "func": _method,
        "hashAlgorithm": _HASH,
        "plainEncoding": _ENCODING,
        "signatureType": _KIND,
        "tbsEncoding": _ENCODING,
        "withCardSN": _flag,
        "withSigningTime": _flag,
        "withcert": _flag,
    },
    "jrsys": {
        "CertChosenPriorityCriteria": _token,
        "DigestAlg": _token,
        "DigestAlgId": _token,
        "IsCertChainNeeded": _flag,
        "IsContentDetached": _flag,
        "IsSilent": _flag,
        "KeyUsage": _token,
        "MethodSelect": _method,
        "P11DriverName": _file_name,
        "SKeyAlg": _token,
        "UseLastSetting": _flag,
        "autoChoose": _flag,
        "digestAlg4Sign": _token,
        "iCertType": _token,
        "signedDataWithContent": _flag,
    },
}
"""Door to field to rule; the field counts however deep in the request it is."""
