"""Verify a document that a citizen's card has signed, which is no login."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError
from agent.cms.signed import DATA
from agent.cms.verify import ContentTypeError, VerifiedMessage, verify
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts
from agent.pki.reading import read_certificate
from agent.pki.revocation import RevocationSource
from agent.relying.errors import PresentedLogin, VerificationCode, VerificationError
from agent.relying.holder import MOICA, Holder, Profile
from agent.relying.path import CertificateJudge, utc_now
from agent.turns import in_turn


@dataclass(frozen=True, slots=True, repr=False)
class SignedDocument:
    """A document whose signature holds.

    Attributes:
        holder: who signed it.
        content: what was signed.
        hash: the digest algorithm.
        signing_time: by the clock of the citizen's computer, UTC; a claim. None where it has none.
        certificate: of the card.

    """

    holder: Holder
    content: bytes
    hash: HashAlgorithm
    signing_time: datetime | None
    certificate: CertificateFacts


class DocumentVerifier:
    """Verifies documents by whether the signer's certificate is good now."""

    def __init__(
        self,
        *,
        trust: TrustStore,
        revocation: RevocationSource,
        clock: Callable[[], datetime] = utc_now,
        profile: Profile = MOICA,
    ) -> None:
        """Verify documents.

        Args:
            trust: whom the site trusts.
            revocation: proves that a certificate is not revoked; without proof none is good.
            clock: says the time, timezone-aware.
            profile: which certificates it takes, and whose they are.

        Raises:
            ValueError: with these nobody's signature would hold; the text says why.

        """
        self._certificates = CertificateJudge(trust, revocation, clock)
        self._profile = profile

    async def verify(
        self, cms: bytes, *, content: bytes | None = None, allow_sha1: bool = False
    ) -> SignedDocument:
        """Verify a document.

        Args:
            cms: a DER CMS SignedData of at most 64 MiB.
            content: what was signed, where the message does not hold it.
            allow_sha1: whether SHA-1 passes as a digest algorithm.

        Raises:
            VerificationError: it does not hold; the code says which check failed first.

        """
        message, certificate = await in_turn(_open, cms, content, allow_sha1=allow_sha1)
        try:
            await self._certificates.judge(certificate)
            holder = self._profile.check(certificate)
        except VerificationError as error:
            error.presented = PresentedLogin(certificate.thumbprint)
            raise
        return SignedDocument(
            holder, message.content, message.hash, message.signing_time, certificate
        )


def _open(
    cms: object, content: object, *, allow_sha1: bool
) -> tuple[VerifiedMessage, CertificateFacts]:
    """Return what was signed, and whose key signed it: not yet trusted."""
    if not isinstance(cms, bytes) or not isinstance(content, bytes | None):
        raise VerificationError(VerificationCode.SIGNATURE_INVALID, "not of octets")
    try:
        message = verify(cms, content=content, content_types=(DATA,), allow_sha1=allow_sha1)
        return message, read_certificate(message.certificate)
    except ContentTypeError as error:
        raise VerificationError(VerificationCode.WRONG_CONTENT_TYPE, error.detail) from error
    except CmsError as error:
        raise VerificationError(VerificationCode.SIGNATURE_INVALID, error.detail) from error
