"""One window about a site, however many of its requests wait for the answer."""

import asyncio
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from agent.consent.permissions import Permissions, keep_answer
from agent.consent.questions import AllowSite, Prompt, Prompter, SiteAnswer
from agent.consent.site_leave import SiteLeaves
from agent.origin import Origin

A = TypeVar("A")
LINGER_SECONDS: Final = 1.0
"""How long a window stays when nobody waits any more: impatient pages come again at once."""


@dataclass(slots=True)
class _Window:
    """A question about a site, and how many requests wait for its answer."""

    question: AllowSite
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
        self._windows: dict[Origin, _Window] = {}

    def can_ask(self) -> bool:
        """Return whether there is anything to ask the citizen with, as far as that is known."""
        return self._prompter.can_ask()

    async def ask(self, prompt: Prompt[A]) -> A:
        """Show a window, or wait for the one that is open; errors as of the other prompter."""
        if isinstance(prompt, AllowSite):
            return cast("A", await self._join(prompt))
        return await self._prompter.ask(prompt)

    async def _join(self, prompt: AllowSite) -> SiteAnswer:
        window = self._windows.get(prompt.site)
        if window is None:
            asking = asyncio.create_task(self._prompter.ask(prompt))
            window = _Window(prompt, self._leaves.now(), asking)
            self._windows[prompt.site] = window
            window.task.add_done_callback(lambda _: self._close(prompt.site, window))
        window.askers += 1
        try:
            return await asyncio.shield(window.task)
        finally:
            window.askers -= 1
            if not window.askers and not window.task.done():
                asyncio.get_running_loop().call_later(LINGER_SECONDS, _give_up, window)

    def _close(self, site: Origin, window: _Window) -> None:
        del self._windows[site]
        # Whoever still waits is told of an error; an answer counts also where nobody does.
        if not window.task.cancelled() and window.task.exception() is None:
            answer = window.task.result()
            keep_answer(self._permissions, site, answer)
            self._leaves.keep_answer(window.question, answer, window.asked_at)


def _give_up(window: _Window) -> None:
    if not window.askers:
        window.task.cancel()
