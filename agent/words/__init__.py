"""What people read, in every language: one gettext file per language, read as it is.

Translators work on the ``.po`` files with their own tools; nothing is compiled. Used by all that
speaks to people; uses nothing of the agent.
"""

from agent.words.catalogue import load, say, section
from agent.words.language import Language

__all__ = ["Language", "load", "say", "section"]
