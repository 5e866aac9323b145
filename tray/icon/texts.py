"""The texts of the icon, its menu and its notifications."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from agent.signing.model import CardPresence
from agent.words import CHOICES, CountedText, Language, choice_label, section


@dataclass(frozen=True, slots=True)
class TrayTexts:
    """The texts in one language; the code that shows a text fills in its ``{…}``."""

    product: str
    starting: str
    working: str
    ready: str
    no_card: str
    no_reader: str
    left: str
    warnings: Mapping[str, str]
    cards: Mapping[CardPresence, str]
    generations: Mapping[str, str]
    locked: str
    sign: str
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
    testing: str
    signed: str
    decrypted: str
    authenticated: str
    by: str
    named_by_site: str
    named_by_program: str
    documents: CountedText
    ask: str
    waits: str
    waits_how: str
    waits_click: str
    unnamed: str
    program: str
    self_test: str


@cache
def load_texts(language: Language) -> TrayTexts:
    """Return the texts of a language."""
    choices = {each: choice_label(each, language) for each in CHOICES}
    common = section(language, "common")
    return TrayTexts(
        product=section(language, "product")["name"],
        choices=choices,
        unnamed=common["unnamed"],
        program=common["program"],
        self_test=common["self_test"],
        **section(language, "icon"),
    )
