"""The languages and their texts as a browser's script takes them: JSON."""

from collections.abc import Callable
from typing import Any, Final

from agent.words.catalogue import section
from agent.words.language import Language
from agent.words.po import CountedText

PLURAL: Final = "plural"
"""The name by which a script knows a text with a count; no text is called so."""
_RULE_LENGTH: Final = 200


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
