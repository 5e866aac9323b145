"""What became of a request, as far as a browser's file tells: one of a few words."""

import re
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

_STATUS_LINE: Final = re.compile(r"HTTP/[0-9.]{1,3} ([1-5][0-9]{2})(?![0-9])")  # RFC 9112 §4
_NO_UPGRADE: Final = re.compile(r".{0,60}Unexpected response code: ([1-5][0-9]{2})\Z")
_ERROR_PREFIXES: Final = ("net::", "ERR_")
SWITCHING_PROTOCOLS: Final = 101  # RFC 9110 §15.2.2: the WebSocket is open


@unique
class AnswerKind(StrEnum):
    """What became of a request; the words for people are ``inspect.answer.…`` in the catalogue."""

    ANSWERED = "answered"
    CONNECTED = "connected"  # and no answer is in the file
    UNCLEAR = "unclear"  # what came is not what the browser expects
    REFUSED = "refused"
    UNTRUSTED = "untrusted"
    TLS_FAILED = "tls_failed"
    BLOCKED = "blocked"
    SILENT = "silent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RequestAnswer:
    """What became of a request.

    Attributes:
        kind: in a word.
        status: of HTTP, 100 to 599; None where none is known.

    """

    kind: AnswerKind
    status: int | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing that is told later changes it."""
        return self.kind not in {AnswerKind.SILENT, AnswerKind.CONNECTED}


SILENCE: Final = RequestAnswer(AnswerKind.SILENT)
CONNECTION: Final = RequestAnswer(AnswerKind.CONNECTED)

# By the names of Chromium's net errors (net_error_list.h); their numbers are the file's own.
_BY_NAME: Final = {
    "CONNECTION_REFUSED": AnswerKind.REFUSED,
    "INVALID_RESPONSE": AnswerKind.UNCLEAR,
    "INVALID_HTTP_RESPONSE": AnswerKind.UNCLEAR,
    "RESPONSE_HEADERS_TRUNCATED": AnswerKind.UNCLEAR,
}
_UNTOLD: Final = frozenset(
    {
        "ABORTED",  # by the page, perhaps because it had waited long enough
        "CONNECTION_CLOSED",
        "CONNECTION_RESET",
        "CONNECTION_TIMED_OUT",
        "EMPTY_RESPONSE",
        "IO_PENDING",
        "NETWORK_CHANGED",
        "TIMED_OUT",
        "WS_UPGRADE",
    }
)
"""Errors that say no more than that no answer came."""


def of_error(name: str) -> RequestAnswer | None:
    """Return what a net error means, such as ``ERR_CONNECTION_REFUSED``; None for no answer."""
    for prefix in _ERROR_PREFIXES:
        name = name.removeprefix(prefix)
    if name in _UNTOLD:
        return None
    if name in _BY_NAME:
        return RequestAnswer(_BY_NAME[name])
    if name.startswith("CERT_"):
        return RequestAnswer(AnswerKind.UNTRUSTED)
    if "LOCAL_NETWORK" in name or "PRIVATE_NETWORK" in name:
        return RequestAnswer(AnswerKind.BLOCKED)
    if name.startswith("SSL_"):
        return RequestAnswer(AnswerKind.TLS_FAILED)
    return RequestAnswer(AnswerKind.FAILED)


def of_status_line(line: str) -> RequestAnswer:
    """Return the answer of an HTTP status line, whatever stands behind the status."""
    return _answered(_STATUS_LINE.match(line))


def of_failed_upgrade(message: str) -> RequestAnswer | None:
    """Return the answer that opened no WebSocket; None where the message tells of none."""
    found = _NO_UPGRADE.match(message)
    return None if found is None else _answered(found)


def _answered(found: re.Match[str] | None) -> RequestAnswer:
    if found is None:
        return RequestAnswer(AnswerKind.UNCLEAR)
    return RequestAnswer(AnswerKind.ANSWERED, int(found[1]))
