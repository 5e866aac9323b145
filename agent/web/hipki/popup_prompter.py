"""Ask about a request that came through a popup: in a window of ours, or else in the popup.

The popup is our own origin and the citizen is looking at it, so it asks where no window can be
opened. Otherwise it only says that a window asks: nobody is asked the same thing twice.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from agent.consent.questions import (
    AllowBlind,
    AllowSite,
    CardFacts,
    ChooseCard,
    LastAttempt,
    Prompt,
    Prompter,
    Scope,
    SiteAnswer,
    UnaskedError,
)
from agent.errors import AgentError, ErrorCode
from agent.harmless import one_line
from agent.web.hipki.conversation import Conversation, PopupAnswer, PopupQuestion, current
from agent.web.hipki.pages import site_facts

A = TypeVar("A")
SITE_ANSWERS: Final = {
    PopupAnswer.ONCE: SiteAnswer.THIS_TIME,
    PopupAnswer.ALWAYS: SiteAnswer.ALWAYS,
    PopupAnswer.NEVER: SiteAnswer.NEVER,
    PopupAnswer.CANCEL: SiteAnswer.CANCEL,
}
"""The decision about a site that each button of our pages stands for."""
_YES: Final = frozenset({PopupAnswer.ONCE})


@dataclass(slots=True)
class _SharedQuestion:
    """A question about a site in popups, and how many conversations wait for its answer."""

    question: PopupQuestion
    askers: int = 0


class PopupPrompter:
    """Wraps another prompter: asks in the popup where no window can be opened.

    A popup asks about sites, cards and last attempts, never for a PIN.
    """

    def __init__(self, windows: Prompter) -> None:
        """Wrap ``windows``, which shows windows."""
        self._windows = windows
        self._asking: dict[AllowSite | AllowBlind, _SharedQuestion] = {}

    def can_ask(self) -> bool:
        """Return whether windows can be shown, as far as that is known."""
        return self._windows.can_ask()

    def pin_unasked(self) -> ErrorCode:
        """Return what a page is told that gave no PIN, where :meth:`can_ask` says no."""
        return self._windows.pin_unasked()

    async def ask(self, prompt: Prompt[A]) -> A:
        """Ask in a window, or else in the popup that the request came through, if any did.

        Raises:
            AgentError: whatever the other prompter raises; ``user_cancelled``: nobody answered
                the popup.

        """
        conversation = current()
        if conversation is None:
            return await self._windows.ask(prompt)
        if self._windows.can_ask():
            with suppress(UnaskedError), conversation.asking_in_window():
                return await self._windows.ask(prompt)
        shown = await asyncio.to_thread(site_facts, prompt.site)
        match prompt:
            case AllowSite() | AllowBlind():
                with self._question(prompt, shown) as question:
                    return cast("A", SITE_ANSWERS[await conversation.ask(question)])
            case LastAttempt():
                about = {**shown, "attemptsLeft": prompt.attempts_left}
                answer = await conversation.ask(PopupQuestion("pin", about, _YES))
                return cast("A", answer is PopupAnswer.ONCE)
            case ChooseCard():
                return cast("A", await _choose_card(conversation, prompt, shown))
            case _:  # what no popup asks; the error says why no window does either
                return await self._windows.ask(prompt)

    @contextmanager
    def _question(
        self, prompt: AllowSite | AllowBlind, shown: dict[str, object]
    ) -> Iterator[PopupQuestion]:
        """Give the one question about a site, however many of its popups wait for the answer."""
        asking = self._asking.get(prompt)
        if asking is None:
            unknown = isinstance(prompt, AllowSite) and prompt.attempts_unknown
            blind = Scope.BLIND in prompt.scopes
            about = {**shown, "attemptsUnknown": unknown, "blind": blind}
            kind = "site" if Scope.CARD in prompt.scopes else "blind"
            question = PopupQuestion(kind, about, frozenset(SITE_ANSWERS))
            asking = self._asking[prompt] = _SharedQuestion(question)
        asking.askers += 1
        try:
            yield asking.question
        finally:
            asking.askers -= 1
            if not asking.askers:
                self._asking.pop(prompt, None)


async def _choose_card(
    conversation: Conversation, prompt: ChooseCard, shown: dict[str, object]
) -> CardFacts:
    cards = [
        {
            "holder": one_line(card.holder or ""),
            "serial": one_line(card.serial),
            "reader": one_line(card.reader),
            "virtual": card.virtual,
        }
        for card in prompt.cards
    ]
    question = PopupQuestion("card", {**shown, "cards": cards}, _YES, len(cards))
    if await conversation.ask(question) is not PopupAnswer.ONCE:
        raise AgentError("cancelled in the popup", code=ErrorCode.USER_CANCELLED)
    return prompt.cards[question.choice]
