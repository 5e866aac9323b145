"""Read JSON that somebody else wrote into msgspec types; nothing in it has two meanings."""

import json
import re
from typing import Any, Final, NoReturn, TypeVar

import msgspec

T = TypeVar("T")
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
    try:
        refuse_ambiguous(raw)
        return msgspec.json.decode(raw, type=kind)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def refuse_ambiguous(raw: bytes | bytearray) -> None:
    """Refuse a JSON text with one name twice in an object: readers differ about which one counts.

    Args:
        raw: UTF-8 of a limited size.

    Raises:
        DuplicateNameError: a name stands there twice.
        ValueError: it is no JSON (RFC 8259), or a text has half a surrogate pair.
        RecursionError: it is nested too deeply.

    """
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
