"""Read the policy of this computer again while the agent runs.

What it decides of sites, whether it can be used, and what our windows show of it hold at once; the
settings that it fixes hold after a new start, which doctor and ``ankong status`` then ask for. A
file is read once it has stayed as it is for a whole round of the periodic checks, so that one that
is being written is not taken for a whole one; and everything every five minutes, which is how the
registry is looked at. Nobody says when that one is whole, and group policies are written value by
value: what is another one then counts once the next round finds it again.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from agent.host.settings import managed_policy
from agent.host.settings import policy as policy_module
from agent.host.settings.config import ConfigError
from agent.host.settings.policy import Policy
from agent.periodic import CHECKS, PeriodicChecks

AGAIN_SECONDS: Final = 300.0
"""After so long the policy is read again, whether anything tells of a change or not."""
Mark = tuple[tuple[int, ...] | None, ...]
"""What tells files apart, for each place where one may be: None where there is none."""

_log = structlog.get_logger(__name__)


class PolicyWatch:
    """Keeps a policy as this computer has it; for one thread."""

    def __init__(
        self,
        policy: Policy,
        stand_in: Path,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember how the files are now.

        Args:
            policy: that is in force, as it was read a moment ago.
            stand_in: the file that was read if the computer has no policy of its own.
            changed: called after the policy has become another one.
            clock: seconds.

        """
        self._policy = policy
        self._stand_in = stand_in
        self._changed = changed
        self._clock = clock
        self._told = _told(policy)
        self._seen = self._read_at_mark = self._mark()
        self._read_at = clock()
        self._doubted: tuple[object, ...] | None = None

    def check(self) -> None:
        """Read the policy again if it is time to, or if a file changed and has come to rest."""
        mark = self._mark()
        at_rest, self._seen = mark == self._seen, mark
        is_time = self._clock() - self._read_at >= AGAIN_SECONDS
        if at_rest and mark != self._read_at_mark:
            self._read(mark, is_whole=True)
        elif is_time or self._doubted is not None:
            self._read(mark, is_whole=False)

    @contextmanager
    def running(self, checks: PeriodicChecks = CHECKS) -> Iterator[None]:
        """Look in every round of the periodic checks, for as long as the context lasts."""
        with checks.running(self.check):
            yield

    def _read(self, mark: Mark, *, is_whole: bool) -> None:
        self._read_at, self._read_at_mark = self._clock(), mark
        newer = Policy.of_this_computer(self._stand_in)
        newer.implied = (
            self._policy.implied
        )  # like settings, it holds for as long as the agent runs
        told, doubted = _told(newer), self._doubted
        self._doubted = None
        if told == self._told:
            return
        if not is_whole and told != doubted:
            self._doubted = told
            return
        self._told = told
        needs_restart = dict(newer.locked) != dict(self._policy.locked) and newer.problem is None
        self._policy.take_over(newer)
        if newer.problem is not None:
            _log.error("the policy cannot be used: every site is refused", detail=newer.problem)
        _log.info("the policy was read again", source=str(newer.source), restart=needs_restart)
        self._changed()

    def _mark(self) -> Mark:
        try:
            places = [policy_module.system_path(), self._stand_in]
        except ConfigError:
            return ()
        profile = managed_policy.profile_path()
        return tuple(map(_mark_of, [*places, profile] if profile is not None else places))


def _told(policy: Policy) -> tuple[object, ...]:
    """Return what makes a policy another one."""
    where = policy.source, policy.hidden, policy.planted, policy.unknown
    return policy.fingerprint, *where


def _mark_of(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # Path.stat is the place where tests put owners
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_uid
