"""Read an HTTP Archive (HAR 1.2), which the developer tools of browsers save, entry by entry.

Read of an entry are the request's address, when it began, the response's status and, where
Chromium wrote it down, the net error.
"""

from datetime import datetime
from typing import Final

import msgspec

from agent.browserlog import answers
from agent.browserlog.answers import AnswerKind, RequestAnswer
from agent.browserlog.tally import LoopbackTally

_STATUSES: Final = range(100, 600)


class _HarRequest(msgspec.Struct):
    url: str


class _HarEntry(msgspec.Struct, rename="camel"):
    request: _HarRequest
    started_date_time: str = ""
    response: msgspec.Raw = msgspec.Raw(b"{}")


class _HarResponse(msgspec.Struct):
    status: int = 0
    error: str | None = msgspec.field(default=None, name="_error")


class HarReader:
    """Takes the entries of one archive, in their order."""

    def __init__(self, tally: LoopbackTally) -> None:
        """Wait for the entries.

        Args:
            tally: is told of each request.

        """
        self._tally = tally
        self._began: float | None = None  # seconds since 1970

    def take_entry(self, raw: bytes) -> None:
        """Take the next entry, a JSON object; one that cannot be read is passed over."""
        try:
            entry = msgspec.json.decode(raw, type=_HarEntry)
        except (ValueError, RecursionError):
            return
        now = _moment(entry.started_date_time)
        if self._began is None:
            self._began = now
        passed = None if now is None or self._began is None else now - self._began
        request = self._tally.begin(entry.request.url, passed)
        if request is not None:
            request.learn(_answer(entry.response))
            self._tally.end(request)


def _moment(text: str) -> float | None:
    """Return seconds since 1970 of a time with its zone (RFC 3339); None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.timestamp()
    except (ValueError, OverflowError):
        return None


def _answer(raw: msgspec.Raw) -> RequestAnswer | None:
    try:
        response = msgspec.json.decode(raw, type=_HarResponse)
    except (ValueError, RecursionError):
        return None
    if response.status in _STATUSES:
        return RequestAnswer(AnswerKind.ANSWERED, response.status)
    return answers.of_error(response.error) if response.error else None
