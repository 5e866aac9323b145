"""One window at a time; and who pesters the citizen waits longer after each refusal.

Sites that want to be allowed have a line of their own (:mod:`agent.consent.stranger_line`): none
of them keeps the PIN window of a site that is allowed waiting, nor stands beside it
(:mod:`agent.consent.screen`). A page can have as many names as it likes (``1.pest.example``,
``2.pest.example``), each a site of its own, so strangers are counted by registrable domain.

Domains are cheap too, so there is an end to their windows as well. A domain that was never refused
does not wait for the others' refusals, up to :data:`NEWCOMERS` of them in a row; from then on
newcomers wait together, and in the long run one of them is asked about in ten minutes. Each yes
begins anew; and ``ankong sites allow`` takes a site by its name at any time.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from msgspec.structs import replace

from agent.consent.questions import (
    CARD_PULLED,
    AllowSite,
    EnterPin,
    Prompt,
    Prompter,
    SiteAnswer,
    UnaskedError,
)
from agent.consent.screen import Screen
from agent.consent.stranger_line import StrangerLine
from agent.domain import group_of
from agent.errors import AgentError, ErrorCode, RateLimitedError
from agent.origin import Origin

A = TypeVar("A")
PAUSES: Final = (0.0, 0.0, 5.0, 30.0, 120.0, 600.0)
"""Seconds in which a site may not ask, after so many refusals in a row; the last one for more.

Those that an allowed site's citizen gave by hand are not among them: they may click again.
"""
CANCEL_PAUSES: Final = (*(0.0,) * 6, 30.0, 120.0, 600.0)
"""The same for an allowed site whose windows the citizen cancelled.

