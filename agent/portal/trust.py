"""Whom the portal trusts: the anchors and revocation lists that its operator configured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from agent.pki.anchors import TrustStore
from agent.pki.chain import ChainCertificate, parse_chain_certificate
from agent.pki.crl import RevocationList
from agent.pki.kept_lists import KeptLists
from agent.pki.revocation import CombinedSource, FileSource, RevocationSource
from agent.pki.revocation_http import HttpSource
from agent.portal.operations.lists import lists_fault
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

    async def lists_fault(self) -> str:
        """Return what is wrong with the revocation lists, for the operator, or nothing."""
        return await lists_fault(self.authorities, self.revocation, self.clock)


def load_trust(
    anchors: Sequence[str],
    intermediates: Sequence[str],
    lists: Sequence[str],
    clock: Callable[[], float],
    *,
    kept_in: Path | None = None,
) -> ConfiguredTrust:
    """Load configured files; revocation lists are paths or http(s) URLs.

    Without a list no certificate is accepted. Fetched lists are kept in the folder ``kept_in``, if
    there is one, so that a restart needs nobody's server.

    Raises:
        CmsError: a file is not a certificate, or a URL is not http or https.

    """
    store = TrustStore.load(map(Path, anchors), map(Path, intermediates))
    authorities = tuple(map(parse_chain_certificate, (*store.anchors, *store.intermediates)))
    files = FileSource([Path(item) for item in lists if not _is_url(item)])
    urls = [item for item in lists if _is_url(item)]
    fetched = HttpSource(
        urls,
        partial(_moment, clock),
        kept=KeptLists(kept_in) if kept_in is not None else None,
        is_authentic=partial(_is_authentic, authorities),
    )
    return ConfiguredTrust(store, authorities, CombinedSource((files, fetched)), clock)


def _moment(clock: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(clock(), UTC)


def _is_authentic(authorities: Sequence[ChainCertificate], listed: RevocationList) -> bool:
    return any(listed.is_signed_by(each.certificate) for each in authorities)


def _is_url(source: str) -> bool:
    return urlsplit(source).scheme in {"http", "https"}
