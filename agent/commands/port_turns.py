"""People at one computer take turns: the ports that exist once belong to who is in front.

No agent asks another one, so none need trust another. An agent in the back gives the ports up; one
in front takes them, and tries often at first, for the other may have work to end.
"""

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Final

import structlog

from agent.host.seat.session_seat import SessionSeat
from agent.web.ports import RETAKE_SECONDS, Serving

SETTLE_SECONDS: Final = 0.2
"""How long somebody is in the back before ports are given up: a switch may be taken back."""
SOON: Final = (0.25,) * 12
"""Seconds between attempts at first: the other agent hears of the switch when this one does."""
LATER: Final = (2.0,) * 30
"""Seconds between attempts after that, while a long answer may be under way there."""

_log = structlog.get_logger(__name__)


class PortTurns:
    """Gives up and takes the ports of all listeners beside the native API's."""

    def __init__(
        self,
        listening: Serving,
        seat: SessionSeat,
        changed: Callable[[], object],
        rest: Callable[[bool], object],
    ) -> None:
        """Begin with the ports as they are; those that a porter keeps are left alone.

        Args:
            listening: opens and closes them.
            seat: tells who is in front.
            changed: called after each change of a port, or of who holds one.
            rest: told whether cards are to be left alone, after the ports were given up and before
                they are taken; must not block.

        """
        self._listening = listening
        self._seat = seat
        self._changed = changed
        self._rest = rest

    async def run(self) -> None:
        """Follow who is in front, until this is cancelled; must run once."""
        while True:
            in_front = self._seat.in_front
            if in_front:
                await self._come()
            elif await self._leaves():
                await self._leave()
            else:
                continue  # it was taken back
            await self._until_turned(in_front)

    async def _leaves(self) -> bool:
        """Return whether this person is in the back still after a moment without a switch."""
        while await self._seat.turned(SETTLE_SECONDS):
            if self._seat.in_front:
                return False
        return not self._seat.in_front

    async def _leave(self) -> None:
        others = self._listening.others
        kept = (None, *self._listening.entrusted)
        names = [name for name, found in others.items() if found.port not in kept]
        for name in tuple(others):
            await self._listening.release(name)
        if names:
            _log.info("in the background: ports are left to who is in front", of=names)
        self._changed()
        self._rest(True)

    async def _come(self) -> None:
        self._rest(False)
        wanted = [name for name, found in self._listening.others.items() if found.released]
        if not wanted:
            return
        for name in wanted:
            self._listening.want(name)
        await self._listening.try_waiting(self._changed)

    async def _until_turned(self, in_front: bool) -> None:
        """Try for ports that others hold, until somebody else may be in front."""
        pauses = _pauses() if in_front else repeat(RETAKE_SECONDS)
        tries = 0
        while self._seat.in_front is in_front:
            pause = next(pauses) if self._listening.missing else None
            if await self._seat.turned(pause):
                continue
            await self._listening.try_waiting(self._changed)
            tries += 1
            if in_front and tries in {len(SOON), len(SOON) + len(LATER)}:
                await self._listening.name_holders()
                self._changed()


def _pauses() -> Iterator[float]:
    return chain(SOON, LATER, repeat(RETAKE_SECONDS))
