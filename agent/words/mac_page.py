"""What people with a Mac have to know: one text for the portal, the panel, and installer/macos."""

from dataclasses import dataclass

from agent.words.catalogue import section
from agent.words.language import Language


@dataclass(frozen=True, slots=True)
class MacPart:
    """One part of the page.

    Attributes:
        title: of it.
        text: one paragraph.
        steps: in their order; empty where there is nothing to do. What stands between backticks,
            here and in the text, is typed into a computer.

    """

    title: str
    text: str
    steps: tuple[str, ...] = ()


def mac_parts(language: Language) -> tuple[MacPart, ...]:
    """Return the parts of the page in their order."""
    return tuple(MacPart(**part) for part in section(language, "mac")["parts"])
