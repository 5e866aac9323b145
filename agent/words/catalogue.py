"""The texts of a language, by the names that the program knows them by."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from agent.words import po
from agent.words.language import SOURCE, Language
from agent.words.po import Text

_FOLDER: Final = Path(__file__).parent


@cache
def load(language: Language) -> Mapping[str, Text]:
    """Return all texts of a language by their keys, such as ``doctor.clock_ok``.

    A text that is missing in the language is there in :data:`SOURCE`. Reads files the first time:
    blocks for some milliseconds, so that the event loop must not wait for it.
    """
    texts = po.read(_FOLDER / f"{language.posix}.po")
    if language is not SOURCE:
        texts = {**load(SOURCE), **texts}
    return MappingProxyType(texts)


def say(language: Language, key: str, facts: Mapping[str, Any]) -> str:
    """Return the text of a key, its placeholders filled with the facts.

    Where the text says a number of things, the fact ``count`` is that number.

    Raises:
        KeyError: there is no such text, or a fact is missing.

    """
    return load(language)[key].format_map(facts)


def section(language: Language, area: str) -> dict[str, Any]:
    """Return the texts whose keys begin with an area, by the rest of their keys.

    Keys with further parts become a mapping: ``icon.warnings.policy`` is
    ``section(language, "icon")["warnings"]["policy"]``; where the parts are 1, 2, 3 … a tuple.
    """
    tree: dict[str, Any] = {}
    for key, text in load(language).items():
        first, *parents, last = key.split(".")
        if first == area:
            branch = tree
            for part in parents:
                branch = branch.setdefault(part, {})
            branch[last] = text
    return {name: _with_tuples(value) for name, value in tree.items()}


def _with_tuples(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    values = {name: _with_tuples(each) for name, each in value.items()}
    return tuple(values.values()) if "1" in values else values
