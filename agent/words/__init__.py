"""What people read: the list of the languages, and one gettext file per language, read as it is.

Translators work on the ``.po`` files with their own tools; nothing is compiled. Used by all that
speaks to people; uses nothing of the agent.
"""

from agent.words.catalogue import load, say, section
from agent.words.choices import choice_label
from agent.words.language import CHOICES, REVIEWED, SOURCE, SYSTEM, Language
from agent.words.po import CountedText

__all__ = [
    "CHOICES",
    "REVIEWED",
    "SOURCE",
    "SYSTEM",
    "CountedText",
    "Language",
    "choice_label",
    "load",
    "say",
    "section",
]
