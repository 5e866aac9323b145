"""One window at a time; and who pesters the citizen waits longer after each refusal.

A page can have as many names as it likes (``1.pest.example``, ``2.pest.example``), each a site of
its own. So strangers also wait together: few at once, and all of them after several refusals.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from msgspec.structs import replace

from agent.consent.questions import AllowSite, EnterPin, Prompt, Prompter, SiteAnswer, UnaskedError
from agent.errors import AgentError, ErrorCode
from agent.origin import Origin

A = TypeVar("A")
PAUSES: Final = (0.0, 0.0, 5.0, 30.0, 120.0, 600.0)
"""Seconds in which a site may not ask, after so many refusals in a row; the last one for more."""
COMMON_PAUSES: Final = (0.0, 0.0, 0.0, 0.0, 10.0, 30.0, 120.0)
"""The same for all sites that want to be allowed together, whichever of them were refused."""
MAX_STRANGERS: Final = 3
"""Sites that wait to be allowed at once, the one whose window is open included."""
FORGIVEN: Final = 3600.0  # seconds after which refusals no longer count
OFFER_BLOCK: Final = 2  # refusals in a row after which the PIN window offers to block the site
_REFUSALS: Final = (SiteAnswer.CANCEL, SiteAnswer.NEVER, False)
MAX_SITES: Final = 1024  # remembered; the one that was quiet for longest is forgotten first


@dataclass(frozen=True, slots=True)
class _Refusals:
    """How often in a row a site was refused, and when last."""

    count: int = 0
    last: float = 0.0

    def until(self, pauses: Sequence[float]) -> float:
        """Return when the site may ask again."""
        return self.last + pauses[min(self.count, len(pauses) - 1)]


class PromptQueue:
    """Stands before another prompter: a queue for all, a pause for those who were refused.

    Whatever ends a window but an answer is a refusal, also that the page gave up: opening and
    closing windows is pestering too.
    """

    def __init__(
        self,
        prompter: Prompter,
        block: Callable[[Origin], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put the queue before ``prompter``.

        Args:
            prompter: shows the windows.
            block: remembers that the citizen blocked a site in a PIN window.
            clock: seconds that only grow.

        """
        self._prompter = prompter
        self._block = block
        self._clock = clock
        self._window = asyncio.Lock()
        self._waiting: set[Origin] = set()
        self._refusals: OrderedDict[Origin, _Refusals] = OrderedDict()
        self._strangers = 0
        self._common = _Refusals()

    def can_ask(self) -> bool:
        """Return whether there is anything to ask the citizen with."""
        return self._prompter.can_ask()

    async def ask(self, prompt: Prompt[A]) -> A:
        """Ask when it is this question's turn.

        Raises:
            AgentError: ``busy``: this site has asked something already, or too many wait to be
                allowed; ``rate_limited``: it, or strangers in general, were refused too often;
                and whatever the window says.

        """
        site = prompt.site
        self._check_pause(prompt)
        with self._only_one(site), self._few_strangers(prompt):
            async with self._window:
                return await self._put(site, self._with_offer(prompt))

    @contextmanager
    def _only_one(self, site: Origin) -> Iterator[None]:
        if site in self._waiting:
            raise AgentError("this site asks already", code=ErrorCode.BUSY)
        self._waiting.add(site)
        try:
            yield
        finally:
            self._waiting.discard(site)

    @contextmanager
    def _few_strangers(self, prompt: Prompt[A]) -> Iterator[None]:
        if not isinstance(prompt, AllowSite):
            yield
            return
        if self._strangers >= MAX_STRANGERS:
            raise AgentError("too many sites want to be allowed", code=ErrorCode.BUSY)
        self._strangers += 1
        try:
            yield
        finally:
            self._strangers -= 1

    def _check_pause(self, prompt: Prompt[A]) -> None:
        until = self._of(prompt.site).until(PAUSES)
        if isinstance(prompt, AllowSite):
            until = max(until, self._still(self._common).until(COMMON_PAUSES))
        if self._clock() < until:
            raise AgentError("refused too often to ask now", code=ErrorCode.RATE_LIMITED)

    def _with_offer(self, prompt: Prompt[A]) -> Prompt[A]:
        if isinstance(prompt, EnterPin) and self._of(prompt.site).count >= OFFER_BLOCK:
            return cast("Prompt[A]", replace(prompt, may_block=True))
        return prompt

    async def _put(self, site: Origin, prompt: Prompt[A]) -> A:
        refused = True
        try:
            answer = await self._prompter.ask(prompt)
            refused = answer in _REFUSALS
        except AgentError as error:
            refused = not isinstance(error, UnaskedError)
            if error.code is ErrorCode.ORIGIN_BLOCKED:
                self._block(site)
            raise
        finally:
            self._note(site, refused=refused)
            if isinstance(prompt, AllowSite):
                count = self._still(self._common).count + 1
                self._common = _Refusals(count, self._clock()) if refused else _Refusals()
        return answer

    def _note(self, site: Origin, *, refused: bool) -> None:
        before = self._of(site)
        self._refusals.pop(site, None)
        if refused:
            self._refusals[site] = _Refusals(before.count + 1, self._clock())
        while len(self._refusals) > MAX_SITES:
            self._refusals.popitem(last=False)

    def _of(self, site: Origin) -> _Refusals:
        return self._still(self._refusals.get(site, _Refusals()))

    def _still(self, refusals: _Refusals) -> _Refusals:
        """Return the refusals that count now."""
        return _Refusals() if self._clock() >= refusals.last + FORGIVEN else refusals
