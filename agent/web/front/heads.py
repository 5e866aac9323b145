"""The head of an HTTP request, that is its first line and its header fields: how long it may be.

aiohttp bounds each field and their number, so that a connection may hold a megabyte of them. Here
all that is no body is bounded together, before the request is whole: trailers and the framing of
chunks, too.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias

from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

MAX_HEAD: Final = 32 * 1024  # bytes; browsers send fewer than 4 KiB, and up to 8 KiB of cookies
MAX_FIELDS: Final = 64  # of a head; browsers send fewer than 40

_Request: TypeAlias = tuple[Any, StreamReader]
"""A head and its body."""
_Parsed: TypeAlias = tuple[Sequence[_Request], bool, bytes]
"""Requests; whether the protocol changes; and what came after the change."""
_TOO_MANY: Final = "Too many headers received"  # aiohttp has no type of its own for it


class TooLongHeadError(BadHttpMessage):
    """A request's head has too many bytes."""


class Parser(Protocol):
    """aiohttp's parser of requests, as far as it is used here."""

    def feed_data(self, data: bytes, /) -> _Parsed:
        """Return the requests whose heads became whole."""


class HeadBound:
    """A parser that takes no head longer than ``most``; to be used in place of aiohttp's own."""

    def __init__(self, parser: Parser, most: int = MAX_HEAD) -> None:
        """Put the bound around ``parser``; ``most`` is in bytes."""
        self._parser = parser
        self._most = most
        self._pending = 0  # bytes since the last that belonged to a body, or ended a head
        self._body: StreamReader = EMPTY_PAYLOAD
        self._is_broken = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def feed_data(self, data: bytes) -> _Parsed:
        """Return the requests whose heads became whole; nothing after the first error.

        Raises:
            HttpProcessingError: it is no HTTP, or a head is too long.

        """
        requests: list[_Request] = []
        start, end = 0, -1
        while end < len(data) and not self._is_broken:
            # A body goes on whole; what may be heads goes on in pieces that can be counted.
            end = start + self._most if self._body.is_eof() else len(data)
            more, upgrades, rest = self._feed(data[start:end])
            requests += more
            if upgrades:
                return requests, True, rest + data[end:]
            start = end
        return requests, False, b""

    def _feed(self, data: bytes) -> _Parsed:
        before = self._body.total_bytes
        try:
            parsed = self._parser.feed_data(data)
            self._check(data, parsed[0], has_body=self._body.total_bytes != before)
        except HttpProcessingError as error:
            self._is_broken = True
            if isinstance(error, LineTooLong) or error.message == _TOO_MANY:
                raise TooLongHeadError(error.message) from error
            raise
        return parsed

    def _check(self, data: bytes, requests: Sequence[_Request], *, has_body: bool) -> None:
        self._pending = 0 if requests or has_body else self._pending + len(data)
        if requests:
            self._body = requests[-1][1]
        if self._pending > self._most or any(_length(head) > self._most for head, _ in requests):
            raise TooLongHeadError(f"more than {self._most} bytes in a head")


def _length(head: Any) -> int:
    return len(head.path) + sum(len(name) + len(value) + 4 for name, value in head.raw_headers)
