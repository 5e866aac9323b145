"""Remember in memory what pages asked for, while the citizen wants it; off by itself.

Every door puts one call around its work::

    with recorder.recording(site, "jrsys", "socket", port=17040) as entry:
        entry.request(name, fields)  # once they are parsed
        entry.outcome(160)  # what the page was told, if that is no exception

Belongs to one event loop. While it is off, nothing is looked at and nothing is kept.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

from msgspec import Struct

from agent import __version__
from agent.consent.asked import QuestionKind, noting
from agent.domain import group_of
from agent.errors import AgentError
from agent.origin import Origin
from agent.web.recorder.allowed import Door, is_name
from agent.web.recorder.fair_ring import FairRing
from agent.web.recorder.shape import NO_NAME, Shape, shape_of

SCHEMA: Final = "ankong.record.v1"
MAX_ENTRIES: Final = 500
LIFETIME: Final = timedelta(minutes=15)
_NAMES: Final = ("Edg", "OPR", "Firefox", "Chrome", "Version")  # the one that says most, first
_BROWSERS: Final = re.compile(rf"\b({'|'.join(_NAMES)})/([0-9]{{1,4}})\b")
_MAX_USER_AGENT: Final = 512  # characters

Transport: TypeAlias = Literal["fetch", "socket", "popup", "image", "direct"]
Missed: TypeAlias = Literal["refused", "tls_untrusted", "tls_failed"]
"""Why what came to a port never became a call."""


@dataclass(slots=True)
class RecordedCall:
    """One call, or several in a row that differ in nothing but their time.

    Attributes:
        origin: who asked; empty where nobody said so.
        door: which protocol.
        transport: how it came.
        port: on which port; None where the door does not say.
        at: when, the last one of several.
        method: what for; None where it could not be read.
        shape: of the request.
        outcome: what the page was told: "ok", a code or a number; None while it waits.
        ms: how long it took, in milliseconds.
        times: how many calls these were.
        asked: the windows that it brought about, in their order.

    """

    origin: str
    door: Door
    transport: Transport
    port: int | None
    at: datetime
    method: str | None = None
    shape: Shape = field(default_factory=dict)
    outcome: str | int | None = None
    ms: int | None = None
    times: int = 1
    asked: list[QuestionKind] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Return it as JSON."""
        found: dict[str, Any] = {"at": _moment(self.at), "origin": self.origin}
        found |= {"door": self.door, "transport": self.transport}
        if self.port is not None:
            found["port"] = self.port
        found |= {"method": self.method, "shape": self.shape}
        found |= {"outcome": self.outcome, "asked": self.asked}
        return {**found, "ms": self.ms, "times": self.times}

    def is_like(self, other: "RecordedCall") -> bool:
        """Return whether another call was the same and ended in the same way."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in (
                "origin",
                "door",
                "transport",
                "port",
                "method",
                "outcome",
                "shape",
                "asked",
            )
        )


class CallRecording:
    """What a door tells of one call; as it stands, while nothing is recorded: all is ignored."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def request(self, method: str, fields: Mapping[Any, Any] | Struct | None = None) -> None:
        """Tell what is asked for, once it is known.

        Args:
            method: any text of the page; only what is like an identifier is kept.
            fields: as they were parsed; no value is kept that is not allowed.

        """

    def outcome(self, outcome: str | int) -> None:
        """Tell what the page is told: a code of ours or a number, never a text of others."""


class _Kept(CallRecording):
    def __init__(self, recorder: "CallRecorder", group: str, call: RecordedCall) -> None:
        self._recorder = recorder
        self._group = group
        self._call = call
        self._number: int | None = None
        self._since = time.monotonic()
        self._noting = noting(call.asked)

    def __enter__(self) -> Self:
        self._noting.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._noting.__exit__(None, None, None)
        if self._call.outcome is None:
            self._call.outcome = _outcome_of(error)
        self._call.ms = round((time.monotonic() - self._since) * 1000)
        if self._number is None:
            self._number = self._recorder.ring.add(self._group, self._call)
        self._recorder.ended(self._number, self._call)

    def request(self, method: str, fields: Mapping[Any, Any] | Struct | None = None) -> None:
        self._call.method = method if is_name(method) else NO_NAME
        if fields is not None:
            self._call.shape = shape_of(self._call.door, fields)
        if self._number is None:  # at once: what is never answered is worth seeing, too
            self._number = self._recorder.ring.add(self._group, self._call)

    def outcome(self, outcome: str | int) -> None:
        self._call.outcome = outcome


