"""The texts of the wizard."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from agent.words import Language, section


@dataclass(frozen=True)
class WizardTexts:
    """The texts in one language. ``{…}`` is for ``fill_in``; ``&`` precedes an access key."""

    product: str
    steps: tuple[str, ...]
    removal_steps: tuple[str, ...]
    repair_steps: tuple[str, ...]
    # Buttons.
    next: str
    back: str
    cancel: str
    install: str
    update: str
    repair: str
    finish: str
    retry: str
    close: str
    copy: str
    copied: str
    # Welcome.
    welcome_title: str
    welcome_text: tuple[str, ...]
    welcome_update: str
    welcome_again: str
    welcome_older: str
    replace_older: str
    # What is installed already.
    again_title: str
    choices: Mapping[str, str]
    repair_text: str
    update_text: str
    take_off_text: str
    # Licence.
    licence_title: str
    licence_text: str
    licence_others: str
    licence_accept: str
    # What will be added.
    added_title: str
    added_text: str
    added: tuple[tuple[str, str], ...]
    running: str
    # Installing.
    installing_title: str
    ending: str
    copying: str
    making_certificate: str
    repairing_title: str
    checking: str
    # Finished.
    finish_title: str
    finished_text: str
    repaired_title: str
    repaired_text: str
    mended: str
    nothing_broken: str
    broken: Mapping[str, str]
    start_now: str
    start_at_login: str
    not_complete: str
    missing_service: str
    missing_tool: str
    missing_command: str
    missing_unknown: str
    # Cancelling.
    cancel_title: str
    cancel_text: str
    go_on: str
    stop: str
    # Trouble.
    trouble_title: str
    not_repaired_title: str
    trouble_text: str
    trouble: Mapping[str, str]
    # Removal.
    removal_title: str
    removal_text: str
    removed_things: tuple[tuple[str, str], ...]
    keep: str
    keep_hint: str
    remove: str
    removing_title: str
    removing: str
    removed_title: str
    removed_text: str
    kept_text: str
    left_text: str
    not_installed: str
    cancel_removal_text: str
    # Another wizard.
    open_already_title: str
    open_already: str
    # Without windows.
    quiet_done: str
    quiet_repaired: str
    help: Mapping[str, Any]
    no_display: str
    no_reader: str
    quiet_begins: str
    quiet_accept: str
    quiet_started: str
    not_started: str
    cancelled: str


@cache
def load_texts(language: Language) -> WizardTexts:
    """Return the texts of a language."""
    product = section(language, "product")["both_names"]
    return WizardTexts(
        product=product, **section(language, "installer"), **section(language, "wizard")
    )
