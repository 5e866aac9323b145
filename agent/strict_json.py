"""Read JSON that somebody else wrote into msgspec types; nothing in it has two meanings."""

import json
import re
from itertools import accumulate
from typing import Any, Final, NoReturn, TypeVar

import msgspec

T = TypeVar("T")
UNREADABLE: Final = (ValueError, RecursionError)
"""What decoders of JSON raise for octets that are none: msgspec's own errors and those of UTF-8 are
ValueErrors, and what is nested too deeply is none of them."""
MAX_DEPTH: Final = 100
"""Brackets that may be open at once. Whoever copies, compares or writes what was read needs more of
Python's stack for each than its reader did."""
_TEXT: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # to the end, where it has none
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")  # which UTF-8 cannot write


class DuplicateNameError(ValueError):
    """A JSON object has one name twice."""


def decode(raw: bytes, kind: type[T], *, limit: int) -> T:
    """Read one JSON text (RFC 8259) as a ``kind``.

    Args:
        raw: UTF-8.
        kind: a type that msgspec understands; what it says of unknown fields counts.
        limit: bytes; what is longer is not looked at.

    Raises:
        ValueError: it is longer, no JSON, has a name twice in one object, or is no ``kind``; the
            message says where and quotes no value.

    """
    if len(raw) > limit:
        raise ValueError(f"longer than {limit} bytes")
    refuse_ambiguous(raw)
    return msgspec.json.decode(raw, type=kind)


def refuse_deep(raw: bytes | bytearray) -> None:
    """Refuse JSON that is nested more than :data:`MAX_DEPTH` deep; takes a time like its length.

    Raises:
        ValueError: it is.

    """
    brackets = _TEXT.sub(b"", raw).translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise ValueError("nested too deeply")


def refuse_ambiguous(raw: bytes | bytearray) -> None:
    """Refuse a JSON text with one name twice in an object: readers differ about which one counts.

    Args:
        raw: UTF-8 of a limited size.

    Raises:
        DuplicateNameError: a name stands there twice.
        ValueError: it is no JSON (RFC 8259), is nested too deeply, or a text has half a surrogate
            pair.

    """
    refuse_deep(raw)
    json.loads(
        raw.decode(),
        object_pairs_hook=_unique,
        parse_constant=_no_constant,
        parse_int=str,  # of any length: Python's own refusal speaks of its settings
    )


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise DuplicateNameError("a name stands there twice")
    for name, value in pairs:
        if isinstance(value, str) and _HALF_A_PAIR.search(value):
            raise ValueError(f"half a surrogate pair in {name!r}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
