"""Asking about what comes through a popup: in a window of ours, or else in the popup itself.

The popup is our own origin and the citizen is looking at it, so it asks where no window can be
opened. Otherwise it only says where the question is: nobody is asked the same thing twice.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from agent.consent.consent import Ask
from agent.consent.permissions import Permission, Permissions
from agent.consent.questions import AllowSite, LastTry, Prompt, Prompter, SiteAnswer, UnaskedError
from agent.errors import AgentError, ErrorCode, PinError
from agent.origin import SELF_TEST, Origin
from agent.web.hipki.conversation import Answer, Conversation, Question, current
from agent.web.hipki.pages import describe

A = TypeVar("A")
LINGER_SECONDS: Final = 1.0
"""How long a site's window stays when nobody waits any more: impatient pages come again at once."""
_SITE_ANSWERS: Final = frozenset({Answer.ONCE, Answer.ALWAYS, Answer.NEVER})
_TRY_ANSWERS: Final = frozenset({Answer.ONCE})
_SAID: Final = {
    SiteAnswer.THIS_TIME: Answer.ONCE,
    SiteAnswer.ALWAYS: Answer.ALWAYS,
    SiteAnswer.NEVER: Answer.NEVER,
    SiteAnswer.CANCEL: Answer.CANCEL,
}


@contextmanager
def _told(conversation: Conversation | None) -> Iterator[None]:
    """Have the popups of a conversation say that the citizen is asked in a window."""
    if conversation is None:
        yield
        return
    with conversation.elsewhere():
        yield


class PopupPrompter:
    """Stands before another prompter: popups say that a window of ours waits for an answer."""

    def __init__(self, prompter: Prompter) -> None:
        """Put it before ``prompter``."""
        self._prompter = prompter

    def can_ask(self) -> bool:
        """Return whether there is anything to ask the citizen with, as far as that is known."""
        return self._prompter.can_ask()

    async def ask(self, prompt: Prompt[A]) -> A:
        """Show a window and wait for the answer; errors as of the other prompter."""
        with _told(current()):
            return await self._prompter.ask(prompt)


@dataclass(slots=True)
class _Asking:
    """A question about a site in popups, and how many conversations wait for its answer."""

    question: Question
    askers: int = 0


@dataclass(slots=True)
class _Window:
    """A question about a site in a window, and how many requests wait for its answer."""

    task: asyncio.Task[None]
    askers: int = 0


class PopupConsent:
    """Asks in windows, and in the popup that a request came through where there are none."""

    def __init__(self, permissions: Permissions, prompter: Prompter) -> None:
        """Put the answers and the ways of asking together.

        Args:
            permissions: what was answered before.
            prompter: shows the windows.

        """
        self._permissions = permissions
        self._prompter = prompter
        self._ask = Ask(permissions, prompter)
        self._asking: dict[Origin, _Asking] = {}
        self._windows: dict[Origin, _Window] = {}

    @property
    def permissions(self) -> Permissions:
        """What was answered so far."""
        return self._permissions

    def is_allowed(self, site: Origin) -> bool:
        """Return whether ``site`` is allowed without asking anybody."""
        return site == SELF_TEST or self._permissions.find(site) is Permission.ALLOWED

    def blocks(self, site: Origin) -> bool:
        """Return whether the citizen, or an administrator, said no to ``site`` for good."""
        return self._permissions.find(site) is Permission.BLOCKED

    async def allow_site(self, site: Origin) -> None:
        """Return when ``site`` may go on.

        Raises:
            AgentError: ``origin_not_allowed``, ``origin_blocked``, ``user_cancelled``.

        """
        if self.is_allowed(site):
            return
        if self._permissions.find(site) is Permission.BLOCKED:
            raise AgentError("blocked before", code=ErrorCode.ORIGIN_BLOCKED)
        conversation = current()
        if conversation is None or self._prompter.can_ask():
            try:
                with _told(conversation):
                    await self._allow_in_window(site)
            except UnaskedError:
                if conversation is None:
                    raise
            else:
                return
        async with self._question(site) as question:
            answer = await conversation.ask(question)
        self.settle(site, answer)

    async def allow_try(self, question: LastTry) -> None:
        """Return when the citizen wants one of the card's last PIN tries to be spent.

        Raises:
            AgentError: ``pin_last_attempt``, ``user_cancelled``.

        """
        conversation = current()
        if conversation is None or self._prompter.can_ask():
            try:
                await self._ask.allow_try(question)
            except UnaskedError:
                if conversation is None:
                    raise
            else:
                return
        answer = await self._ask_try(conversation, question.site, question.attempts_left)
        if answer is not Answer.ONCE:
            raise PinError(
                "the citizen said no",
                code=ErrorCode.PIN_LAST_ATTEMPT,
                attempts_left=question.attempts_left,
            )

    async def _allow_in_window(self, site: Origin) -> None:
        """Ask about a site in one window, however many of its requests wait for the answer."""
        window = self._windows.get(site)
        if window is None:
            window = _Window(asyncio.create_task(self._ask.allow_site(site)))
            self._windows[site] = window
            window.task.add_done_callback(lambda task: self._forget(site, task))
        window.askers += 1
        try:
            await asyncio.shield(window.task)
        finally:
            window.askers -= 1
            if not window.askers and not window.task.done():
                asyncio.get_running_loop().call_later(LINGER_SECONDS, _give_up, window)

    def _forget(self, site: Origin, task: asyncio.Task[None]) -> None:
        del self._windows[site]
        if not task.cancelled():
            task.exception()  # whoever still waited for it has been told

    def has_windows(self) -> bool:
        """Return whether questions are put in windows, as far as that is known."""
        return self._prompter.can_ask()

    async def trust(self, site: Origin, answer: Answer) -> None:
        """Act on what was said on our page that adds a site; a yes there leads to a window.

        Raises:
            AgentError: ``origin_blocked``, ``user_cancelled``, ``busy``, ``rate_limited``.

        """
        if answer is not Answer.CANCEL and self.has_windows():
            with suppress(UnaskedError):  # then what was said on the page counts
                answer = _SAID[await self._prompter.ask(AllowSite(site))]
        self.settle(site, answer)

    def settle(self, site: Origin, answer: Answer) -> None:
        """Act on what was said about a site.

        Raises:
            AgentError: ``origin_blocked``, ``user_cancelled``.

        """
        match answer:
            case Answer.ONCE:
                self._permissions.allow_for_now(site)
            case Answer.ALWAYS:
                self._permissions.remember(site, Permission.ALLOWED)
            case Answer.NEVER:
                self._permissions.remember(site, Permission.BLOCKED)
                raise AgentError("blocked", code=ErrorCode.ORIGIN_BLOCKED)
            case Answer.CANCEL:
                raise AgentError("cancelled", code=ErrorCode.USER_CANCELLED)

    @asynccontextmanager
    async def _question(self, site: Origin) -> AsyncIterator[Question]:
        """Ask about a site once, however many of its popups wait."""
        asking = self._asking.get(site)
        if asking is None:
            question = Question("site", describe(site), _SITE_ANSWERS)
            asking = self._asking[site] = _Asking(question)
        asking.askers += 1
        try:
            yield asking.question
        finally:
            asking.askers -= 1
            if not asking.askers:
                self._asking.pop(site, None)

    async def _ask_try(self, conversation: Conversation, site: Origin, left: int) -> Answer:
        about = {**describe(site), "attemptsLeft": left}
        return await conversation.ask(Question("pin", about, _TRY_ANSWERS))


def _give_up(window: _Window) -> None:
    if not window.askers:
        window.task.cancel()
