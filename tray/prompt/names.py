"""What a page calls its documents, and what is shown of that: never what could be taken for ours.

A name that shows nothing, or that says what our windows say, is not shown at all. What is compared
is the letters and digits alone: case, width, blanks, accents and punctuation make no difference,
nor do the Cyrillic and Greek letters that look like Latin ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from string import Formatter
from typing import Final
from unicodedata import category, normalize

from agent.harmless import has_content, one_line
from agent.words import CountedText, Language
from tray.prompt.glyphs import shown_line
from tray.prompt.pin_requests import asks_for_pin
from tray.prompt.texts import PromptTexts, load_texts

_GAPS: Final = {
    "count": (r"[0-9]+", 5),
    "page": (r"[0-9]+", 5),
    "serial": (r"[0-9a-z]{8,}", 10),
    "digest": (r"[0-9a-f]{8,}", 10),
    "hash": (r"sha[0-9]+", 5),
    "site": (r"[0-9a-z]{3,}", 3),
}
"""What a placeholder of our texts stands for, and how much it tells; others stand for anything."""
_ANYTHING: Final = ".+"
_TELLING: Final = 14
"""From this weight on a text is ours wherever it stands: five ideographs, or fourteen letters."""
_IDEOGRAPH_WEIGHT: Final = 3
_FIRST_IDEOGRAPH: Final = "\u2e80"
_ACCESS_KEY: Final = re.compile(r"\(&?[A-Z]\)|&")
_CLAUSE_END: Final = re.compile("[.!?;,\N{IDEOGRAPHIC FULL STOP}]+")  # after NFKC
_LABEL_END: Final = re.compile(r"[:|=]")  # as between a label and its value
_HASH: Final = re.compile(r"(?<![a-z])sha(?:1|2[0-9]{2}|384|512)(?![0-9])")
_DIGITS: Final = re.compile(r"[0-9a-f]{8}")
_GROUPS: Final = re.compile(r"(?<![0-9a-z])(?:[0-9a-f]{4}\s+){2,}[0-9a-f]{4}(?![0-9a-z])")
# After case folding; lower-case letters stand for capitals too, which look alike more often.
_LOOK_ALIKES: Final = str.maketrans(
    "авекмнорстухіјѕԁԛԝӏһαβεζηικμνορτυχıđ", "abekmhopctyxijsdqwlhabezhikmvoptyxid"
)
_GREEK_NU: Final = "\N{GREEK SMALL LETTER NU}"  # small it is a v, capital an N


def shown_name(name: str | None, texts: PromptTexts) -> str:
    """Return a document's name as a window shows it, or a text of ours in its place.

    Args:
        name: as the page has it; None when the page does not say.
        texts: of the window.

    """
    if name is None:
        return texts.no_name
    line = one_line(name)
    if not has_content(line) or imitates_us(line):
        return texts.unshowable_name
    return shown_line(name)


def imitates_us(line: str) -> bool:
    """Return whether a line could be taken for a text of our windows, in any language.

    It asks for a PIN, says how one is, or says nothing but "PIN"; has a fingerprint or one of our
    sentences in it; or is one of our labels, with or without a value after it.
    Parses four catalogues at first: some 0.1 seconds.
    """
    plain = _ACCESS_KEY.sub("", normalize("NFKC", line))
    if _GROUPS.search(plain.casefold()):
        return True
    for words in _readings(plain):
        letters = words.replace(" ", "")
        if asks_for_pin(words):
            return True
        if _HASH.search(letters) and _DIGITS.search(letters):
            return True
        if _our_texts().sentences.search(letters):
            return True
    parts = (words for part in _LABEL_END.split(plain) for words in _readings(part))
    return any(_our_texts().labels.fullmatch(words.replace(" ", "")) for words in parts)


@dataclass(frozen=True, slots=True)
class _OurTexts:
    """Patterns of folded texts without blanks.

    Attributes:
        sentences: what is ours wherever it stands.
        labels: what is ours where it stands alone.

    """

    sentences: re.Pattern[str]
    labels: re.Pattern[str]


@cache
def _our_texts() -> _OurTexts:
    sentences: set[str] = set()
    labels: set[str] = set()
    for language in Language:
        for text in _said(load_texts(language)):
            plain = _ACCESS_KEY.sub("", normalize("NFKC", text))
            for clause in (plain, *_CLAUSE_END.split(plain)):
                pattern, weight = _pattern(clause)
                if weight >= _TELLING:
                    sentences.add(pattern)
                elif pattern and _ANYTHING not in pattern:
                    labels.add(pattern)
    return _OurTexts(_any_of(sentences), _any_of(labels))


def _any_of(patterns: set[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(patterns)))


def _said(texts: PromptTexts) -> Iterator[str]:
    for each in fields(texts):
        value = getattr(texts, each.name)
        if isinstance(value, CountedText):
            yield from value.forms
        elif isinstance(value, tuple):
            yield from value
        else:
            yield value


def _pattern(text: str) -> tuple[str, int]:
    """Return a pattern of a text whose placeholders are filled, and how telling the text is."""
    pattern, weight = "", 0
    for literal, gap, _, _ in Formatter().parse(text):
        letters = _fold(literal).replace(" ", "")
        pattern += re.escape(letters)
        weight += sum(_IDEOGRAPH_WEIGHT if letter >= _FIRST_IDEOGRAPH else 1 for letter in letters)
        if gap is not None:
            filled, more = _GAPS.get(gap, (_ANYTHING, 0))
            pattern += filled
            weight += more
    return pattern.removeprefix(_ANYTHING).removesuffix(_ANYTHING), weight


def _readings(text: str) -> tuple[str, ...]:
    """Fold a text in each way that it may be read."""
    folded = _fold(text)
    as_capital = _fold(text.casefold().replace(_GREEK_NU, "n"))
    return (folded,) if folded == as_capital else (folded, as_capital)


def _fold(text: str) -> str:
    """Return the letters and digits of a text in lower case, one blank for all else between."""
    kept = []
    for character in normalize("NFKD", normalize("NFKD", text).casefold()):
        kind = category(character)[0]
        if kind != "M":
            kept.append(character if kind in "LN" else " ")
    return " ".join("".join(kept).translate(_LOOK_ALIKES).split())
