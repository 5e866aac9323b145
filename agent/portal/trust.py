"""Whom the portal trusts: the anchors and revocation lists that its operator configured."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from agent.pki.anchors import TrustStore
from agent.pki.chain import ChainCertificate, parse_chain_certificate
from agent.pki.revocation import CombinedSource, FileSource, RevocationSource
from agent.relying.list_health import ListHealth, list_health
from agent.relying.lists import RevocationLists
from agent.relying.login import LoginVerifier


@dataclass(frozen=True, slots=True)
class ConfiguredTrust:
    """Authorities and lists, ready to judge by.

    Attributes:
        store: whom the portal trusts.
        authorities: all of them, each of which has to have a list.
        revocation: the lists.
        clock: seconds since 1970.

    """

    store: TrustStore
    authorities: tuple[ChainCertificate, ...]
    revocation: RevocationSource
    clock: Callable[[], float]

    def verifier(self, origins: Sequence[str]) -> LoginVerifier:
        """Return what verifies logins to ``origins``.

        Raises:
            ValueError: an origin is none.

        """
        return LoginVerifier(
            origins=origins,
            trust=self.store,
            revocation=self.revocation,
            clock=partial(_moment, self.clock),
        )

    async def list_health(self) -> ListHealth:
        """Look at the revocation lists."""
        return await list_health(self.authorities, self.revocation, _moment(self.clock))


@asynccontextmanager
async def open_trust(
    anchors: Sequence[str],
    intermediates: Sequence[str],
    lists: Sequence[str],
    clock: Callable[[], float],
    kept_in: Path,
) -> AsyncIterator[ConfiguredTrust]:
    """Load configured files, and keep the lists fresh that are fetched.

    Args:
        anchors: paths of certificates.
        intermediates: likewise.
        lists: paths, or http(s) URLs; without a list no certificate is accepted.
        clock: seconds since 1970.
        kept_in: the folder for fetched lists, so that a restart needs nobody's server.

    Raises:
        CmsError: a file is not a certificate.
        ListFolderError: lists are to be fetched, and the folder cannot be written.
        ValueError: a URL is none that can be fetched.

    """
    paths = map(Path, anchors), map(Path, intermediates)
    store = await asyncio.to_thread(TrustStore.load, *paths)
    authorities = tuple(map(parse_chain_certificate, (*store.anchors, *store.intermediates)))
    files = FileSource([Path(item) for item in lists if not _is_url(item)])
    urls = [item for item in lists if _is_url(item)]
    moment = partial(_moment, clock)
    async with AsyncExitStack() as stack:
        sources: list[RevocationSource] = [files]
        if urls:
            fetched = RevocationLists(urls, kept_in, trust=store, clock=moment)
            sources.append(await stack.enter_async_context(fetched))
        yield ConfiguredTrust(store, authorities, CombinedSource(tuple(sources)), clock)


def _moment(clock: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(clock(), UTC)


def _is_url(source: str) -> bool:
    return urlsplit(source).scheme in {"http", "https"}
