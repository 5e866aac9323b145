"""The words of the tray, by the names that the code uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from agent.signing.model import CardPresence
from agent.words import CHOICES, CountedText, Language, choice_label, section


@dataclass(frozen=True, slots=True)
class Texts:
    """One language; ``{…}`` are filled in."""

    product: str
    starting: str
    working: str
    ready: str
    no_card: str
    no_reader: str
    warnings: Mapping[str, str]
    cards: Mapping[CardPresence, str]
    generations: Mapping[str, str]
    locked: str
    sites: str
    history: str
    selftest: str
    doctor: str
    autostart: str
    language: str
    choices: Mapping[str, str]
    newer: str
    about: str
    quit: str
    signed: str
    decrypted: str
    by: str
    documents: CountedText
    unnamed: str
    program: str
    self_test: str


@cache
def load_texts(language: Language) -> Texts:
    """Return the words of a language."""
    choices = {each: choice_label(each, language) for each in CHOICES}
    common = section(language, "common")
    return Texts(
        product=section(language, "product")["name"],
        choices=choices,
        unnamed=common["unnamed"],
        program=common["program"],
        self_test=common["self_test"],
        **section(language, "icon"),
    )
