"""The words of the windows, by name; ``&`` stands before a button's access key."""

from dataclasses import dataclass
from functools import cache

from agent.words import CountedText, Language, section


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that a window can say. ``{…}`` is filled in by whoever shows it."""

    product: str
    cancel: str
    ok: str
    # Facts, and what is said where there is none.
    site: str
    documents: str
    card: str
    no_name: str
    more_documents: CountedText
    fingerprint: str
    card_number: str
    no_holder: str
    virtual: str
    this_user: str
    this_program: str
    self_test: str
    # Warnings about a site.
    punycode: str
    not_encrypted: str
    # Allow this site?
    allow_title: str
    allow_text: str
    this_time: str
    always: str
    never: str
    # PIN.
    sign_title: str
    sign_many_title: CountedText
    decrypt_title: str
    pin: str
    pin_hint: str
    sign: str
    decrypt: str
    wrong: str
    attempts_left: CountedText
    attempts_unknown: str
    one_attempt_left: str
    capitals: str
    block: str
    # Last try.
    last_title: str
    few_title: CountedText
    last_text: str
    few_text: str
    doubt: str
    last_confirm: str
    few_confirm: str
    last_go_on: str
    # Locked.
    locked_title: str
    locked_text: str
    locked_steps: tuple[str, ...]


@cache
def words(language: Language) -> Words:
    """Return the words of a language."""
    self_test = section(language, "common")["self_test"]
    return Words(self_test=self_test, **section(language, "prompt"))


def button_label(text: str) -> tuple[str, int]:
    """Take an access key's mark out of a label; return it and where the key is, -1 for nowhere."""
    return text.replace("&", "", 1), text.find("&")
