"""Which questions a request brought about, for whoever wants to know of that request.

A list goes along with the request's context, also into the tasks that it starts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Literal, TypeAlias

from agent.consent.questions import (
    AllowBlind,
    AllowSite,
    ChooseCard,
    EnterPin,
    LastAttempt,
    Locked,
    Prompt,
)

QuestionKind: TypeAlias = Literal[
    "allow_site", "blind", "enter_pin", "last_try", "locked", "choose_card"
]
MAX_NOTED: Final = 16  # of one request
_KINDS: Final[dict[type[object], QuestionKind]] = {
    AllowSite: "allow_site",
    AllowBlind: "blind",
    EnterPin: "enter_pin",
    LastAttempt: "last_try",
    Locked: "locked",
    ChooseCard: "choose_card",
}
_noted: Final[ContextVar[list[QuestionKind] | None]] = ContextVar("noted", default=None)


def kind_of(prompt: Prompt[Any]) -> QuestionKind:
    """Return what records and tests call such a question."""
    return _KINDS[type(prompt)]


@contextmanager
def noting(kinds: list[QuestionKind]) -> Iterator[None]:
    """Add to ``kinds`` what is asked while the context lasts."""
    token = _noted.set(kinds)
    try:
        yield
    finally:
        _noted.reset(token)


def note(prompt: Prompt[Any]) -> None:
    """Note that a question is put, where somebody wants to know."""
    kinds = _noted.get()
    if kinds is not None and len(kinds) < MAX_NOTED:
        kinds.append(kind_of(prompt))
