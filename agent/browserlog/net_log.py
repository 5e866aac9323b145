"""Read Chromium's net log, which ``chrome://net-export`` writes, event by event.

Its format has no standard; this is what net/log of Chromium writes: an object with ``constants``
(numbers of this version's event types and errors, by their names) and ``events``, of which each has
a type, a source (what the browser did, by number), a time in milliseconds and ``params``. Pages'
requests, WebSockets too, are sources that begin with URL_REQUEST_START_JOB, where the address
stands. Addresses of TCP connections are not looked at: a proxy, or a rule for a name, may lead a
request for any site to this computer.
"""

import re
from enum import Enum, auto
from typing import Final, TypeVar

import msgspec

from agent.browserlog import answers
from agent.browserlog.tally import LoopbackRequest, LoopbackTally
from agent.errors import BadRequestError

MAX_OPEN: Final = 10_000
"""Requests of which more may be told; the oldest is counted as it is when there are more."""
_MAX_CONSTANTS: Final = 16 * 1024 * 1024  # bytes; real ones have some hundred thousand
_MILLISECONDS: Final = re.compile(r"[0-9]{1,18}")

T = TypeVar("T")


class _NetLogConstants(msgspec.Struct, rename="camel"):
    log_event_types: dict[str, int]
    net_error: dict[str, int] = msgspec.field(default_factory=dict)


class _NetLogSource(msgspec.Struct):
    id: int


class _NetLogEvent(msgspec.Struct):
    type: int
    source: _NetLogSource
    time: str = ""
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _RequestParams(msgspec.Struct):
    url: str | None = None
    net_error: int | None = None


class _HeadersParams(msgspec.Struct):
    headers: list[str]


class _UpgradeParams(msgspec.Struct):
    message: str


class _Step(Enum):
    """What an event says of a request."""

    START = auto()
    ERROR = auto()
    SENT = auto()
    HEADERS = auto()
    NO_UPGRADE = auto()


_STEPS: Final = {
    "URL_REQUEST_START_JOB": _Step.START,
    "REQUEST_ALIVE": _Step.ERROR,
    "FAILED": _Step.ERROR,
    "HTTP_TRANSACTION_SEND_REQUEST": _Step.SENT,
    "HTTP_TRANSACTION_READ_RESPONSE_HEADERS": _Step.HEADERS,
    "WEBSOCKET_UPGRADE_FAILURE": _Step.NO_UPGRADE,
}


class NetLogReader:
    """Takes the events of one net log, in their order."""

    def __init__(self, tally: LoopbackTally) -> None:
        """Wait for the constants.

        Args:
            tally: is told of each request.

        """
        self._tally = tally
        self._steps: dict[int, _Step] | None = None
        self._errors: dict[int, str] = {}
        self._began: int | None = None  # milliseconds on the clock of the file
        self._open: dict[int, LoopbackRequest] = {}

    def take_constants(self, raw: bytes) -> None:
        """Learn the numbers of the version that wrote the file.

        Args:
            raw: the JSON object ``constants``.

        Raises:
            BadRequestError: it is none.

        """
        found = None if len(raw) > _MAX_CONSTANTS else _decoded(raw, _NetLogConstants)
        if found is None:
            raise BadRequestError("the net log's constants cannot be read")
        types = found.log_event_types
        self._steps = {types[name]: step for name, step in _STEPS.items() if name in types}
        self._errors = {number: name for name, number in found.net_error.items()}

    def take_event(self, raw: bytes) -> None:
        """Take the next event, a JSON object; one that cannot be read is passed over.

        Raises:
            BadRequestError: no constants came before it.

        """
        if self._steps is None:
            raise BadRequestError("the net log has events before its constants")
        event = _decoded(raw, _NetLogEvent)
        if event is None:
            return
        now = int(event.time) if _MILLISECONDS.fullmatch(event.time) else None
        if self._began is None:
            self._began = now
        step = self._steps.get(event.type)
        if step is _Step.START:
            self._start(event, now)
        elif step is not None and event.source.id in self._open:
            self._learn(self._open[event.source.id], step, event.params)

    def end(self) -> None:
        """Count the requests of which nothing more is told."""
        while self._open:
            self._end_one(next(iter(self._open)))

    def _start(self, event: _NetLogEvent, now: int | None) -> None:
        """Begin a request, or what it was redirected to; or learn how its beginning failed."""
        source = event.source.id
        params = _decoded(event.params, _RequestParams)
        if params is None:
            return
        if params.url is None:
            if source in self._open:
                self._learn(self._open[source], _Step.ERROR, event.params)
            return
        self._end_one(source)
        passed = None if now is None or self._began is None else (now - self._began) / 1000
        request = self._tally.begin(params.url, passed)
        if request is not None:
            if len(self._open) >= MAX_OPEN:
                self._end_one(next(iter(self._open)))
            self._open[source] = request

    def _learn(self, request: LoopbackRequest, step: _Step, params: msgspec.Raw) -> None:
        if step is _Step.SENT:
            request.learn(answers.CONNECTION)
        elif step is _Step.HEADERS:
            if (told := _decoded(params, _HeadersParams)) is not None and told.headers:
                request.learn(answers.of_status_line(told.headers[0]))
        elif step is _Step.NO_UPGRADE:
            if (failed := _decoded(params, _UpgradeParams)) is not None:
                request.learn(answers.of_failed_upgrade(failed.message))
        elif (ended := _decoded(params, _RequestParams)) is not None and ended.net_error:
            name = self._errors.get(ended.net_error, "")
            request.learn(answers.of_error(name))

    def _end_one(self, source: int) -> None:
        request = self._open.pop(source, None)
        if request is not None:
            self._tally.end(request)


def _decoded(raw: bytes | msgspec.Raw, kind: type[T]) -> T | None:
    """Read a JSON object; None where it is none of that kind."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, RecursionError):  # msgspec's own errors and those of UTF-8 are ValueErrors
        return None
