"""Asking about what comes through a popup: in a window of ours, or else in the popup itself.

The popup is our own origin and the citizen is looking at it, so it asks where no window can be
opened. Otherwise it only says where the question is: nobody is asked the same thing twice.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from agent.consent.questions import (
    AllowSite,
    LastAttempt,
    Prompt,
    Prompter,
    SiteAnswer,
    UnaskedError,
    unasked,
)
from agent.origin import Origin
from agent.web.hipki.conversation import Answer, Question, current
from agent.web.hipki.pages import describe

A = TypeVar("A")
SITE_ANSWERS: Final = {
    Answer.ONCE: SiteAnswer.THIS_TIME,
    Answer.ALWAYS: SiteAnswer.ALWAYS,
    Answer.NEVER: SiteAnswer.NEVER,
    Answer.CANCEL: SiteAnswer.CANCEL,
}
"""What the buttons of our pages say about a site."""
_ATTEMPT_ANSWERS: Final = frozenset({Answer.ONCE})


@dataclass(slots=True)
class _Asking:
    """A question about a site in popups, and how many conversations wait for its answer."""

    question: Question
    askers: int = 0


class PopupPrompter:
    """Stands before another prompter: asks in the popup what no window can be opened for.

    A popup asks about sites and last attempts. A PIN is never typed into it.
    """

    def __init__(self, windows: Prompter) -> None:
        """Put it before ``windows``."""
        self._windows = windows
        self._asking: dict[Origin, _Asking] = {}

    def can_ask(self) -> bool:
        """Return whether windows can be shown, as far as that is known."""
        return self._windows.can_ask()

    async def ask(self, prompt: Prompt[A]) -> A:
        """Ask in a window, or else in the popup that the request came through, if any did.

        Raises:
            AgentError: as of the other prompter; ``user_cancelled``: nobody answered the popup.

        """
        conversation = current()
        if conversation is None:
            return await self._windows.ask(prompt)
        if self._windows.can_ask():
            with suppress(UnaskedError), conversation.elsewhere():
                return await self._windows.ask(prompt)
        shown = await asyncio.to_thread(describe, prompt.site)
        match prompt:
            case AllowSite():
                with self._question(prompt.site, shown) as question:
                    return cast("A", SITE_ANSWERS[await conversation.ask(question)])
            case LastAttempt():
                about = {**shown, "attemptsLeft": prompt.attempts_left}
                answer = await conversation.ask(Question("pin", about, _ATTEMPT_ANSWERS))
                return cast("A", answer is Answer.ONCE)
            case _:
                raise unasked(prompt, "neither a window nor the popup can ask this")

    @contextmanager
    def _question(self, site: Origin, shown: dict[str, object]) -> Iterator[Question]:
        """Ask about a site once, however many of its popups wait."""
        asking = self._asking.get(site)
        if asking is None:
            question = Question("site", shown, frozenset(SITE_ANSWERS))
            asking = self._asking[site] = _Asking(question)
        asking.askers += 1
        try:
            yield asking.question
        finally:
            asking.askers -= 1
            if not asking.askers:
                self._asking.pop(site, None)
