"""What a repair has mended, in words."""

from collections.abc import Sequence

from agent.words.language import Language
from wizard.damage import Damage
from wizard.installed_program import SetupStep
from wizard.texts import load_texts
from wizard.window import fill_in

_TOLD = frozenset({"certificate_mended", "settings_aside", "manifest_aside"})
"""Codes of steps of the setup that mended something, and say it."""


def mended_lines(language: Language, damage: Damage, steps: Sequence[SetupStep]) -> list[str]:
    """Return a line for each thing that was missing or damaged.

    Args:
        language: of the lines.
        damage: what was found.
        steps: the results of the setup.

    """
    texts = load_texts(language)
    lines = [fill_in(texts.broken["program"], {"count": damage.files})] if damage.files else []
    lines += [texts.broken[part] for part in damage.parts]
    return lines + [step.said(language) for step in steps if step.ok and step.code in _TOLD]
