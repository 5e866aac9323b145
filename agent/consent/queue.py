"""One window of each kind at a time; and who pesters the citizen waits longer after each refusal.

Sites that want to be allowed have a line of their own (:mod:`agent.consent.stranger_line`): none
of them keeps the PIN window of a site that is allowed waiting. A page can have as many names as it
likes (``1.pest.example``, ``2.pest.example``), each a site of its own, so strangers are counted by
registrable domain.
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
from agent.consent.stranger_line import StrangerLine
from agent.domain import group_of
from agent.errors import AgentError, ErrorCode
from agent.origin import Origin

A = TypeVar("A")
PAUSES: Final = (0.0, 0.0, 5.0, 30.0, 120.0, 600.0)
"""Seconds in which a site may not ask, after so many refusals in a row; the last one for more."""
COMMON_PAUSES: Final = (0.0, 0.0, 0.0, 0.0, 10.0, 30.0, 120.0)
"""The same for all domains together that want a site to be allowed and have been refused before."""
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
    """Stands before another prompter: one window of each kind, a pause for who was refused.

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
        self._refusals: OrderedDict[Origin | str, _Refusals] = OrderedDict()
        self._strangers = StrangerLine()
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
        self._check_pause(prompt)
        is_stranger = isinstance(prompt, AllowSite)
        with self._only_one(prompt.site):
            if is_stranger:
                return await self._ask_about_stranger(prompt)
            async with self._window:
                return await self._put(prompt.site, self._with_offer(prompt))

    async def _ask_about_stranger(self, prompt: Prompt[A]) -> A:
        domain = group_of(prompt.site)

        async def show() -> A:
            refused = True
            try:
                answer = await self._put(domain, prompt)
                refused = answer in _REFUSALS
            except AgentError as error:
                refused = not isinstance(error, UnaskedError)
                raise
            finally:
                count = self._still(self._common).count + 1
                self._common = _Refusals(count, self._clock()) if refused else _Refusals()
            if not refused:
                self._strangers.forget(domain)
            return answer

        return await self._strangers.take_turn(domain, show)

    @contextmanager
    def _only_one(self, site: Origin) -> Iterator[None]:
        if site in self._waiting:
            raise AgentError("this site asks already", code=ErrorCode.BUSY)
        self._waiting.add(site)
        try:
            yield
        finally:
            self._waiting.discard(site)

    def _check_pause(self, prompt: Prompt[A]) -> None:
        is_stranger = isinstance(prompt, AllowSite)
        refusals = self._of(group_of(prompt.site) if is_stranger else prompt.site)
        until = refusals.until(PAUSES)
        if is_stranger and refusals.count:
            until = max(until, self._still(self._common).until(COMMON_PAUSES))
        if self._clock() < until:
            raise AgentError("refused too often to ask now", code=ErrorCode.RATE_LIMITED)

    def _with_offer(self, prompt: Prompt[A]) -> Prompt[A]:
        if isinstance(prompt, EnterPin) and self._of(prompt.site).count >= OFFER_BLOCK:
            return cast("Prompt[A]", replace(prompt, may_block=True))
        return prompt

    async def _put(self, who: Origin | str, prompt: Prompt[A]) -> A:
        refused = True
        try:
            answer = await self._prompter.ask(prompt)
            refused = answer in _REFUSALS
        except AgentError as error:
            refused = not isinstance(error, UnaskedError)
            if error.code is ErrorCode.ORIGIN_BLOCKED:
                self._block(prompt.site)
            raise
        finally:
            self._note(who, refused=refused)
        return answer

    def _note(self, who: Origin | str, *, refused: bool) -> None:
        before = self._of(who)
        self._refusals.pop(who, None)
        if refused:
            self._refusals[who] = _Refusals(before.count + 1, self._clock())
        while len(self._refusals) > MAX_SITES:
            self._refusals.popitem(last=False)

    def _of(self, who: Origin | str) -> _Refusals:
        return self._still(self._refusals.get(who, _Refusals()))

    def _still(self, refusals: _Refusals) -> _Refusals:
        """Return the refusals that count now."""
        return _Refusals() if self._clock() >= refusals.last + FORGIVEN else refusals
