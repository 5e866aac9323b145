"""Fetch revocation lists over HTTP.

Only from addresses that an administrator configured, never from those in a certificate or message,
whose sender could make this machine call any server. Lists are public and signed, so plain http is
as good as https: what no known authority signed replaces nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import aiohttp

from agent.cms.errors import CmsError
from agent.pki.crl import RevocationList
from agent.pki.kept_lists import KeptLists
from agent.pki.revocation import RevocationData
from agent.size_limits import MAX_CRL
from agent.turns import in_turn

TIMEOUT = 20.0  # seconds for one list, from the first byte sent to the last one received
RETRY_AFTER = 60.0  # seconds before an address that failed is tried again


@dataclass(slots=True)
class _Entry:
    """The state of one address."""

    lock: asyncio.Lock
    newest: RevocationList | None = None
    was_looked_up: bool = False  # whether the list of an earlier run was looked for
    tried_at: float | None = None  # on the monotonic clock


class HttpSource:
    """A source that fetches lists from configured addresses, again when the next one is due."""

    def __init__(
        self,
        urls: Sequence[str],
        now: Callable[[], datetime],
        fetch: Callable[[str], Awaitable[bytes]] | None = None,
        *,
        kept: KeptLists | None = None,
        is_authentic: Callable[[RevocationList], bool] = lambda _: True,
    ) -> None:
        """Make a source of these addresses.

        Args:
            urls: http or https.
            now: the current time, timezone-aware.
            fetch: returns the body of an address; :func:`fetch_bounded` by default.
            kept: where lists are kept between two runs; None to keep them in memory only.
            is_authentic: whether a known authority signed a list; called in a thread. Without it a
                stranger on the line could put a list of a far future in the place of the real one.

        Raises:
            CmsError: an address is not http or https.

        """
        for url in urls:
            require_http(url)
        self._entries = {url: _Entry(asyncio.Lock()) for url in urls}
        self._now = now
        self._fetch = fetch or fetch_bounded
        self._kept = kept
        self._is_authentic = is_authentic

    async def current(self) -> RevocationData:
        """Return the newest list of each address; the previous one where it cannot be fetched."""
        found = await asyncio.gather(
            *(self._list(url, entry) for url, entry in self._entries.items())
        )
        return RevocationData(tuple(item for item in found if item is not None))

    async def _list(self, url: str, entry: _Entry) -> RevocationList | None:
        async with entry.lock:
            if not entry.was_looked_up:
                entry.was_looked_up = True
                entry.newest = await in_turn(self._load, url)
            if self._is_due(entry):
                entry.tried_at = time.monotonic()
                try:
                    raw = await self._fetch(url)
                    fetched = await in_turn(self._read, raw)
                except (CmsError, OSError, TimeoutError, aiohttp.ClientError):
                    return entry.newest
                if entry.newest is None or fetched.this_update >= entry.newest.this_update:
                    entry.newest = fetched
                    await asyncio.to_thread(self._save, url, fetched)
            return entry.newest

    def _read(self, raw: bytes) -> RevocationList:
        listed = RevocationList.from_der(raw)
        if not self._is_authentic(listed):
            raise CmsError("a revocation list that no known authority signed")
        return listed

    def _load(self, url: str) -> RevocationList | None:
        raw = self._kept.load(url) if self._kept is not None else None
        if raw is None:
            return None
        try:
            return self._read(raw)
        except CmsError:  # damaged on disk, or of an authority that is not known any more
            return None

    def _save(self, url: str, listed: RevocationList) -> None:
        if self._kept is not None:
            self._kept.save(url, listed.der)

    def _is_due(self, entry: _Entry) -> bool:
        if entry.newest is not None and entry.newest.is_fresh(self._now()):
            return False
        return entry.tried_at is None or time.monotonic() - entry.tried_at >= RETRY_AFTER


def require_http(url: str) -> None:
    """Refuse an address that is not plain http or https.

    Raises:
        CmsError: it has another scheme, no host, or a user name.

    """
    try:
        parts = urlsplit(url)
        host, user = parts.hostname, parts.username
    except ValueError as exc:
        raise CmsError("malformed address") from exc
    if parts.scheme not in ("http", "https") or not host or user is not None:
        raise CmsError("only plain http and https addresses are fetched")


async def fetch_bounded(url: str, *, limit: int = MAX_CRL, seconds: float = TIMEOUT) -> bytes:
    """Fetch one document, without following redirects.

    Args:
        url: http or https.
        limit: the most bytes accepted.
        seconds: how long everything together may take.

    Raises:
        CmsError: another status than 200, or too many bytes.
        aiohttp.ClientError: the server cannot be reached or does not speak HTTP.
        TimeoutError: it took too long.

    """
    require_http(url)
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise CmsError(f"the server answered {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise CmsError(f"more than {limit} bytes")
        return bytes(body)
