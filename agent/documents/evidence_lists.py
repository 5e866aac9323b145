"""The revocation lists that the settings name: fetched when they are needed, kept for a while."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from agent.cms.errors import CmsError
from agent.documents.authority_http import AuthorityError, get_list
from agent.documents.time_service import now
from agent.pki.anchors import decode
from agent.pki.crl import RevocationList
from agent.pki.revocation import RevocationData, parse_lists
from agent.size_limits import MAX_CRL

KEPT: Final = timedelta(minutes=30)
"""For which a list is not fetched again."""
MISSING: Final = timedelta(minutes=1)
"""For which a list that could not be fetched is not asked for: a batch would wait each time."""
SECONDS: Final = 30.0
"""For one list, of some megabytes."""

_log = structlog.get_logger(__name__)


class EvidenceLists:
    """The lists, as a source of revocation data; belongs to one event loop."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        seconds: float = SECONDS,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """Remember the addresses, which are of the settings or a policy."""
        self._urls = tuple(urls)
        self._seconds = seconds
        self._clock = clock
        self._turn = asyncio.Lock()
        self._known: dict[str, tuple[datetime, tuple[RevocationList, ...]]] = {}

    async def current(self) -> RevocationData:
        """Return what there is; a list that cannot be fetched is missing."""
        async with self._turn:
            found = await asyncio.gather(*map(self._list, self._urls))
        return RevocationData(tuple(each for lists in found for each in lists))

    def retry(self) -> None:
        """Have lists that could not be fetched asked for again at once: a person wants it so."""
        for url in [each for each, (_, lists) in self._known.items() if not lists]:
            del self._known[url]

    def forget(self) -> None:
        """Free the memory that the lists take."""
        self._known.clear()

    async def _list(self, url: str) -> tuple[RevocationList, ...]:
        known = self._known.get(url)
        if known is not None and abs(self._clock() - known[0]) < (KEPT if known[1] else MISSING):
            return known[1]
        try:
            raw = await get_list(url, MAX_CRL, self._seconds)
            lists = await asyncio.to_thread(_parsed, raw)
        except (AuthorityError, CmsError) as error:
            _log.warning("a revocation list is missing", url=url, error=str(error))
            lists = ()
        self._known[url] = self._clock(), lists
        return lists


def _parsed(raw: bytes) -> tuple[RevocationList, ...]:
    return tuple(parse_lists(decode(raw, "X509 CRL")))
