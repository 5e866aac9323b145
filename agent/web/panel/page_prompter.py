"""Ask in a page of the browser where the citizen wants that or a screen reader runs."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from agent.consent.page import QuestionPage
from agent.consent.questions import Prompt, Prompter, UnaskedError
from agent.errors import ErrorCode
from agent.web.panel.question_desk import QuestionDesk

A = TypeVar("A")


class PagePrompter:
    """Wraps the prompter of windows, which still asks where no page can.

    It stands below the queue: whatever holds for windows, one at a time and pauses after refusals,
    holds for pages.
    """

    def __init__(
        self,
        windows: Prompter,
        desk: QuestionDesk,
        say: Callable[[Prompt[Any]], Awaitable[QuestionPage]],
        wants_page: Callable[[], Awaitable[bool]],
        can_page: Callable[[], bool] = lambda: False,
    ) -> None:
        """Wrap ``windows``.

        Args:
            windows: shows windows.
            desk: shows pages.
            say: returns what a page says to ask a question; UnaskedError where it cannot.
            wants_page: tells whether a page is to ask now.
            can_page: tells whether a page can ask even where no window can, as far as that is
                known without waiting.

        """
        self._windows = windows
        self._desk = desk
        self._say = say
        self._wants_page = wants_page
        self._can_page = can_page

    def can_ask(self) -> bool:
        """Return whether a window or a page can be shown, as far as that is known."""
        return self._windows.can_ask() or self._can_page()

    def pin_unasked(self) -> ErrorCode:
        """Return what a page hears where nobody is asked for a PIN: the windows' reason."""
        return self._windows.pin_unasked()

    async def ask(self, prompt: Prompt[A]) -> A:
        """Ask in a page, or else in a window; cancelling the task ends either.

        Raises:
            AgentError: whatever the other prompter raises; ``user_cancelled``, ``origin_blocked``
                or ``timeout`` of the page.

        """
        if await self._wants_page():
            with suppress(UnaskedError):
                return await self._desk.ask(prompt, await self._say(prompt))
        return await self._windows.ask(prompt)
