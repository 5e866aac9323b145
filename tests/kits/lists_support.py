"""What the tests of revocation lists share: trust, a clock that is set, an authority's server."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from agent.pki.anchors import TrustStore
from agent.pki.path import validate_path
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus
from agent.pki.revocation import StaticSource
from agent.relying.list_fetch import Fetch, FetchedList, ListVersion
from agent.relying.lists import RevocationLists
from tests.signing import pki_support as pki

URL = "http://lists.test.invalid/ca.crl"
HOUR = timedelta(hours=1)
Answer = bytes | Exception | FetchedList


@cache
def trust() -> TrustStore:
    return TrustStore(
        (read_certificate(pki.root().der),),
        (read_certificate(pki.issuing().der), read_certificate(pki.issuing_other().der)),
    )


def crl(begins: timedelta = -HOUR, ends: timedelta = HOUR, number: int | None = 1) -> bytes:
    """Return a list of the issuing authority whose dates are so far from now."""
    begin, end = pki.NOW + begins, pki.NOW + ends
    return pki.issuing().crl(this_update=begin, next_update=end, number=number)


@dataclass
class FakeServer:
    """A fetcher that gives one answer after the other, and the last one for ever."""

    answers: list[Answer]
    asked: list[ListVersion] = field(default_factory=list)
    is_asked_again: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, url: str, known: ListVersion) -> FetchedList:
        assert url == URL
        self.asked.append(known)
        if len(self.asked) > 1:
            self.is_asked_again.set()
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return FetchedList(answer) if isinstance(answer, bytes) else answer


@dataclass
class SetClock:
    """A clock that goes only when it is told to."""

    now: datetime = pki.NOW

    def __call__(self) -> datetime:
        return self.now


def make(
    folder: Path,
    fetch: Fetch | None,
    clock: Callable[[], datetime] = lambda: pki.NOW,
    urls: tuple[str, ...] = (URL,),
) -> RevocationLists:
    return RevocationLists(urls, folder, trust=trust(), http=fetch, clock=clock)


async def look(lists: RevocationLists) -> list[bytes]:
    """Look once more, as every half minute, and return what there is."""
    for address in lists._addresses:
        await address.is_looked_up.wait()
        await lists._look_at(address)
    return await ders(lists)


async def ders(lists: RevocationLists) -> list[bytes]:
    return [each.der for each in (await lists.current()).crls]


async def verdict(lists: RevocationLists, at: datetime) -> PathStatus:
    """Return what a citizen's certificate is by these lists, the root's being there."""
    data = await lists.current() + StaticSource.of([pki.root().crl(next_update=at + HOUR)]).data
    leaf = read_certificate(pki.citizen())
    return (await validate_path(leaf, trust(), StaticSource(data), at)).status


def only(folder: Path, kind: str) -> Path:
    """Return the one file of a kind."""
    (found,) = folder.glob(f"*.{kind}")
    return found
