"""One use of a card at a time for each site; whoever asks for the same again joins in.

Impatient pages close their WebSocket and open another with the same request. When nobody waits
any more, window, PIN and card work are given up.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.web.jrsys.answers import Answer


@dataclass(slots=True)
class _CardUse:
    """What a site is having done, and how many requests wait for it."""

    request: bytes
    task: "asyncio.Task[Answer]"
    followers: int = 0


class CardTurns:
    """The uses of cards under way, by site."""

    def __init__(self) -> None:
        """Begin with none."""
        self._under_way: dict[Origin, _CardUse] = {}

    async def run(
        self, site: Origin, request: bytes, start: Callable[[], "asyncio.Task[Answer]"]
    ) -> Answer:
        """Return the outcome of a card's use, of this request or of the same one under way.

        Args:
            site: who asks.
            request: the same octets for the same request.
            start: begins to use the card, unless the same is under way; the task is cancelled when
                the last one who waits for it is.

        Raises:
            AgentError: ``busy``: the site has something else under way; or whatever the task
                raises.

        """
        use = self._under_way.get(site)
        if use is None:
            use = self._under_way[site] = _CardUse(request, start())
            # The same request after the answer is another request.
            use.task.add_done_callback(lambda _: self._forget(site, use))
        elif use.request != request:
            raise AgentError("the site has another request under way", code=ErrorCode.BUSY)
        use.followers += 1
        try:
            return await asyncio.shield(use.task)
        finally:
            use.followers -= 1
            if not use.followers:
                self._forget(site, use)
                use.task.cancel()

    def _forget(self, site: Origin, use: _CardUse) -> None:
        if self._under_way.get(site) is use:
            del self._under_way[site]
