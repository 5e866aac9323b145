"""Verify logins by configured anchors and revocation lists."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from agent.cms.errors import CmsError
from agent.cms.login import CONTENT_TYPE
from agent.cms.verify import ContentTypeError, verify
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts, KeyUsage
from agent.pki.chain import ChainCertificate, parse_chain_certificate
from agent.pki.path import validate_path
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus
from agent.pki.revocation import CombinedSource, FileSource, RevocationSource
from agent.portal.errors import PortalCode, PortalError
from agent.portal.verification import MAX_TOKEN, OpenedLogin
from agent.relying.list_health import lists_fault
from agent.relying.lists import RevocationLists
from agent.turns import in_turn

_CODE_OF_STATUS: Final = {
    PathStatus.UNTRUSTED: PortalCode.CERTIFICATE_UNTRUSTED,
    PathStatus.EXPIRED: PortalCode.CERTIFICATE_EXPIRED,
    PathStatus.NOT_YET_VALID: PortalCode.CERTIFICATE_NOT_YET_VALID,
    PathStatus.REVOKED: PortalCode.CERTIFICATE_REVOKED,
    PathStatus.UNKNOWN: PortalCode.REVOCATION_UNKNOWN,
    PathStatus.STALE: PortalCode.REVOCATION_UNKNOWN,
    PathStatus.WRONG_KEY_USAGE: PortalCode.WRONG_KEY_USAGE,
}


class CertificateVerifier:
    """A verifier: CMS by ``agent.cms``, path and revocation by ``agent.pki``.

    Only configured certificates are used to build a path. Those in a message are ignored: many
    certificates that sign each other would cost the portal more than their sender.
    """

    def __init__(
        self,
        store: TrustStore,
        revocation: RevocationSource,
        clock: Callable[[], float],
    ) -> None:
        """Trust ``store``, by ``revocation``, at the time of ``clock`` in seconds since 1970."""
        self._store = store
        self._revocation = revocation
        self._clock = clock
        self._authorities = _authorities(store)

    async def open(self, token: bytes) -> OpenedLogin:
        """Check the signature itself: one signer, attached, of the content type of logins.

        Raises:
            PortalError: ``signature_invalid``, ``wrong_content_type``.

        """
        try:
            return await in_turn(_open, token)
        except ContentTypeError as error:
            raise PortalError(PortalCode.WRONG_CONTENT_TYPE, error.detail) from error
        except CmsError as error:
            raise PortalError(PortalCode.SIGNATURE_INVALID, error.detail) from error

    async def judge(self, certificate: CertificateFacts) -> None:
        """Check key usage, chain, validity and revocation, in this order.

        Raises:
            PortalError: the code says which of them failed first.

        """
        if KeyUsage.DIGITAL_SIGNATURE not in certificate.key_usage:
            raise PortalError(PortalCode.WRONG_KEY_USAGE)
        now = datetime.fromtimestamp(self._clock(), UTC)
        try:
            result = await validate_path(
                certificate, self._store, self._revocation, now, KeyUsage.DIGITAL_SIGNATURE
            )
        except CmsError as error:
            raise PortalError(PortalCode.CERTIFICATE_UNTRUSTED, error.detail) from error
        status = result.status
        if status is PathStatus.VALID:
            return
        is_dated = status in {PathStatus.EXPIRED, PathStatus.NOT_YET_VALID}
        if is_dated and certificate.not_before <= now <= certificate.not_after:
            status = PathStatus.UNTRUSTED  # an authority's date, not the card's
        raise PortalError(_CODE_OF_STATUS[status], f"{result.status}: {result.verdict.detail}")

    async def lists_fault(self) -> str:
        """Return what is wrong with the revocation lists, for the operator, or nothing."""
        return await lists_fault(self._authorities, self._revocation, self._clock)


def _open(token: bytes) -> OpenedLogin:
    message = verify(token, content_types=(CONTENT_TYPE,), max_size=MAX_TOKEN)
    return OpenedLogin(message.content, read_certificate(message.certificate))


@asynccontextmanager
async def open_verifier(
    anchors: Sequence[str],
    intermediates: Sequence[str],
    lists: Sequence[str],
    clock: Callable[[], float],
    kept_in: Path,
) -> AsyncIterator[CertificateVerifier]:
    """Give a verifier of configured files; revocation lists are paths or http(s) URLs.

    Without a list no certificate is accepted. Fetched lists are kept in the folder ``kept_in``, so
    that a restart needs nobody's server.

    Raises:
        CmsError: a file is not a certificate.
        ListFolderError: lists are to be fetched, and the folder cannot be written.
        ValueError: a URL is none that can be fetched.

    """
    store = await asyncio.to_thread(_load_store, anchors, intermediates)
    files = FileSource([Path(item) for item in lists if not _is_url(item)])
    async with RevocationLists(
        [item for item in lists if _is_url(item)],
        kept_in,
        trust=store,
        clock=lambda: datetime.fromtimestamp(clock(), UTC),
    ) as fetched:
        yield CertificateVerifier(store, CombinedSource((files, fetched)), clock)


def _load_store(anchors: Sequence[str], intermediates: Sequence[str]) -> TrustStore:
    # Some modules are heavy and imported on first use: here, where nobody waits.
    importlib.import_module("agent.pki.judge")
    return TrustStore.load(map(Path, anchors), map(Path, intermediates))


def _authorities(store: TrustStore) -> tuple[ChainCertificate, ...]:
    return tuple(map(parse_chain_certificate, (*store.anchors, *store.intermediates)))


def _is_url(source: str) -> bool:
    return urlsplit(source).scheme in {"http", "https"}
