"""The texts of the windows; in those of buttons ``&`` precedes the access key."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from agent.words import CountedText, Language, section

_KEY: Final = re.compile(r"\s*\(&.\)|&")
_CITIZEN_CARDS: Final = frozenset({"gen1", "gen2"})


@dataclass(frozen=True, slots=True)
class PromptTexts:
    """The texts in one language; the code that shows a text fills in its ``{…}``."""

    product: str
    cancel: str
    ok: str
    # The rows of a panel, and what they show where there is no value.
    site: str
    asker: str
    documents: str
    card: str
    called_by_site: str
    called_by_program: str
    no_name: str
    unshowable_name: str
    more_documents: CountedText
    show_all: str
    whole_text: str
    remark: str
    fingerprint: str
    file_fingerprint: str
    pages: CountedText
    mark: str
    view: str
    card_number: str
    no_holder: str
    hidden_holder: str
    virtual: str
    this_user: str
    this_program: str
    self_test: str
    administrator: str
    # Warnings about a site.
    punycode: str
    not_encrypted: str
    # Allow this site?
    allow_title: str
    allow_program_title: str
    allow_text: str
    blind_program_title: str
    covers_program_pin: str
    blind_title: str
    blind_text: str
    covers_pin: str
    covers_site_pin: str
    this_time: str
    always: str
    never: str
    # Which card?
    choose_title: str
    choose_text: str
    choose_place: str
    choose_go_on: str
    # PIN.
    sign_title: str
    sign_many_title: CountedText
    each_document: str
    decrypt_title: str
    login_title: str
    identify_title: str
    pin: str
    pin_hint: str
    keypad: str
    sign: str
    decrypt: str
    login: str
    identify: str
    wrong: str
    attempts_left: CountedText
    attempts_unknown: str
    one_attempt_left: str
    token_attempts: str
    token_few: str
    capitals: str
    num_lock: str
    layout: str
    no_digit: str
    block: str
    block_program: str
    # Last try.
    last_title: str
    few_title: CountedText
    unknown_title: str
    last_text: str
    few_text: str
    unknown_text: str
    unknown_program_text: str
    doubt: str
    last_confirm: str
    few_confirm: str
    unknown_confirm: str
    last_go_on: str
    # Locked.
    locked_title: str
    locked_text: str
    locked_steps: tuple[str, ...]
    locked_elsewhere: str

    def how_to_unlock(self, generation: str) -> tuple[str, ...]:
        """Return the steps for a kind of card: offices unlock citizen cards, and no others."""
        if generation in _CITIZEN_CARDS:
            return self.locked_steps
        return self.locked_elsewhere, self.locked_steps[-1]


@cache
def load_texts(language: Language) -> PromptTexts:
    """Return the texts of a language."""
    common = section(language, "common")
    named = ("self_test", "blind_title", "blind_text", "covers_pin", "attempts_unknown")
    shared = {name: common[name] for name in named}
    shared["choose_title"] = common["which_card"]
    return PromptTexts(**shared, **section(language, "prompt"))


def button_label(text: str) -> tuple[str, int]:
    """Take an access key's mark out of a label; return it and where the key is, -1 for nowhere."""
    return text.replace("&", "", 1), text.find("&")


def without_key(text: str) -> str:
    """Take an access key out of a label for a page, which has none: "(&C)" is nothing to read."""
    return _KEY.sub("", text)
