"""The shape of a request: names of fields, kinds and lengths; values by the table alone.

The cost depends on how many fields there are, up to a bound, and never on how long they are: a
request may have 16 MiB.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import Any, Final, TypeAlias

from msgspec import UNSET, Struct

from agent.secret import SecretBytes
from agent.web.recorder.allowed import ALLOWED, Door, is_name

MAX_FIELDS: Final = 64  # of one request, all levels together
MAX_DEPTH: Final = 3
NO_NAME: Final = "<name>"
"""Under which fields are counted whose names are no identifiers."""
MORE: Final = "<more>"
"""Under which fields are counted that nobody looked at."""
PIN: Final = "<pin>"
_SECRET: Final = ("pin", "passw", "pwd")

Shape: TypeAlias = dict[str, Any]
"""JSON: an allowed value, or text in angle brackets, which no allowed value has."""


def shape_of(door: Door, fields: Mapping[Any, Any] | Struct) -> Shape:
    """Return the shape of a request's fields.

    Args:
        door: whose table of values counts.
        fields: as they were parsed: plain JSON, or a message of the native API.

    """
    return _Reading(door).object(fields, 1)


class _Reading:
    """One request; knows how many fields may still be looked at."""

    def __init__(self, door: Door) -> None:
        self._allowed = ALLOWED[door]
        self._left = MAX_FIELDS

    def object(self, fields: Mapping[Any, Any] | Struct, depth: int) -> Shape:
        found: Shape = {}
        pairs, total = _pairs(fields)
        looked_at = 0
        for name, value in islice(pairs, self._left):
            looked_at += 1
            self._left -= 1
            if isinstance(name, str) and is_name(name):
                found[name] = self._value(name, value, depth)
            else:
                found[NO_NAME] = found.get(NO_NAME, 0) + 1
            if not self._left:
                break
        if looked_at < total:
            found[MORE] = total - looked_at
        return found

    def _value(self, name: str, value: Any, depth: int) -> Any:
        if any(each in name.lower() for each in _SECRET):
            return PIN
        if isinstance(value, Enum):
            value = value.value
        rule = self._allowed.get(name)
        if rule is not None and rule(value):
            return value
        if isinstance(value, Mapping | Struct):
            return self.object(value, depth + 1) if depth < MAX_DEPTH else _size("object", value)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
            return self._list(value, depth)
        return _kind(value)

    def _list(self, values: Sequence[Any], depth: int) -> Any:
        """Tell how long a list is, and the shape of its first object: all are alike, mostly."""
        length = f"<list {len(values)}>"
        first = values[0] if values else None
        if isinstance(first, Mapping | Struct) and depth < MAX_DEPTH and self._left:
            return [length, self.object(first, depth + 1)]
        return length


def _pairs(fields: Mapping[Any, Any] | Struct) -> tuple[Iterable[tuple[Any, Any]], int]:
    if isinstance(fields, Mapping):
        return fields.items(), len(fields)
    names = zip(fields.__struct_encode_fields__, fields.__struct_fields__, strict=True)
    values = [(name, getattr(fields, field)) for name, field in names]
    given = [(name, value) for name, value in values if value is not UNSET]
    return given, len(given)


def _size(kind: str, value: Mapping[Any, Any] | Struct) -> str:
    return f"<{kind} {_pairs(value)[1]}>"


def _kind(value: Any) -> str | None:
    """Tell what a value is, and how long; None is JSON's null, which says nothing more."""
    if value is None:
        return None
    if isinstance(value, SecretBytes):
        return PIN
    if isinstance(value, str | bytes | bytearray):
        return f"<{'text' if isinstance(value, str) else 'octets'} {len(value)}>"
    if isinstance(value, bool):
        return "<boolean>"
    return "<number>" if isinstance(value, int | float) else "<other>"
