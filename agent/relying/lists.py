"""Revocation lists that keep themselves fresh.

They are fetched from addresses that an administrator configured, never from those in a certificate
or message, whose sender could make this machine call any server. What no configured authority
signed replaces nothing. Processes that share a folder make one download, and a restart asks
nobody. A list that cannot be renewed serves until the day of its next one; after that, and without
one, no certificate is good (``revocation_unknown``).
"""

import asyncio
import hashlib
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from agent.cms.errors import CmsError
from agent.pki.anchors import TrustStore
from agent.pki.chain import parse_chain_certificate
from agent.pki.crl import RevocationList
from agent.pki.revocation import RevocationData
from agent.relying.list_fetch import TIMEOUT, Fetch, FetchedList, ListFetchError, ListVersion
from agent.relying.list_folder import KeptList, Look, is_version_text, open_folder
from agent.relying.list_schedule import (
    EARLIEST,
    LATEST,
    Kind,
    SignedList,
    is_due,
    signed_list,
    why_not,
)
from agent.relying.path import utc_now
from agent.relying.urls import require_http
from agent.turns import in_turn

LOOK_ROUND: Final = 30.0
"""Seconds between two looks at folder and clock: a clock may be put right, a computer may sleep."""
_MOST_KINDS: Final = 8  # at one address
_LOG: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Address:
    """What one process knows about one address."""

    url: str
    kept: KeptList
    part: float
    lists: dict[Kind, SignedList] = field(default_factory=dict)
    newest: SignedList | None = None
    """The one that came last; the folder holds this one alone."""
    is_kept: bool = False
    """Whether the folder does hold it."""
    look: Look = field(default_factory=Look)
    stamp: tuple[int, ...] = ()
    is_looked_up: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, found: SignedList, now: datetime) -> None:
        """Put a list in the place of the one of its kind; others stay while they are worth it.

        So nobody on the line can push out the list of the citizens' authority by another one's.
        """
        fresh = [each for each in self.lists.values() if each.listed.next_update >= now]
        fresh.sort(key=lambda each: each.listed.this_update)
        self.lists = {each.kind: each for each in (*fresh[-_MOST_KINDS:], found)}
        self.newest = found

    def is_fresh(self, now: datetime) -> bool:
        """Return whether there is a list, and none that is out of date."""
        return bool(self.lists) and all(x.listed.is_fresh(now) for x in self.lists.values())


