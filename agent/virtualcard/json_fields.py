"""Reading JSON that somebody else wrote: every field is checked, and nothing is ignored."""

import base64
import binascii
import json
import re
from typing import Any, NoReturn

from agent.errors import BadRequestError

MAX_SIZE = 1 << 20  # bytes; a card file has about 10 000
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def parse_object(raw: bytes, what: str) -> "Fields":
    """Read one JSON object, without duplicate names, NaN, or nesting without end.

    Raises:
        BadRequestError: it is none; ``what`` names it to the user.

    """
    if len(raw) > MAX_SIZE:
        raise BadRequestError(f"{what} is longer than {MAX_SIZE} bytes")
    try:
        value = json.loads(raw, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"{what} is not JSON") from error
    return Fields(value, what)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("duplicate name")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


class Fields:
    """The fields of one JSON object; each is taken once, and :meth:`end` wants none left.

    Every method raises BadRequestError, which names the field, for what it does not accept.
    """

    def __init__(self, value: object, where: str) -> None:
        """Take ``value`` if it is an object; ``where`` is its name in error messages."""
        if not isinstance(value, dict):
            raise BadRequestError(f"{where} is not an object")
        self._fields: dict[str, Any] = dict(value)
        self._where = where

    def end(self) -> None:
        """Insist that every field was taken."""
        if self._fields:
            self._fail(repr(min(self._fields)), "unknown field")

    def text(self, name: str, pattern: str) -> str:
        """Take a string that the regular expression matches wholly, and that has a UTF-8 form."""
        value = self._take(name)
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            self._fail(name, f"not a string of the form {pattern}")
        if _HALF_A_PAIR.search(value):
            self._fail(name, "half of a surrogate pair in it")
        return value

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Take a whole number between ``low`` and ``high``."""
        value = self._take(name, default)
        if type(value) is not int or not low <= value <= high:
            self._fail(name, f"not a whole number from {low} to {high}")
        return value

    def flag(self, name: str) -> bool:
        """Take true or false; false if it is not there."""
        value = self._take(name, default=False)
        if not isinstance(value, bool):
            self._fail(name, "neither true nor false")
        return value

    def flag_or_none(self, name: str) -> bool | None:
        """Take true, false or null; None if it is not there."""
        value = self._fields.pop(name, None)
        if value is not None and not isinstance(value, bool):
            self._fail(name, "neither true, false nor null")
        return value

    def octets(self, name: str, low: int, high: int) -> bytes:
        """Take bytes in base64, so many at least and at most."""
        value = self._take(name)
        try:
            decoded = base64.b64decode(value, validate=True) if isinstance(value, str) else None
        except (binascii.Error, ValueError):
            decoded = None
        if decoded is None or not low <= len(decoded) <= high:
            self._fail(name, f"not {low} to {high} bytes in base64")
        return decoded

    def child(self, name: str) -> "Fields":
        """Take an object; an empty one if it is not there."""
        return Fields(self._take(name, {}), f"{self._where}: {name}")

    def children(self, name: str, limit: int) -> list["Fields"]:
        """Take a list of objects, so many at most."""
        value = self._take(name)
        if not isinstance(value, list) or len(value) > limit:
            self._fail(name, f"not a list of at most {limit}")
        return [Fields(item, f"{self._where}: {name}[{i}]") for i, item in enumerate(value)]

    def names(self, pattern: str, limit: int) -> list[str]:
        """Tell the names that are left, so many at most, each of which has to be of that form."""
        if len(self._fields) > limit:
            self._fail("fields", f"more than {limit}")
        for name in self._fields:
            if re.fullmatch(pattern, name) is None:
                self._fail(repr(name), f"not a name of the form {pattern}")
        return list(self._fields)

    def _take(self, name: str, default: object = None) -> Any:
        value = self._fields.pop(name, default)
        if value is None:
            self._fail(name, "missing")
        return value

    def _fail(self, name: str, why: str) -> NoReturn:
        raise BadRequestError(f"{self._where}: {name}: {why}")
