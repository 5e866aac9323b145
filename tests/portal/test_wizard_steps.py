"""What the portal says of the wizards' buttons is what stands on them, in every language."""

import re

import pytest

from agent.words import load
from agent.words.language import Language

STEPS = {
    "portal.component.wizard.1": "wizard.next",
    "portal.component.wizard.2": "wizard.next",
    "portal.component.wizard.3": "wizard.install",
    "portal.component.wizard.4": "wizard.finish",
}


def label(language: Language, key: str) -> str:
    """Return a button's label without the letter that Alt goes with."""
    return re.sub(r"\(&\w\)|&", "", str(load(language)[key]))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_names_the_button_as_the_wizard_does(language: Language, step: str) -> None:
    assert label(language, STEPS[step]) in str(load(language)[step])


@pytest.mark.parametrize("language", Language)
def test_the_way_out_of_a_refused_certificate_begins_with_the_restart(language: Language) -> None:
    """Then comes the icon's own check, by the name that it has in the menu."""
    words = load(language)
    steps = [str(words[f"portal.reasons.certificate_not_trusted.todo.{n}"]) for n in (1, 2, 3)]
    assert str(words["icon.doctor"]) in steps[1]
