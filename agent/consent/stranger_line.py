"""Who waits to be allowed: one window at a time, few in line, and no domain asks for two sites.

Whoever owns a domain may call a host by any name below it, so sites are counted by registrable
domain. Where more domains ask than the line has places, those that asked least go first, the last
one of them before the others, and who asked most is turned away; the window that is open then
gives way once it could have been read. So a site that the citizen has just come to is asked about
within seconds, whoever else is asking.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from agent.errors import AgentError, ErrorCode

A = TypeVar("A")
MAX_STRANGERS: Final = 3
"""Domains in line at once, the one whose window is open included."""
SHOWN_SECONDS: Final = 4.0
"""How long a window stays at least when more domains ask than the line has places."""
MAX_DOMAINS: Final = 1024  # remembered; the one that was quiet for longest is forgotten first


class _Place:
    """One domain's place in line."""

    def __init__(self, domain: str, asked: int) -> None:
        self.domain = domain
        self.asked = asked
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_turned_away = False
        self.shown_at = 0.0
        self.showing: asyncio.Future[Any] | None = None
        self.gives_way: asyncio.TimerHandle | None = None
        self.gave_way = False


class StrangerLine:
    """Gives each domain its turn; belongs to one event loop."""

    def __init__(self) -> None:
        self._open: _Place | None = None
        self._line: list[_Place] = []  # who came last stands last
        self._is_crowded = False  # somebody was turned away since the line was empty
        self._asked: OrderedDict[str, int] = OrderedDict()

    async def take_turn(self, domain: str, show: Callable[[], Awaitable[A]]) -> A:
        """Wait for a turn and return what ``show`` does.

        Raises:
            AgentError: ``busy``: the domain is in line already, or others asked less often; and
                whatever ``show`` raises.

        """
        everybody = [*self._line, *([] if self._open is None else [self._open])]
        if any(place.domain == domain for place in everybody):
            raise AgentError("this domain asks already", code=ErrorCode.BUSY)
        place = _Place(domain, self._count(domain))
        self._line.append(place)
        self._turn_away()
        self._call_next()
        try:
            await place.turn
            if place.is_turned_away:
                raise AgentError("too many sites want to be allowed", code=ErrorCode.BUSY)
            return await self._show(place, show)
        finally:
            if place in self._line:
                self._line.remove(place)
            if self._open is place:
                self._open = None
                if place.gives_way is not None:
                    place.gives_way.cancel()
                self._call_next()

    def forget(self, domain: str) -> None:
        """Count a domain as one that never asked: the citizen allowed a site of it."""
        self._asked.pop(domain, None)

    def _count(self, domain: str) -> int:
        """Count one more question; return how many there were before."""
        before = self._asked.pop(domain, 0)
        self._asked[domain] = before + 1
        if len(self._asked) > MAX_DOMAINS:
            self._asked.popitem(last=False)
        return before

    def _turn_away(self) -> None:
        """Turn one away where there are too many: who asked most, of these who came first."""
        waiting = [place for place in self._line if not place.turn.done()]
        if self._open is None or len(waiting) < MAX_STRANGERS:
            return
        self._is_crowded = True
        away = max(waiting, key=lambda place: place.asked)
        self._line.remove(away)
        away.is_turned_away = True
        away.turn.set_result(None)
        if self._open.gives_way is None:
            due = self._open.shown_at + SHOWN_SECONDS
            call_at = asyncio.get_running_loop().call_at
            self._open.gives_way = call_at(due, _give_way, self._open)

    def _call_next(self) -> None:
        """Give who asked least the turn, of these who came first; in a crowd, who came last."""
        waiting = [place for place in self._line if not place.turn.done()]
        if not waiting:
            self._is_crowded = False
        elif self._open is None:
            ordered = reversed(waiting) if self._is_crowded else iter(waiting)
            self._open = min(ordered, key=lambda place: place.asked)
            self._line.remove(self._open)
            self._open.shown_at = asyncio.get_running_loop().time()
            self._open.turn.set_result(None)

    async def _show(self, place: _Place, show: Callable[[], Awaitable[A]]) -> A:
        showing = asyncio.ensure_future(show())
        place.showing = showing
        try:
            return await showing
        except asyncio.CancelledError:
            if not place.gave_way:
                raise
            raise AgentError("others want to be allowed too", code=ErrorCode.BUSY) from None


def _give_way(place: _Place) -> None:
    if place.showing is not None and not place.showing.done():
        place.gave_way = True
        place.showing.cancel()
