"""Who has opened the panel: a cookie and a key, of which each alone is worth nothing.

Cookies know no ports: whatever else listens on this computer gets ours too, when the citizen's
browser goes there. The key stays in the page, and a page's storage does know its port.
"""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

LIFETIME: Final = 12 * 3600.0
"""Seconds after which the panel has to be opened anew."""
IDLE: Final = 3600.0
"""Seconds without a request after which it has to be, too; an open page asks all the time."""
MAX_SESSIONS: Final = 16
"""At once; the one that was quiet for longest ends first."""
_SECRET_SIZE: Final = 32  # bytes
_MAX_TEXT: Final = 128  # characters of what a browser sends back


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """What a browser gets when it opens the panel, base64url.

    Attributes:
        cookie: for the cookie.
        key: for the page, which sends it in a header.

    """

    cookie: str
    key: str


@dataclass(slots=True, repr=False)
class _Session:
    key_digest: bytes
    since: float
    last: float


class Sessions:
    """The browsers that have opened the panel; in memory, so they end with the agent."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Make an empty set of sessions.

        Args:
            clock: seconds that only grow.

        """
        self._clock = clock
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    def open(self) -> Opened:
        """Let a browser in."""
        opened = Opened(secrets.token_urlsafe(_SECRET_SIZE), secrets.token_urlsafe(_SECRET_SIZE))
        now = self._clock()
        self._sessions[_digest(opened.cookie)] = _Session(_digest(opened.key), now, now)
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return opened

    def check(self, cookie: str, key: str) -> bool:
        """Return whether both were given to one browser, not too long ago."""
        if max(len(cookie), len(key)) > _MAX_TEXT:
            return False
        name = _digest(cookie)
        session = self._sessions.get(name)
        if session is None or not hmac.compare_digest(session.key_digest, _digest(key)):
            return False
        now = self._clock()
        if now - session.since > LIFETIME or now - session.last > IDLE:
            del self._sessions[name]
            return False
        session.last = now
        self._sessions.move_to_end(name)
        return True

    def close(self, cookie: str) -> None:
        """Let a browser go."""
        self._sessions.pop(_digest(cookie), None)


def session_name(cookie: str) -> bytes:
    """Return what tells a browser's session from others, and opens nothing."""
    return _digest(cookie)


def _digest(text: str) -> bytes:
    # Looked up by digest: how long that takes tells nothing about the secret.
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
