"""Read JSON that somebody else wrote into msgspec types; nothing in it has two meanings."""

import json
import re
from typing import Any, Final, NoReturn, TypeVar

import msgspec

T = TypeVar("T")
_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")  # which UTF-8 cannot write


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
        # msgspec takes the last of several equal names; other readers take the first.
        json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
        return msgspec.json.decode(raw, type=kind)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands there twice")
    for name, value in pairs:
        if isinstance(value, str) and _HALF_A_PAIR.search(value):
            raise ValueError(f"half a surrogate pair in {name!r}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
