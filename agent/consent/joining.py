"""One window about a site, however many of its requests wait for the answer."""

import asyncio
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from agent.consent.asked import note
from agent.consent.permissions import Permissions, keep_answer
from agent.consent.questions import AllowBlind, AllowSite, Prompt, Prompter, Scope, SiteAnswer
from agent.consent.site_leave import SiteLeaves
from agent.errors import AgentError, ErrorCode
from agent.origin import Origin

A = TypeVar("A")
LINGER_SECONDS: Final = 1.0
"""How long a window stays when nobody waits any more: impatient pages come again at once."""


class OtherWindowError(AgentError):
    """Less was asked in the window that was open; what it allowed stands now."""

    code = ErrorCode.BUSY


@dataclass(slots=True)
class _Window:
    """A question about a site, and how many requests wait for its answer."""

    question: AllowSite | AllowBlind
    asked_at: float
    task: asyncio.Task[SiteAnswer]
    askers: int = 0


class JoiningPrompter:
    """Stands before another prompter: requests of a site that is being asked about join in.

    Every other question is handed on as it is.
    """

    def __init__(
        self, prompter: Prompter, permissions: Permissions, leaves: SiteLeaves | None = None
    ) -> None:
        """Put it before ``prompter``.

        Args:
            prompter: shows the windows.
            permissions: where an answer is kept that comes when nobody waits for it any more.
            leaves: likewise, what a yes covers; granted as soon as the site is allowed, so that
                whichever request comes first has it. None where nobody takes them.

        """
        self._prompter = prompter
        self._permissions = permissions
        self._leaves = leaves or SiteLeaves()
        self._windows: dict[tuple[Origin, Scope], _Window] = {}

    def can_ask(self) -> bool:
        """Return whether there is anything to ask the citizen with, as far as that is known."""
        return self._prompter.can_ask()

    def pin_unasked(self) -> ErrorCode:
        """Return what a page is told that gave no PIN, where :meth:`can_ask` says no."""
        return self._prompter.pin_unasked()

    async def ask(self, prompt: Prompt[A]) -> A:
        """Show a window, or wait for the one that is open; errors as of the other prompter.

        Raises:
            OtherWindowError: a yes in the window that was open says nothing of all that is asked.

        """
        note(prompt)
        if isinstance(prompt, AllowSite | AllowBlind):
            return cast("A", await self._join(prompt))
        return await self._prompter.ask(prompt)

    async def _join(self, question: AllowSite | AllowBlind) -> SiteAnswer:
        key = question.site, question.scopes[0]
        window = self._windows.get(key)
        if window is None:
            asking = asyncio.create_task(self._prompter.ask(question))
            window = self._windows[key] = _Window(question, self._leaves.now(), asking)
            window.task.add_done_callback(lambda _: self._close(key, window))
        window.askers += 1
        try:
            answer = await asyncio.shield(window.task)
        finally:
            window.askers -= 1
            if not window.askers and not window.task.done():
                asyncio.get_running_loop().call_later(LINGER_SECONDS, _give_up, window)
        is_yes = answer in (SiteAnswer.THIS_TIME, SiteAnswer.ALWAYS)
        if is_yes and not _covers(window.question, question):
            raise OtherWindowError("less was asked in the window that was open")
        return answer

    def _close(self, key: tuple[Origin, Scope], window: _Window) -> None:
        del self._windows[key]
        # Whoever still waits is told of an error; an answer counts also where nobody does.
        if not window.task.cancelled() and window.task.exception() is None:
            answer = window.task.result()
            keep_answer(self._permissions, window.question, answer)
            if isinstance(window.question, AllowSite):
                self._leaves.keep_answer(window.question, answer, window.asked_at)


def _covers(shown: AllowSite | AllowBlind, question: AllowSite | AllowBlind) -> bool:
    """Return whether a yes to what was shown says yes to all of a question."""
    needs_pin = isinstance(question, AllowSite) and question.attempts_unknown
    speaks_of_pin = isinstance(shown, AllowSite) and shown.attempts_unknown
    return set(question.scopes) <= set(shown.scopes) and (speaks_of_pin or not needs_pin)


def _give_up(window: _Window) -> None:
    if not window.askers:
        window.task.cancel()
