"""What is wrong in a settings or policy file, in words that help to mend it.

The keys of a file and the values that each takes are read from the declarations.
"""

import difflib
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from agent.harmless import shortened
from agent.words import SOURCE, say

Words = tuple[str, Mapping[str, object]]
"""A key of the catalogue, and the facts that its text takes; a fact may be such words itself."""
_LONGEST_VALUE: Final = 40  # characters of a wrong value that are shown
_REPR: Final = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother, _REPR.maxlong = 3, 100, 100, 100


def explained(
    path: PurePath,
    table: Mapping[str, Any],
    kind: type[Struct],
    known: Iterable[str],
    elsewhere: Iterable[str] = (),
) -> Words | None:
    """Return the words for the first mistake in a table; None where none is found.

    Args:
        path: of the file.
        table: what it holds.
        kind: what it should be.
        known: the names that may stand in the file, of which ``kind`` may have but some.
        elsewhere: names that stand in the user's file only.

    """
    kinds = get_type_hints(kind, include_extras=True)
    known = sorted(known)
    for name, value in table.items():
        if name not in kinds:
            return _unknown(path, name, known, elsewhere)
        try:
            msgspec.convert(value, kinds[name])
        except msgspec.ValidationError:
            facts = {"path": path, "name": name, "value": _shown(value)}
            return "cli.settings.wrong", {**facts, "expected": expected(kinds[name])}
    return None


def _unknown(path: PurePath, name: str, known: list[str], elsewhere: Iterable[str]) -> Words:
    facts: dict[str, object] = {
        "path": path,
        "name": shortened(name, _LONGEST_VALUE),
        "names": ", ".join(known),
    }
    if name in elsewhere:
        return "cli.settings.not_in_policy", facts
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return "cli.settings.meant", {**facts, "near": near[0]}
    return "cli.settings.unknown", facts


def in_english(words: Words) -> str:
    """Return the words for a log, and for programs."""
    key, facts = words
    told = {n: in_english(f) if isinstance(f, tuple) else f for n, f in facts.items()}
    return say(SOURCE, key, told)


def _shown(value: Any) -> str:
    # Not repr(): a list of a property list may hold others over and over.
    text = str(value).lower() if isinstance(value, bool) else _REPR.repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def expected(kind: Any) -> Words:
    """Return the words for what values a type takes."""
    bounds: dict[str, Any] = {}
    while hasattr(kind, "__metadata__"):
        for each in kind.__metadata__:
            if isinstance(each, Meta):
                bounds |= {name: value for name, value in _bounds(each) if value is not None}
        kind = get_args(kind)[0]
    members = [each for each in get_args(kind) if each is not type(None)]
    if get_origin(kind) is tuple:
        return "cli.expected.list", {"item": expected(members[0])}
    if members and get_origin(kind) is not Literal:  # it may be left out, but TOML has no null
        return expected(members[0])
    if members:
        return "cli.expected.choice", {"names": ", ".join(f'"{each}"' for each in members)}
    return _expected_plain(kind, bounds)


def _expected_plain(kind: Any, bounds: Mapping[str, Any]) -> Words:
    if kind is bool:
        return "cli.expected.bool", {}
    if isinstance(kind, type) and issubclass(kind, Struct):
        return "cli.expected.table", {"names": ", ".join(kind.__struct_fields__)}
    if kind is int:
        return "cli.expected.number", {"least": bounds.get("ge", 0), "most": bounds.get("le", "…")}
    if "words" in bounds:
        return bounds["words"]["expected"], {"most": bounds.get("max_length", "…")}
    if "pattern" in bounds:
        return "cli.expected.pattern", {"pattern": bounds["pattern"]}
    return "cli.expected.text", {"most": bounds.get("max_length", "…")}


def _bounds(meta: Meta) -> Iterable[tuple[str, Any]]:
    yield from ((name, getattr(meta, name)) for name in ("ge", "le", "pattern", "max_length"))
    yield "words", meta.extra
