"""The languages and their texts as a browser's script takes them."""

import html
import json
import re
from collections.abc import Callable
from importlib import resources
from typing import Any, Final

from agent.words.catalogue import load, section
from agent.words.choices import choice_label
from agent.words.language import CHOICES, REVIEWED, Language
from agent.words.po import CountedText

PLURAL: Final = "plural"
"""The name by which a script knows a text with a count; no text is called so."""
_RULE_LENGTH: Final = 200
_SAID: Final = re.compile(r"\{(say|all):([a-zA-Z_.]+)\}")


def browser_languages() -> list[dict[str, Any]]:
    """Return what a script has to know of each language, the one to begin with first.

    ``tag`` is BCP 47, ``name`` the language's own, ``reviewed`` says whether it may be chosen
    automatically, and ``locale`` is for days and times.
    """
    return [
        {
            "tag": str(each),
            "name": each.endonym,
            "reviewed": each.is_reviewed,
            "locale": each.date_locale,
        }
        for each in Language
    ]


def browser_texts(language: Language, area: str) -> dict[str, Any]:
    """Return the texts of an area as :func:`section` does, in what JSON has.

    A tuple is an array. A text with a count is ``{"plural": [form, …], "rule": "…"}``: the rule's
    digit number ``n``, for ``n`` of 200 and more that of ``100 + n % 100``, and its last digit
    where it is shorter, is the number of the form for a count ``n``.
    """
    return {name: _as_json(value) for name, value in section(language, area).items()}


def page_texts(language: Language, area: str, *shared: str) -> dict[str, Any]:
    """Return an area's texts as :func:`browser_texts` does, with those of shared areas.

    Each shared area's texts stand under its name; where the area has a text there itself, as
    ``panel.codes.no_card`` beside ``codes``, the page says that one.
    """
    texts = {name: browser_texts(language, name) for name in shared}
    for name, own in browser_texts(language, area).items():
        texts[name] = {**texts[name], **own} if name in texts else own
    return texts


def _as_json(value: Any) -> Any:
    if isinstance(value, CountedText):
        return {PLURAL: list(value.forms), "rule": plural_digits(value.choose)}
    if isinstance(value, dict):
        return {name: _as_json(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_as_json(each) for each in value]
    return value


def plural_digits(choose: Callable[[int], int]) -> str:
    """Return a plural rule for :func:`browser_texts`.

    Every rule that gettext's manual lists depends on small counts and on the last two digits.
    """
    digits = "".join(str(choose(count)) for count in range(_RULE_LENGTH))
    return digits.rstrip(digits[-1]) + digits[-1]


def browser_module(area: str, *shared: str) -> str:
    """Return an ECMAScript module that says an area's texts in every language of ours.

    It exports what ``page.js`` beside this file does. ``choices`` are what a language, or the
    system's, is called where one is chosen. Shared areas are as for
    :func:`page_texts`. Reads files: not for the event loop.
    """
    texts = {
        str(each): {
            **page_texts(each, area, *shared),
            "choices": {choice: choice_label(choice, each) for choice in CHOICES},
        }
        for each in Language
    }
    script = (resources.files("agent.words") / "page.js").read_text("utf-8")
    data = {"LANGUAGES": browser_languages(), "TEXTS": texts}
    constants = "".join(f"const {name} = {_script(value)};\n" for name, value in data.items())
    return constants + script


def _script(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def spoken_page(document: str) -> str:
    """Return a page's HTML with its texts, for the time before its script runs.

    ``{say:key}`` is said in the first language, ``{all:key}`` in every reviewed one, and
    ``{lang}`` is the first one's tag. Reads files: not for the event loop.
    """
    first, *_ = Language

    def text(found: re.Match[str]) -> str:
        languages = (first,) if found[1] == "say" else REVIEWED
        return html.escape(" ".join(str(load(each)[found[2]]) for each in languages))

    return _SAID.sub(text, document).replace("{lang}", str(first))
