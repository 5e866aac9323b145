"""The catalogues: whole in every language, with the same placeholders, and quickly read."""

import re
import string
import time
from pathlib import Path

import pytest

from agent import words
from agent.words import Language, catalogue, load, section
from agent.words.catalogue import parse

FOLDER = Path(words.__file__).parent
ENGLISH = (FOLDER / "en.po").read_text("utf-8")


def sources(text: str) -> dict[str, str]:
    """Take the English texts that stand beside the translations."""
    return parse(re.sub(r"(?m)^msgstr ", "msgother ", text).replace("\nmsgid ", "\nmsgstr "))


def gaps(text: str) -> set[str | None]:
    return {gap for _, gap, _, _ in string.Formatter().parse(text) if gap is not None}


@pytest.mark.parametrize("language", Language)
def test_every_language_says_everything_with_the_same_placeholders(language: Language) -> None:
    english, texts = load(Language.ENGLISH), load(language)
    assert list(texts) == list(english)
    for key, text in texts.items():
        assert text.strip(), key
        assert gaps(text) == gaps(english[key]), key


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.po")), ids=lambda path: path.stem)
def test_no_translation_is_of_an_older_english_text(file: Path) -> None:
    text = file.read_text("utf-8")
    assert sources(text) == load(Language.ENGLISH)
    assert not re.search(r"(?m)^#(, .*fuzzy|~)", text)
    keys = re.findall(r'(?m)^msgctxt "(.+)"$', text)
    assert len(keys) == len(set(keys))
    for paragraph in text.split("\n\n"):
        has_gaps = bool(gaps(next(iter(parse(paragraph).values()), "")))
        assert ("#, python-brace-format" in paragraph) == has_gaps, paragraph


def test_a_text_may_stand_on_several_lines_and_hold_quotes() -> None:
    text = '#. a note\nmsgctxt "a.b"\nmsgid ""\n"x\\n"\nmsgstr ""\n"one \\"two\\"\\n"\n"三\\\\"\n'
    assert parse(text) == {"a.b": 'one "two"\n三\\'}


def test_a_catalogue_is_read_within_the_time_that_a_window_has() -> None:
    load.cache_clear()
    start = time.process_time()
    load(Language.CHINESE)
    assert time.process_time() - start < 0.05


def test_keys_with_numbers_are_tuples_and_others_mappings(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"a.one": "1", "a.many.1.1": "x", "a.many.1.2": "y", "a.named.by-tag": "z", "b.c": "d"}
    monkeypatch.setattr(catalogue, "load", lambda _: texts)
    assert section(Language.ENGLISH, "a") == {
        "one": "1",
        "many": (("x", "y"),),
        "named": {"by-tag": "z"},
    }
