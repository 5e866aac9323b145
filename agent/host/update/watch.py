"""Asking once a day whether there is a newer version; silence and refusal are both normal."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp
import structlog

from agent.host.settings.config import Settings
from agent.host.settings.preferences import Preferences
from agent.host.update import manifest, memory
from agent.host.update.fetch import fetch
from agent.host.update.manifest import BadManifestError
from agent.host.update.status import (
    Asking,
    TooOldError,
    UpdateStatus,
    asking,
    check,
    judge,
    keys_of,
)

DAY: Final = timedelta(days=1)
AGAIN: Final = timedelta(hours=2)
"""After how long nobody who answered is asked once more."""
JITTER: Final = 0.2
"""By how much of it each wait is shorter or longer: not all computers ask at once."""
FIRST: Final = timedelta(minutes=10)
"""The longest wait after the very first start."""
LOOK_SECONDS: Final = 600.0
"""How often it is looked whether it is time: computers sleep, and clocks are set."""

_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class UpdateWatch:
    """What one running agent knows of newer versions; :attr:`status` may be read anywhere."""

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
        """Read what was heard before; blocks.

        Args:
            path: of the file where it is written down.
            settings: the citizen's, under the policy.
            preferences: what the citizen chose with the mouse.
            fetch: fetches the manifest.
            clock: gives the time, with a time zone.
            chance: gives a number from 0 to 1.

        """
        self._path = path
        self._settings = settings
        self._preferences = preferences
        self._fetch = fetch
        self._clock = clock
        self._chance = chance
        self._keys = keys_of(settings)
        self._heard = memory.load(path, self._keys)
        self._due = self._first_due(clock())

    @property
    def status(self) -> UpdateStatus:
        """How this version stands now."""
        return judge(self._heard, self._asking)

    @property
    def _asking(self) -> Asking:
        return asking(self._settings, wanted=self._preferences.update_check)

    def check_version(self) -> None:
        """Let nobody sign with a version that is too old.

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
        """Ask when it is time, for ever; cancel it to end it.

        Args:
            changed: called in the event loop when something new was heard.
            interval: seconds between two looks at the clock.

        """
        while True:
            if self._asking is Asking.ON and self._is_time() and await self.ask():
                changed()
            await asyncio.sleep(interval)

    async def ask(self) -> bool:
        """Ask now; return whether there was an answer that counts. Never raises but when cancelled.

        The citizen is told nothing of failures: being offline is normal.
        """
        now = self._clock()
        self._heard = replace(self._heard, tried=now)
        answered = False
        try:
            content = await self._fetch(self._settings.update_url)
            said = manifest.accept(content, self._keys, now, self._heard.last)
        except BadManifestError as error:
            _log.warning("the manifest of releases does not count", detail=error.detail)
        except (OSError, TimeoutError, aiohttp.ClientError, ValueError) as error:
            _log.info("nobody could be asked for newer versions", kind=type(error).__name__)
        else:
            answered = True
            self._heard = memory.Heard(now, now, content, said)
        self._due = now + (DAY if answered else AGAIN) * self._spread()
        await asyncio.to_thread(self._write)
        return answered

    def _write(self) -> None:
        try:
            self._heard.write(self._path)
        except OSError as error:
            _log.warning("what was heard of newer versions was not kept", detail=str(error))

    def _first_due(self, now: datetime) -> datetime:
        tried = self._heard.tried
        if tried is None or tried > now:  # a clock that was ahead tells nothing
            return now + FIRST * self._chance()
        wait = DAY if self._heard.answered == tried else AGAIN
        return tried + wait * self._spread()

    def _is_time(self) -> bool:
        now = self._clock()
        return now >= self._due or self._due - now > 2 * DAY  # the clock was set back

    def _spread(self) -> float:
        return 1 + JITTER * (2 * self._chance() - 1)
