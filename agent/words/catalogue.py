"""The catalogue of a language: gettext's PO format (GNU gettext manual, "The Format of PO Files").

Only what our files use is read: ``msgctxt``, ``msgid`` and ``msgstr``, each on one or more lines.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from agent.words.language import Language

_FOLDER: Final = Path(__file__).parent
_FILES: Final = {Language.CHINESE: "zh_TW.po", Language.ENGLISH: "en.po"}


@cache
def load(language: Language) -> Mapping[str, str]:
    """Return all texts of a language by their keys, such as ``doctor.clock_ok``.

    Reads a file the first time, so that it blocks for some milliseconds.
    """
    return MappingProxyType(parse((_FOLDER / _FILES[language]).read_text("utf-8")))


def say(language: Language, key: str, facts: Mapping[str, str]) -> str:
    """Return the text of a key, its placeholders filled with the facts.

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
    if isinstance(value, str):
        return value
    values = {name: _with_tuples(each) for name, each in value.items()}
    return tuple(values.values()) if "1" in values else values


def parse(text: str) -> dict[str, str]:
    """Return the translations in a PO file by their contexts; what has no context is left out.

    Raises:
        ValueError: a text is not quoted as it should be.

    """
    found: dict[str, str] = {}
    for paragraph in text.split("\n\n"):
        entry = _fields(paragraph)
        if entry.get("msgctxt"):
            found[entry["msgctxt"]] = entry["msgstr"]
    return found


def _fields(paragraph: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.splitlines():
        if line.startswith("#"):
            continue
        keyword, _, quoted = line.partition(" ") if line.startswith("msg") else (name, "", line)
        name = keyword
        # C's escapes in our files (\n, \" and \\) are JSON's too.
        fields[name] = fields.get(name, "") + json.loads(quoted)
    return fields
