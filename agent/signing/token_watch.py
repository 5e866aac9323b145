"""When the modules are asked which tokens there are: when somebody wants to know, and not else."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from agent.cards.pkcs11.token_source import TokenSlot, TokenSource
from agent.cards.pkcs11.token_wire import TokenState
from agent.errors import AgentError
from agent.signing.worker import Worker

PAUSE: Final = 2.0
"""Seconds between two looks while somebody watches."""
LOOK_SECONDS: Final = 5.0
"""How long whoever wants something waits for the modules; one that hangs is told of then."""
FAILED_PAUSE: Final = 10.0
"""Seconds that a module which failed is left alone."""
_FRESH: Final = 1.0  # seconds that what was found counts

_log = structlog.get_logger(__name__)


class TokenWatch:
    """Asks each module in a thread of its own; belongs to one event loop.

    Attributes:
        problems: why modules could not be asked, by name.

    """

    def __init__(self, source: TokenSource, found: Callable[[tuple[TokenSlot, ...]], None]) -> None:
        """Prepare to look.

        Args:
            source: of the tokens.
            found: is told in the event loop after each look that found something else.

        """
        self._source = source
        self._found = found
        self._workers: dict[int, Worker] = {}
        self._asked: dict[int, asyncio.Future[None]] = {}
        self._states: dict[int, tuple[TokenState, ...]] = {}
        self._wait_until: dict[int, float] = {}
        self._watchers = 0
        self._watching: asyncio.Task[None] | None = None
        self._resting = False
        self._ending: asyncio.Future[None] | None = None
        self.problems: dict[str, AgentError] = {}

    async def look(self, seconds: float = LOOK_SECONDS) -> None:
        """Ask the modules, and wait for those that answer in time."""
        now = time.monotonic()
        for place in range(len(self._source.modules)):
            is_due = self._wait_until.get(place, 0.0) <= now
            if is_due and place not in self._asked and not self._source.is_busy(place):
                self._ask(place)
        if self._asked:
            await asyncio.wait(tuple(self._asked.values()), timeout=seconds)

    @contextmanager
    def closely(self) -> Iterator[None]:
        """Look again and again for as long as the context lasts."""
        self._watchers += 1
        if self._watching is None and self._source.modules:
            self._watching = asyncio.get_running_loop().create_task(self._watch())
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers and self._watching is not None:
                self._watching.cancel()
                self._watching = None

    def rest(self, resting: bool) -> None:
        """Keep nothing of any card open between requests while somebody else is in front.

        A module may keep what it likes: its process ends, after the request that it is at. Nobody's
        watching starts it again meanwhile; a request does.
        """
        self._resting = resting
        if resting and (self._ending is None or self._ending.done()):
            # Nobody waits for a module that hangs, and one such wait is enough.
            self._ending = asyncio.ensure_future(asyncio.to_thread(self._source.rest))

    def stop(self) -> None:
        """Look no more; the modules are closed by whoever opened them."""
        for task in (self._watching, self._ending, *self._asked.values()):
            if task is not None:
                task.cancel()
        for worker in self._workers.values():
            worker.stop()

    async def _watch(self) -> None:
        while True:
            if not self._resting:
                await self.look()
            await asyncio.sleep(PAUSE)

    def _ask(self, place: int) -> None:
        worker = self._workers.get(place)
        if worker is None:
            name = f"module {self._source.modules[place].name}"
            worker = self._workers[place] = Worker(name)
        answer = asyncio.wrap_future(worker.submit(self._source.look, place))
        self._asked[place] = asyncio.ensure_future(self._take(place, answer))

    async def _take(self, place: int, answer: asyncio.Future[tuple[TokenState, ...]]) -> None:
        name = self._source.modules[place].name
        states: tuple[TokenState, ...] = ()
        pause = _FRESH
        try:
            states = await answer
            self.problems.pop(name, None)
        except AgentError as error:
            pause = FAILED_PAUSE
            self.problems[name] = error
            _log.warning(
                "a module cannot be asked for its tokens", module=name, detail=error.detail
            )
        finally:
            self._asked.pop(place, None)
        self._wait_until[place] = time.monotonic() + pause
        if self._states.get(place, ()) != states:
            self._states[place] = states
            everything = [(at, each) for at in sorted(self._states) for each in self._states[at]]
            self._found(self._source.named(everything))
