"""Look into a PDF's objects (ISO 32000-1 §7.3)."""

from collections.abc import Iterator
from typing import Any

from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject


def entry(node: Any, key: str) -> Any:
    """Return what a dictionary has under a key, looked up; None where it has nothing, or null."""
    try:
        return node[key] if isinstance(node, DictionaryObject) else None
    except KeyError:
        return None


def items(array: Any) -> Iterator[Any]:
    """Return an array's elements, looked up; none where it is no array."""
    if isinstance(array, ArrayObject):
        yield from (each.get_object() for each in array.iterate())
