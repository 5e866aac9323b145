"""Tokens that prove that a request comes from a page that we served a short time ago.

A token carries its own proof (HMAC-SHA-256), and only used ones are remembered: fetching our
pages without end fills no memory and makes no other page's token invalid.
"""

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

from agent.errors import AgentError, ErrorCode

_NONCE: Final = 16  # bytes
_TIME: Final = 8  # bytes, milliseconds
_MAC: Final = 32  # bytes, HMAC-SHA-256
_MAX_SPENT: Final = 4096  # used tokens remembered; each one cost its page a window


@unique
class PageKind(IntEnum):
    """The page that a token was made for."""

    POPUP = 1
    SELF_TEST = 2
    ADD_DOMAIN = 3


_SECONDS: Final = {PageKind.POPUP: 600.0, PageKind.SELF_TEST: 43200.0, PageKind.ADD_DOMAIN: 3600.0}


@dataclass(frozen=True, slots=True)
class PageToken:
    """A token that was checked.

    Attributes:
        text: as the page sends it.
        kind: of the page.
        age: seconds since the page was served.

    """

    text: str
    kind: PageKind
    age: float


class PageTokens:
    """Makes and checks tokens, with a new key in every run of the agent."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._spent: OrderedDict[str, None] = OrderedDict()

    def issue(self, kind: PageKind) -> str:
        """Return a token for one page: 76 characters that are safe in HTML and URLs."""
        moment = int(self._clock() * 1000).to_bytes(_TIME, "big")
        body = bytes((kind,)) + secrets.token_bytes(_NONCE) + moment
        return urlsafe_b64encode(body + self._mac(body)).decode()

    def prove(self, text: str) -> PageToken:
        """Check a token.

        Raises:
            AgentError: ``origin_not_allowed``: it is not ours, or too old.

        """
        try:
            raw = urlsafe_b64decode(text.encode("ascii"))
        except ValueError as error:
            raise _refused() from error
        body, mac = raw[:-_MAC], raw[-_MAC:]
        if len(body) != 1 + _NONCE + _TIME or not hmac.compare_digest(mac, self._mac(body)):
            raise _refused()
        kind = PageKind(body[0])
        age = self._clock() - int.from_bytes(body[-_TIME:], "big") / 1000
        if age > _SECONDS[kind]:
            raise _refused()
        # In canonical form: base64 has several, and a used token is known by its text.
        return PageToken(urlsafe_b64encode(raw).decode(), kind, age)

    def spend(self, token: PageToken) -> None:
        """Use up a token; one of the self-test can be used again and again.

        Raises:
            AgentError: ``origin_not_allowed``: it was used before.

        """
        if token.kind is PageKind.SELF_TEST:
            return
        if token.text in self._spent:
            raise _refused()
        self._spent[token.text] = None
        if len(self._spent) > _MAX_SPENT:
            self._spent.popitem(last=False)

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256)


def _refused() -> AgentError:
    return AgentError("no token of ours", code=ErrorCode.ORIGIN_NOT_ALLOWED)