_NOTHING: Final = CallRecording()


@dataclass(slots=True)
class _Counted:
    times: int
    at: datetime


class CallRecorder:
    """Off at first; everything it has is gone with the process.

    Attributes:
        ring: the calls, the oldest first.

    """

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        always: bool = False,
    ) -> None:
        """Begin with nothing.

        Args:
            clock: the time of day, with a time zone.
            always: record for as long as the process lives.

        """
        self.ring: FairRing[RecordedCall] = FairRing(MAX_ENTRIES)
        self._clock = clock
        self._always = always
        self._since: datetime | None = None
        self._missed: dict[tuple[int, Missed], _Counted] = {}

    @property
    def is_on(self) -> bool:
        """Whether calls are kept now."""
        return self._always or self.until is not None

    @property
    def until(self) -> datetime | None:
        """When it goes off by itself; None while it is off, or always on."""
        if self._since is None or self._always:
            return None
        # A clock that was set back ends it, too: else it could be on for years.
        if not self._since <= self._clock() < self._since + LIFETIME:
            self._since = None
            return None
        return self._since + LIFETIME

    def start(self) -> None:
        """Record for a quarter of an hour from now."""
        self._since = self._clock()

    def stop(self) -> None:
        """Record no more; what was recorded stays until it is cleared."""
        self._since, self._always = None, False

    def clear(self) -> None:
        """Forget everything that was recorded."""
        self.ring.clear()
        self._missed.clear()

    def recording(
        self, site: Origin | None, door: Door, transport: Transport, *, port: int | None = None
    ) -> CallRecording:
        """Return the context of one call, around all of its work.

        An exception that leaves it is its outcome where the door tells none.

        Args:
            site: who asks; None where nobody says so.
            door: which protocol.
            transport: how the call came.
            port: on which it came.

        """
        if not self.is_on:
            return _NOTHING
        name = "" if site is None else str(site)
        # By registrable domain: who floods has as many names below it as they like.
        group = "" if site is None else group_of(site)
        return _Kept(self, group, RecordedCall(name, door, transport, port, self._clock()))

    def missed(self, port: int, why: Missed) -> None:
        """Count what came to a port and never became a call."""
        if not self.is_on:
            return
        found = self._missed.setdefault((port, why), _Counted(0, self._clock()))
        found.times += 1
        found.at = self._clock()

    def ended(self, number: int, call: RecordedCall) -> None:
        """Take a call together with the one before it of the same site, where it is the same."""
        earlier = self.ring.before(number)
        if earlier is not None and earlier[1].ms is not None and call.is_like(earlier[1]):
            call.times += earlier[1].times
            self.ring.remove(earlier[0])

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls as JSON, the oldest first."""
        return [call.record() for call in self.ring]

    def never_calls(self) -> list[dict[str, Any]]:
        """Return as JSON what came to each port and never became a call."""
        return [
            {"at": _moment(found.at), "port": port, "outcome": why, "times": found.times}
            for (port, why), found in self._missed.items()
        ]

    def export(self, origin: str | None = None, browser: str | None = None) -> Iterator[str]:
        """Yield lines of JSON: the schema, then what was recorded.

        Args:
            origin: of which site alone; None for all, and for what never became a call.
            browser: name and version of the one that shows it; None where that is not known.

        """
        yield _line({"schema": SCHEMA, "agent": __version__, "browser": browser})
        yield from (
            _line(call.record()) for call in self.ring if origin is None or call.origin == origin
        )
        if origin is None:
            yield from map(_line, self.never_calls())


def browser_of(user_agent: str) -> str | None:
    """Return name and major version of a browser, and nothing else of what it says of itself."""
    found = dict(_BROWSERS.findall(user_agent[:_MAX_USER_AGENT]))
    name = next((each for each in _NAMES if each in found), None)
    return None if name is None else f"{name} {found[name]}"


def _outcome_of(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, AgentError):
        return str(error.code)
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "internal"


def _moment(at: datetime) -> str:
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n"
