"""The language in which a command speaks to people: the system's, or one that they name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from agent.words import SYSTEM, Language
from agent.words import say as words_for
from agent.words.language import chosen_language

CHOOSING: Final = "ANKONG_LANGUAGE"
"""Environment variable: a language by its tag, also one that is never chosen automatically."""
_SPOKEN: Final[ContextVar[Language | None]] = ContextVar("spoken", default=None)


def tongue() -> Language:
    """Return the language of the command line."""
    return _SPOKEN.get() or chosen_language(os.environ.get(CHOOSING, SYSTEM))


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Have everything said in one language, for as long as the context lasts."""
    before = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def tell(key: str, /, **facts: Any) -> str:
    """Return a text of the catalogue in the language of the command line.

    Raises:
        KeyError: there is no such text, or a fact is missing.

    """
    return words_for(tongue(), key, facts)