A page that asks again after each cancel cannot be told from a citizen who clicks again, so there
is an end to its windows too; from the third on each offers to block the site.
"""
COMMON_PAUSES: Final = (0.0, 0.0, 0.0, 0.0, 10.0, 30.0, 120.0, 600.0)
"""The same for all domains together that want a site to be allowed and have been refused before."""
NEWCOMERS: Final = 8
NEWCOMER_PAUSES: Final = (*(0.0,) * NEWCOMERS, 15.0, 60.0, 600.0)
"""The same for all that were not refused before, after so many of them in a row were."""
FORGIVEN: Final = 3600.0  # seconds after which refusals no longer count
OFFER_BLOCK: Final = 2  # refusals in a row after which the PIN window offers to block the site
_REFUSALS: Final = (SiteAnswer.CANCEL, SiteAnswer.NEVER, False)
MAX_SITES: Final = 1024  # remembered; the one that was quiet for longest is forgotten first


@dataclass(frozen=True, slots=True)
class _Refusals:
    """How often in a row a site was refused, how often of these by hand, and when last."""

    count: int = 0
    last: float = 0.0
    by_hand: int = 0

    def until(self, pauses: Sequence[float]) -> float:
        """Return when the site may ask again."""
        return self.last + _pause(pauses, self.count)

    def until_allowed_site(self) -> float:
        """Return when a site that is allowed may ask again."""
        others = _pause(PAUSES, self.count - self.by_hand)
        return self.last + max(others, _pause(CANCEL_PAUSES, self.count))


def _pause(pauses: Sequence[float], count: int) -> float:
    return pauses[min(count, len(pauses) - 1)]


class PromptQueue:
    """Stands before another prompter: one window of each kind, a pause for who was refused.

    Whatever ends a window but an answer is a refusal, also that the page gave up: opening and
    closing windows is pestering too. A card that is pulled is neither: no page can do that, and
    without a card there is no window.
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
        self._screen = Screen()
        self._waiting: set[Origin] = set()
        self._refusals: OrderedDict[Origin | str, _Refusals] = OrderedDict()
        self._strangers = StrangerLine()
        self._common = _Refusals()
        self._newcomers = _Refusals()

    def can_ask(self) -> bool:
        """Return whether there is anything to ask the citizen with."""
        return self._prompter.can_ask()

    def pin_unasked(self) -> ErrorCode:
        """Return what a page is told that gave no PIN, where :meth:`can_ask` says no."""
        return self._prompter.pin_unasked()

    def newcomers_wait(self) -> bool:
        """Return whether a new site is not asked about now, as too many in a row were refused."""
        return self._clock() < self._still(self._newcomers).until(NEWCOMER_PAUSES)

    def forget(self) -> None:
        """Forget all refusals."""
        self._refusals.clear()
        self._common = self._newcomers = _Refusals()

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
            return await self._screen.show_first(
                lambda: self._put(prompt.site, self._with_offer(prompt), self._prompter.ask)
            )

    async def _ask_about_stranger(self, prompt: Prompt[A]) -> A:
        domain = group_of(prompt.site)

        async def show() -> A:
            await self._screen.until_free()  # who was not shown yet was not refused either
            # Others may have been refused while this one was in line.
            self._check_pause(prompt)
            is_newcomer = not self._of(domain).count
            try:
                answer = await self._put(domain, prompt, self._ask_when_free)
            finally:
                self._note_stranger(domain, is_newcomer=is_newcomer)
            return answer

        return await self._strangers.take_turn(domain, show)

    async def _ask_when_free(self, prompt: Prompt[A]) -> A:
        return await self._screen.show_when_free(lambda: self._prompter.ask(prompt))

    def _note_stranger(self, domain: str, *, is_newcomer: bool) -> None:
        """Note for all strangers how the last window about one of them ended."""
        if not self._of(domain).count:
            self._common = self._newcomers = _Refusals()
            self._strangers.forget(domain)
            return
        self._common = self._one_more(self._common)
        if is_newcomer:
            self._newcomers = self._one_more(self._newcomers)

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
        until = refusals.until(PAUSES) if is_stranger else refusals.until_allowed_site()
        if is_stranger and refusals.count:
            until = max(until, self._still(self._common).until(COMMON_PAUSES))
        elif is_stranger:
            until = max(until, self._still(self._newcomers).until(NEWCOMER_PAUSES))
        if (seconds := until - self._clock()) > 0:
            raise RateLimitedError("refused too often to ask now", seconds)

    def _with_offer(self, prompt: Prompt[A]) -> Prompt[A]:
        if isinstance(prompt, EnterPin) and self._of(prompt.site).count >= OFFER_BLOCK:
            return cast("Prompt[A]", replace(prompt, may_block=True))
        return prompt

    async def _put(
        self, who: Origin | str, prompt: Prompt[A], ask: Callable[[Prompt[A]], Awaitable[A]]
    ) -> A:
        refused: bool | None = True
        by_hand = False
        try:
            answer = await ask(prompt)
            refused = by_hand = answer in _REFUSALS
        except asyncio.CancelledError as error:
            refused = None if CARD_PULLED in error.args else True
            raise
        except AgentError as error:
            refused = not isinstance(error, UnaskedError)
            by_hand = error.code is ErrorCode.USER_CANCELLED
            if error.code is ErrorCode.ORIGIN_BLOCKED:
                self._block(prompt.site)
            raise
        finally:
            if refused is not None:
                self._note(who, refused=refused, by_hand=by_hand)
        return answer

    def _note(self, who: Origin | str, *, refused: bool, by_hand: bool) -> None:
        before = self._of(who)
        self._refusals.pop(who, None)
        if refused:
            self._refusals[who] = self._one_more(before, by_hand=by_hand)
        while len(self._refusals) > MAX_SITES:
            self._refusals.popitem(last=False)

    def _of(self, who: Origin | str) -> _Refusals:
        return self._still(self._refusals.get(who, _Refusals()))

    def _one_more(self, refusals: _Refusals, *, by_hand: bool = False) -> _Refusals:
        before = self._still(refusals)
        return _Refusals(before.count + 1, self._clock(), before.by_hand + by_hand)

    def _still(self, refusals: _Refusals) -> _Refusals:
        """Return the refusals that count now."""
        return _Refusals() if self._clock() >= refusals.last + FORGIVEN else refusals