class RevocationLists:
    """A source of lists (:class:`agent.pki.revocation.RevocationSource`): ``async with`` it.

    Inside, a task for each address renews its list by itself.
    """

    def __init__(
        self,
        urls: Sequence[str],
        folder: Path,
        *,
        trust: TrustStore,
        http: Fetch | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Name the addresses; nothing is fetched or written yet.

        Args:
            urls: http or https, one list each.
            folder: of this site alone, on a local disk; it is made where there is none.
            trust: whose lists are taken: anchors and intermediates.
            http: fetches one address; aiohttp by default.
            clock: the current time, timezone-aware.

        Raises:
            ValueError: there is no address, or one is not http or https.
            CmsError: a certificate in ``trust`` cannot be read.

        """
        if not urls:
            raise ValueError("no address of a revocation list: no certificate would be good")
        for url in urls:
            require_http(url)
        self._folder = folder
        self._authorities = tuple(
            map(parse_chain_certificate, (*trust.anchors, *trust.intermediates))
        )
        self._fetch = http
        self._clock = clock
        self._addresses = tuple(
            _Address(url, KeptList(folder, url), random.uniform(EARLIEST, LATEST))  # noqa: S311
            for url in dict.fromkeys(urls)
        )
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._is_open = False
        self._opened_at = 0.0

    async def __aenter__(self) -> Self:
        """Take the lists of an earlier run, and begin to renew them.

        Raises:
            ListFolderError: the folder cannot be written.
            ModuleNotFoundError: aiohttp is not installed, and there is no other fetcher.

        """
        self._opened_at = self._clock().timestamp()
        await asyncio.to_thread(open_folder, self._folder)
        if self._fetch is None:
            self._fetch = await asyncio.to_thread(_http_fetcher)
        for address in self._addresses:
            await in_turn(self._adopt, address)
        self._is_open = True
        self._tasks = tuple(asyncio.create_task(self._keep(each)) for each in self._addresses)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the renewing; the lists stay in the folder."""
        self._is_open = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = ()

    async def current(self) -> RevocationData:
        """Return the list of each address, be it out of date; nothing where there is none.

        Only where there is no fresh one its first look is waited for, up to 20 s.

        Raises:
            RuntimeError: it is not inside its ``async with``, so that no list would ever come.

        """
        if not self._is_open:
            raise RuntimeError("revocation lists are used outside their `async with`")
        now = self._clock()
        waits = [each.is_looked_up.wait() for each in self._addresses if not each.is_fresh(now)]
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*waits), TIMEOUT)
        found = (each for address in self._addresses for each in address.lists.values())
        return RevocationData(tuple(each.listed for each in found))

    async def _keep(self, address: _Address) -> None:
        while True:
            try:
                await self._look_at(address)
            except Exception as error:  # noqa: BLE001  # it would be the last look of all
                if _is_of_an_ending_process(error):
                    return
                _LOG.exception("looking for a revocation list failed")
            address.is_looked_up.set()
            await asyncio.sleep(LOOK_ROUND)

    async def _look_at(self, address: _Address) -> None:
        """Take over what another process has found; ask the server if it is time."""
        await in_turn(self._adopt, address)
        if self._is_due(address):
            async with address.kept.locked():
                await in_turn(self._adopt, address)  # of whoever held the lock before
                if self._is_due(address):
                    await self._renew(address)

    def _is_due(self, address: _Address) -> bool:
        look, lists, now = address.look, address.lists.values(), self._clock()
        if look.at < self._opened_at and not address.is_fresh(now):
            return True  # whoever starts a site again wants to know whether it works now
        return is_due(lists, look.at, look.failures, address.part, now)

    def _adopt(self, address: _Address) -> None:
        stamp = address.kept.stamp()
        if stamp == address.stamp:
            return
        address.stamp = stamp
        raw, look = address.kept.load()
        found = self._readable(raw)
        digest = "" if found is None else _sha256(found.listed.der)
        # A note about another list says nothing about this one: somebody changed or removed it.
        address.look = look if look.sha256 == digest else Look()
        if found is not None and not _are_same(found, address.newest):
            now = self._clock()
            if not why_not(found, address.lists.get(found.kind), now):
                address.take(found, now)
        address.is_kept = _are_same(found, address.newest)

    def _readable(self, raw: bytes | None) -> SignedList | None:
        """Return a list; None for one that is damaged, or whose authority is known no more."""
        if raw is not None:
            with suppress(CmsError, ValueError):
                return self._read(raw)
        return None

    def _read(self, raw: bytes) -> SignedList:
        return signed_list(RevocationList.from_der(raw), self._authorities)

    async def _renew(self, address: _Address) -> None:
        before, version = address.newest, address.look.version
        try:
            found, version = await self._ask(address)
        except (CmsError, ListFetchError, ValueError) as error:
            _LOG.warning("revocation list of %s: %s", address.url, error)
        else:
            if found is not before:
                address.take(found, self._clock())
                address.is_kept = False
        failures = 0 if address.is_fresh(self._clock()) else address.look.failures + 1
        newest = address.newest
        digest = "" if newest is None else await in_turn(_sha256, newest.listed.der)
        address.look = Look(self._clock().timestamp(), failures, version, digest)
        await asyncio.to_thread(self._save, address)

    def _save(self, address: _Address) -> None:
        newest = None if address.is_kept or address.newest is None else address.newest.listed.der
        try:
            address.kept.save(newest, address.look)
        except OSError as error:  # it serves this process; the next one fetches it anew
            _LOG.warning("a revocation list cannot be kept: %s", error)
        else:
            address.is_kept = True
            address.stamp = address.kept.stamp()

    async def _ask(self, address: _Address) -> tuple[SignedList, ListVersion]:
        """Return the list that now counts, which may be the one that was there.

        Raises:
            ListFetchError: there is no answer, or a list that may not take the old one's place.
            CmsError: the answer is no list.
            ValueError: no configured authority signed it.

        """
        old = address.newest
        known = await in_turn(_known_version, address, self._clock())
        fetched = await self._fetched(address.url, known)
        if fetched.body is None:
            if old is None or not known:
                raise ListFetchError("not modified, says a server that nobody asked that")
            return old, known
        version = fetched.version
        if not (is_version_text(version.etag) and is_version_text(version.last_modified)):
            version = ListVersion()
        if old is not None and fetched.body == old.listed.der:
            return old, version
        found = await in_turn(self._read, fetched.body)
        if refusal := why_not(found, address.lists.get(found.kind), self._clock()):
            raise ListFetchError(refusal)
        return found, version

    async def _fetched(self, url: str, known: ListVersion) -> FetchedList:
        if self._fetch is None:
            raise RuntimeError("not open")
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._fetch(url, known)
        except ListFetchError:
            raise
        except TimeoutError as error:
            raise ListFetchError(f"took longer than {TIMEOUT:g} s") from error
        except Exception as error:  # whatever a site's own fetcher raises
            if _is_of_an_ending_process(error):
                raise
            raise ListFetchError(f"not fetched: {type(error).__name__}") from error


def _http_fetcher() -> Fetch:
    from agent.relying.list_http import fetch_list  # noqa: PLC0415  # needs aiohttp, and is slow

    return fetch_list


def _is_of_an_ending_process(error: Exception) -> bool:
    """Return whether no thread begins any more, as while an interpreter ends: nobody's fault."""
    return isinstance(error, RuntimeError) and "after" in str(error) and "shutdown" in str(error)


def _are_same(one: SignedList | None, other: SignedList | None) -> bool:
    return one is not None and other is not None and one.listed.der == other.listed.der


def _known_version(address: _Address, now: datetime) -> ListVersion:
    """Return the version of the list that is there; none where it must come in any case."""
    if address.newest is None or not address.newest.listed.is_fresh(now):
        return ListVersion()
    is_its = address.look.sha256 == _sha256(address.newest.listed.der)
    return address.look.version if is_its else ListVersion()


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
