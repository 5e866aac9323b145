"""Asking in the popup itself: it is our own origin, and the citizen is looking at it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from agent.errors import AgentError, ErrorCode, PinError
from agent.signing.consent import Consent
from agent.signing.permissions import Permission, Permissions
from agent.signing.prompts import LastTry
from agent.signing.sites import SELF_TEST, Site
from agent.web.hipki.conversation import Answer, Conversation, Question, current
from agent.web.hipki.pages import describe

_SITE_ANSWERS: Final = frozenset({Answer.ONCE, Answer.ALWAYS, Answer.NEVER})
_TRY_ANSWERS: Final = frozenset({Answer.ONCE})


@dataclass(slots=True)
class _Asking:
    """A question about a site, and how many conversations wait for its answer."""

    question: Question
    askers: int = 0


class PopupConsent:
    """Asks in the popup that a request came through; elsewhere somebody else asks."""

    def __init__(self, permissions: Permissions, fallback: Consent) -> None:
        """Put the answers and the other way of asking together.

        Args:
            permissions: what was answered before.
            fallback: asks for requests that came through no popup.

        """
        self._permissions = permissions
        self._fallback = fallback
        self._asking: dict[Site, _Asking] = {}

    @property
    def permissions(self) -> Permissions:
        """What was answered so far."""
        return self._permissions

    def stands(self, site: Site) -> bool:
        """Tell whether ``site`` is allowed without asking anybody."""
        return site == SELF_TEST or self._permissions.find(site) is Permission.ALLOWED

    async def allow_site(self, site: Site) -> None:
        """Return when ``site`` may go on.

        Raises:
            AgentError: ``origin_not_allowed``, ``origin_blocked``, ``user_cancelled``.

        """
        if self.stands(site):
            return
        if self._permissions.find(site) is Permission.BLOCKED:
            raise AgentError("blocked before", code=ErrorCode.ORIGIN_BLOCKED)
        conversation = current()
        if conversation is None:
            await self._fallback.allow_site(site)
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
        if conversation is None:
            await self._fallback.allow_try(question)
            return
        answer = await self._ask_try(conversation, question.site, question.attempts_left)
        if answer is not Answer.ONCE:
            raise PinError(
                "the citizen said no",
                code=ErrorCode.PIN_LAST_ATTEMPT,
                attempts_left=question.attempts_left,
            )

    def settle(self, site: Site, answer: Answer) -> None:
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
    async def _question(self, site: Site) -> AsyncIterator[Question]:
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

    async def _ask_try(self, conversation: Conversation, site: Site, left: int) -> Answer:
        about = {**describe(site), "attemptsLeft": left}
        return await conversation.ask(Question("pin", about, _TRY_ANSWERS))
