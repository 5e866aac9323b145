"""What of an agent's life is an event: between the agent's own words and the system's log.

Everything here may be called in any thread, and never fails. What waits for a small file says so.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from agent import __version__
from agent.consent.questions import Scope
from agent.consent.site_store import Decision
from agent.errors import ErrorCode
from agent.files import read_file, replace_file
from agent.history.line import DONE, UNDELIVERED, EntryKind
from agent.host import events
from agent.host.event_log import EventLog
from agent.host.machine.paths import Paths
from agent.host.settings.config import Settings
from agent.host.settings.policy import Policy, Ruling
from agent.host.tls.manifest import TrustStep
from agent.host.update.status import UpdateStatus, VersionAge
from agent.origin import Origin
from agent.signing.recording import KeyOutcome

_MAX_MEMORY: Final = 4096  # bytes
_MOST_SITES: Final = 1000  # that the policy rules, told once each
_SCOPES: Final = {Scope.CARD: "card", Scope.BLIND: "blind"}
_OF_CARDS: Final = {
    str(ErrorCode.PIN_INCORRECT): events.PIN_INCORRECT,
    str(ErrorCode.PIN_LOCKED): events.PIN_LOCKED,
    str(ErrorCode.PIN_LAST_ATTEMPT): events.LAST_TRY_REFUSED,
}


class EventMemory(Struct, frozen=True):
    """What was told last; only where events are told is there such a file.

    Attributes:
        policy: fingerprint of the policy that was in force.
        trust: what stores were made to trust us, one text; None where that was not told yet.

    """

    policy: Annotated[str, Meta(max_length=64)] | None = None
    trust: Annotated[str, Meta(max_length=1024)] | None = None


class EventTelling:
    """The events of one agent."""

    def __init__(self, log: EventLog, policy: Policy, paths: Paths) -> None:
        """Prepare to tell.

        Args:
            log: where events go.
            policy: of this computer.
            paths: of the agent's files.

        """
        self._log = log
        self._tells_sites = log.with_sites
        self._policy = policy
        self._file = paths.events
        self._guard = threading.Lock()
        self._memory = _remembered(paths)
        self._ruled: set[Origin] = set()
        self._floor = ""
        self._has_started = False

    def started(self) -> None:
        """Tell that pages are answered, and first what is new about the policy; blocks briefly."""
        self.policy_read()
        state = "none" if self._policy.source is None else "in_force"
        if self._policy.problem is not None:
            state = "unusable"
        self._log.tell(events.STARTED, version=__version__, policy=state)
        self._has_started = True

    def stopped(self) -> None:
        """Tell that the agent ends, if it ever answered."""
        if self._has_started:
            self._log.tell(events.STOPPED, version=__version__)

    def policy_read(self) -> None:
        """Tell whether the policy is another than was told of last, or cannot be used; blocks."""
        if not self._log.is_on:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
            return
        self._log.with_sites = self._tells_sites and self._policy.problem is None
        if self._policy.problem is not None:
            self._log.tell(events.POLICY_UNUSABLE)
            return  # the next usable one is compared with the last that was
        before = None if self._memory is None else self._memory.policy
        if self._policy.fingerprint != before:
            self._log.tell(events.POLICY_CHANGED, sha256=self._policy.fingerprint)
            self._remember(policy=self._policy.fingerprint)

    def trust_seen(self, steps: Sequence[TrustStep]) -> None:
        """Tell of stores that trust us, if others were told of last; then it blocks briefly."""
        if not self._log.is_on:
            return
        places = {(step.store, step.place, step.fingerprint) for step in steps}
        stores = ",".join(sorted({store for store, _, _ in places}))
        now = f"{len(places)} {stores}"
        before = None if self._memory is None else self._memory.trust
        if now != before:
            self._remember(trust=now)
        if now != before and (places or before is not None):
            self._log.tell(events.TRUST_CHANGED, stores=stores, count=len(places))

    def site_decided(self, site: Origin, decision: Decision, scope: Scope) -> None:
        """Tell what the citizen decided about a site; that it was forgotten is no event."""
        told = {"by": "citizen", "scope": _SCOPES[scope], "site": site}
        if decision.allows:
            lasts = "always" if decision is Decision.ALLOWED else "now"
            self._log.tell(events.SITE_ALLOWED, **told, lasts=lasts)
        elif decision is Decision.BLOCKED:
            self._log.tell(events.SITE_BLOCKED, **told)

    def site_used(self, site: Origin) -> None:
        """Tell of a site's first request that the policy allows it."""
        if self._log.is_on and self._rules_first(site, Ruling.ALLOWED):
            told = {"by": "policy", "scope": "card", "site": site}
            self._log.tell(events.SITE_ALLOWED, **told, lasts="always")

    def key_asked(self, ended: KeyOutcome) -> None:
        """Tell how a request for a key ended."""
        if not self._log.is_on:
            return
        kind, site, outcome = str(ended.kind), ended.site, ended.outcome
        if ended.kind is EntryKind.CONNECT:
            if self._rules_first(site, Ruling.FORBIDDEN):
                self._log.tell(events.SITE_BLOCKED, by="policy", scope="card", site=site)
        elif outcome in (DONE, UNDELIVERED):
            delivered = "yes" if outcome == DONE else "no"
            told = {"kind": kind, "count": ended.count, "delivered": delivered, "site": site}
            self._log.tell(events.SIGNATURE_MADE, **told)
        elif outcome in _OF_CARDS:
            self._log.tell(_OF_CARDS[outcome], kind=kind, site=site)
        else:
            self._log.tell(events.SIGNATURE_REFUSED, kind=kind, code=outcome, site=site)

    def update_known(self, status: UpdateStatus) -> None:
        """Tell once of each floor that this version is below."""
        if status.age is VersionAge.TOO_OLD and status.floor != self._floor:
            self._floor = status.floor
            self._log.tell(events.VERSION_TOO_OLD, version=__version__, floor=status.floor)

    def _rules_first(self, site: Origin, ruling: Ruling) -> bool:
        """Return whether the policy says so of a site, and that was not told yet."""
        if site in self._ruled or self._policy.decision(site) is not ruling:
            return False
        with self._guard:
            is_new = site not in self._ruled and len(self._ruled) < _MOST_SITES
            if is_new:
                self._ruled.add(site)
        return is_new

    def _remember(self, **values: str) -> None:
        with self._guard:
            self._memory = msgspec.structs.replace(self._memory or EventMemory(), **values)
            with suppress(OSError):  # it is told again at the next start
                replace_file(self._file, msgspec.json.encode(self._memory))


@contextmanager
def telling_events(settings: Settings, policy: Policy, paths: Paths) -> Iterator[EventTelling]:
    """Return what tells events for as long as the context lasts.

    While the policy cannot be used, what the last usable one said of events holds, without sites.

    Args:
        settings: under the policy.
        policy: of this computer.
        paths: of the agent's files.

    """
    still = policy.problem is not None and _remembered(paths) is not None
    log = EventLog(is_on=settings.events == "system" or still, with_sites=settings.events_sites)
    try:
        yield EventTelling(log, policy, paths)
    finally:
        log.close()


def _remembered(paths: Paths) -> EventMemory | None:
    try:
        return msgspec.json.decode(read_file(paths.events, _MAX_MEMORY), type=EventMemory)
    except (OSError, ValueError, RecursionError):
        return None
