"""Ask once a day for a newer version; no answer is normal."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from agent.host.settings.config import Settings
from agent.host.settings.preferences import Preferences
from agent.host.update import manifest, memory
from agent.host.update.fetch import fetch
from agent.host.update.manifest import BadManifestError
from agent.host.update.status import (
    TooOldError,
    UpdateChecking,
    UpdateStatus,
    asking,
    check,
    judge,
    keys_of,
)

DAY: Final = timedelta(days=1)
AGAIN: Final = timedelta(hours=2)
"""The wait after a failed attempt."""
JITTER: Final = 0.2
"""The fraction by which each wait varies, so that not all computers ask at once."""
FIRST: Final = timedelta(minutes=10)
"""The longest wait after the very first start."""
LOOK_SECONDS: Final = 600.0
"""The time between two looks at the clock: computers sleep, and clocks are set."""

_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class UpdateWatch:
    """Ask for newer versions while the agent runs; :attr:`status` may be read in any thread."""

    def __init__(  # noqa: PLR0913  # three of them are for tests
        self,
        path: Path,
        settings: Settings,
        preferences: Preferences,
        *,
        fetch: Callable[[str], Awaitable[bytes]] = fetch,
        clock: Callable[[], datetime] = _now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Read the last manifest from disk; blocks.

        Args:
            path: of the file where the last manifest is kept.
            settings: the citizen's, under the policy.
            preferences: what the citizen chose in menu and panel.
            fetch: fetches the manifest.
            clock: returns the time, with a time zone.
            chance: returns a random number from 0 to 1.

        """
        self._path = path
        self._settings = settings
        self._preferences = preferences
        self._fetch = fetch
        self._clock = clock
        self._chance = chance
        self._keys = keys_of(settings)
        self._memory = memory.load(path, self._keys)
        self._due = self._first_due(clock())

    @property
    def status(self) -> UpdateStatus:
        """The status of this version now."""
        return judge(self._memory, self._asking)

    @property
    def _asking(self) -> UpdateChecking:
        return asking(self._settings, wanted=self._preferences.update_check)

    def check_version(self) -> None:
        """Forbid signing with a version that is too old.

        Raises:
            TooOldError: this one is.

        """
        try:
            check(self.status)
        except TooOldError as error:
            _log.warning("no key is used", detail=error.detail)
            raise

    async def run(
        self, changed: Callable[[], None] = lambda: None, interval: float = LOOK_SECONDS
    ) -> None:
        """Ask whenever it is time, until cancelled.

        Args:
            changed: called in the event loop after an answer that counts.
            interval: seconds between two looks at the clock.

        """
        while True:
            if self._asking is UpdateChecking.ON and self._is_time() and await self.ask():
                changed()
            await asyncio.sleep(interval)

    async def ask(self) -> bool:
        """Ask now; return whether there was an answer that counts. Never raises but when cancelled.

        Failures are only logged: being offline is normal.
        """
        now = self._clock()
        self._memory = replace(self._memory, tried=now)
        answered = False
        try:
            content = await self._fetch(self._settings.update_url)
            said = manifest.accept(content, self._keys, now, self._memory.last)
        except BadManifestError as error:
            _log.warning("the manifest of releases does not count", detail=error.detail)
        except (OSError, ValueError) as error:
            _log.info("nobody could be asked for newer versions", kind=type(error).__name__)
        else:
            answered = True
            self._memory = memory.UpdateMemory(now, now, content, said)
        self._due = now + (DAY if answered else AGAIN) * self._spread()
        await asyncio.to_thread(self._write)
        return answered

    def _write(self) -> None:
        try:
            self._memory.write(self._path)
        except OSError as error:
            _log.warning("what was heard of newer versions was not kept", detail=str(error))

    def _first_due(self, now: datetime) -> datetime:
        tried = self._memory.tried
        if tried is None or tried > now:  # a clock that was ahead tells nothing
            return now + FIRST * self._chance()
        wait = DAY if self._memory.answered == tried else AGAIN
        return tried + wait * self._spread()

    def _is_time(self) -> bool:
        now = self._clock()
        return now >= self._due or self._due - now > 2 * DAY  # the clock was set back

    def _spread(self) -> float:
        return 1 + JITTER * (2 * self._chance() - 1)
