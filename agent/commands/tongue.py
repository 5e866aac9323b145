"""The language in which a command speaks to people: the system's, or one that they name."""

import os
from typing import Any, Final

from agent.words import SYSTEM, Language
from agent.words import say as words_for
from agent.words.language import chosen_language

CHOOSING: Final = "ANKONG_LANGUAGE"
"""Environment variable: a language by its tag, also one that is never chosen automatically."""


def tongue() -> Language:
    """Return the language of the command line."""
    return chosen_language(os.environ.get(CHOOSING, SYSTEM))


def tell(key: str, /, **facts: Any) -> str:
    """Return a text of the catalogue in the language of the command line.

    Raises:
        KeyError: there is no such text, or a fact is missing.

    """
    return words_for(tongue(), key, facts)
