"""Judge the certificate that a login or a document was signed with."""

import importlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from agent.cms.errors import CmsError
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts, KeyUsage
from agent.pki.path import ChainJudge, PathResult, by_certvalidator, validate_path
from agent.pki.result import PathStatus
from agent.pki.revocation import RevocationSource
from agent.pki.webpki_judge import judge as by_webpki
from agent.pki.webpki_judge import misfit
from agent.relying.errors import VerificationCode, VerificationError

_LOG: Final = logging.getLogger(__name__)
_CODES: Final = {
    PathStatus.UNTRUSTED: VerificationCode.CERTIFICATE_UNTRUSTED,
    PathStatus.EXPIRED: VerificationCode.CERTIFICATE_EXPIRED,
    PathStatus.NOT_YET_VALID: VerificationCode.CERTIFICATE_NOT_YET_VALID,
    PathStatus.REVOKED: VerificationCode.CERTIFICATE_REVOKED,
    PathStatus.UNKNOWN: VerificationCode.REVOCATION_UNKNOWN,
    PathStatus.STALE: VerificationCode.REVOCATION_UNKNOWN,
    PathStatus.WRONG_KEY_USAGE: VerificationCode.WRONG_KEY_USAGE,
}


def utc_now() -> datetime:
    """Return the time of this computer's clock, in UTC."""
    return datetime.now(UTC)


class CertificateJudge:
    """Says of a certificate whether it is good now.

    Only configured certificates are used to build a path. Those in a message are ignored: many
    certificates that sign each other would cost the site more than their sender.
    """

    def __init__(
        self, trust: TrustStore, revocation: RevocationSource, clock: Callable[[], datetime]
    ) -> None:
        """Judge by the authorities of ``trust`` and the lists of ``revocation``.

        Args:
            trust: whom the site trusts.
            revocation: proves that a certificate is not revoked; without proof none is good.
            clock: says the time, timezone-aware.

        Raises:
            ValueError: no authority is trusted, one of them is malformed, or the clock says no
                time zone.

        """
        if not trust.anchors:
            raise ValueError("no trusted authority: every certificate would be refused")
        if clock().tzinfo is None:
            raise ValueError("the clock has to say a time zone, such as UTC")
        self._trust = trust
        self._revocation = revocation
        self._clock = clock
        self._judge = choose_judge(trust)

    async def judge(self, certificate: CertificateFacts) -> None:
        """Check key usage, path, dates and revocation, in this order.

        Raises:
            VerificationError: the code says which of them failed first.

        """
        if KeyUsage.DIGITAL_SIGNATURE not in certificate.key_usage:
            raise VerificationError(VerificationCode.WRONG_KEY_USAGE)
        now = self._clock()
        try:
            result = await validate_path(
                certificate, self._trust, self._revocation, now, judge=self._judge
            )
        except CmsError as error:
            code = VerificationCode.CERTIFICATE_UNTRUSTED
            raise VerificationError(code, error.detail) from error
        if not result.verdict.is_valid:
            raise _refusal(result, certificate, now)


def choose_judge(trust: TrustStore) -> ChainJudge:
    """Return what validates the chains to these authorities, and log what it is.

    cryptography's verifier is fast and holds authorities to the rules of the web, which the card's
    may not keep; then it is pyhanko-certvalidator. Both judge alike. What a message holds never
    changes the choice.

    Raises:
        ValueError: an anchor is malformed.

    """
    try:
        why = misfit(trust)
    except CmsError as error:
        raise ValueError(f"a trusted authority cannot be used: {error.detail}") from error
    if why:
        _LOG.warning("paths are judged by certvalidator, which is slower: %s", why)
        importlib.import_module("agent.pki.judge")  # heavy; now, while nobody waits
        return by_certvalidator
    _LOG.info("paths are judged by cryptography")
    return by_webpki


def _refusal(result: PathResult, certificate: CertificateFacts, now: datetime) -> VerificationError:
    status = result.status
    is_dated = status in {PathStatus.EXPIRED, PathStatus.NOT_YET_VALID}
    if is_dated and certificate.not_before <= now <= certificate.not_after:
        status = PathStatus.UNTRUSTED  # an authority's date, not the card's
    return VerificationError(_CODES[status], f"{result.status}: {result.verdict.detail}")
