"""Verify a login: the answer of a citizen's card to a challenge of this site.

The checks and their order are the same in every language's verifier, and so are the codes. The
challenge comes from the site's own store, redeemed before anything here; so a login is fresh
because its challenge is, and nobody's clock but the site's own is believed.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from agent.cms.errors import CmsError
from agent.cms.login import CONTENT_TYPE, LoginPurpose, LoginStatement, challenge_text
from agent.cms.verify import ContentTypeError, verify
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts, KeyUsage
from agent.pki.reading import read_certificate
from agent.pki.revocation import RevocationData, RevocationSource
from agent.relying.errors import (
    NOTHING,
    PresentedLogin,
    VerificationCode,
    VerificationError,
)
from agent.relying.holder import MOICA, Holder, Profile
from agent.relying.login_form import require_login_form
from agent.relying.origins import checked_origins
from agent.relying.path import CertificateJudge, utc_now
from agent.turns import in_turn

MAX_TOKEN: Final = 64 * 1024
"""Octets of a token; a statement, one signature and one certificate need less than three."""

Purpose = LoginPurpose


@dataclass(frozen=True, slots=True)
class Login:
    """A login that holds: this person, at this site, in answer to this challenge.

    Attributes:
        holder: whose card it is.
        origin: the one of this site's that it was made for.
        purpose: what it was made for, as the citizen was told.
        time: by the clock of the citizen's computer (RFC 3339 in UTC with whole seconds); a claim,
            perhaps no date of any calendar, for logs only.
        certificate: of the card.

    """

    holder: Holder
    origin: str
    purpose: LoginPurpose
    time: str
    certificate: CertificateFacts

    @property
    def presented(self) -> PresentedLogin:
        """What an audit keeps of it, as of a login that was refused."""
        return PresentedLogin(self.certificate.thumbprint, self.time)


def decode_token(text: str) -> bytes:
    """Return the octets of a token that a page sent in base64 (RFC 4648 §4).

    Raises:
        VerificationError: ``signature_invalid``, the text is not base64.

    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise _invalid("the token is not base64") from error


class LoginVerifier:
    """Verifies logins to one site."""

    def __init__(
        self,
        *,
        origins: Collection[str],
        trust: TrustStore,
        revocation: RevocationSource,
        clock: Callable[[], datetime] = utc_now,
        profile: Profile = MOICA,
    ) -> None:
        """Verify logins to this site.

        Args:
            origins: what browsers call this site.
            trust: whom it trusts.
            revocation: proves that a certificate is not revoked; without proof none is good.
            clock: says the time, timezone-aware.
            profile: which certificates it takes, and whose they are.

        Raises:
            ValueError: with these nobody could log in, or an origin is none; the text says why.

        """
        self._origins = checked_origins(origins)
        self._certificates = CertificateJudge(trust, revocation, clock)
        self._profile = profile

    async def verify(
        self, token: bytes, *, challenge: bytes, purpose: LoginPurpose = Purpose.LOGIN
    ) -> Login:
        """Verify a login.

        Args:
            token: what the agent made, a DER CMS SignedData of at most 64 KiB.
            challenge: what the site's store had for this session, 32 to 64 octets; it must have
                been consumed already.
            purpose: what the challenge was issued for.

        Raises:
            VerificationError: it does not hold; the code says which check failed first.

        """
        data = await self._certificates.current()
        # One turn for everything: each costs a change of threads.
        return await in_turn(self._verify, data, token, challenge, purpose)

    def _verify(
        self, data: RevocationData, token: object, challenge: object, purpose: LoginPurpose
    ) -> Login:
        presented = NOTHING
        try:
            content, certificate, fault = _open(token)
            presented = PresentedLogin(certificate.thumbprint)
            _require_understood(certificate, fault)
            self._certificates.judge_by(data, certificate)
            stated = _read_statement(content)
            presented = replace(presented, claimed_time=stated.time)
            self._check(stated, challenge, purpose)
            holder = self._profile.check(certificate)
        except VerificationError as error:
            error.presented = presented
            raise
        return Login(holder, stated.origin, stated.purpose, stated.time, certificate)

    async def judge(self, certificate: CertificateFacts) -> None:
        """Check a certificate that once logged in: whether it would be good now.

        Raises:
            VerificationError: the code says why it would not.

        """
        await self._certificates.judge(certificate)

    def _check(self, stated: LoginStatement, challenge: object, purpose: LoginPurpose) -> None:
        """Check what a login says; its time is not judged, since citizens' clocks go wrong."""
        if stated.origin not in self._origins:
            detail = f"made for {stated.origin}, expected {' or '.join(self._origins)}"
            raise VerificationError(VerificationCode.ORIGIN_MISMATCH, detail)
        if not isinstance(challenge, bytes):
            detail = "the site's challenge is not of octets"
            raise VerificationError(VerificationCode.CHALLENGE_MISMATCH, detail)
        if not hmac.compare_digest(stated.challenge, challenge_text(challenge)):
            raise VerificationError(VerificationCode.CHALLENGE_MISMATCH)
        if stated.purpose != purpose:
            detail = f"made to {stated.purpose}, expected to {purpose}"
            raise VerificationError(VerificationCode.PURPOSE_MISMATCH, detail)


def _open(token: object) -> tuple[bytes, CertificateFacts, str]:
    """Return what was signed, whose key signed it (not yet trusted), and why they never are."""
    if not isinstance(token, bytes):  # of a request, whose types the site may not have checked
        raise _invalid("the token is not of octets: see decode_token")
    try:
        message = verify(token, content_types=(CONTENT_TYPE,), max_size=MAX_TOKEN)
        fault = require_login_form(token)
        return message.content, read_certificate(message.certificate), fault
    except ContentTypeError as error:
        raise VerificationError(VerificationCode.WRONG_CONTENT_TYPE, error.detail) from error
    except CmsError as error:
        raise _invalid(error.detail) from error


def _require_understood(certificate: CertificateFacts, fault: str) -> None:
    # That a certificate is for something else is said first, as in every language.
    if fault and KeyUsage.DIGITAL_SIGNATURE in certificate.key_usage:
        raise VerificationError(VerificationCode.CERTIFICATE_UNTRUSTED, fault)


def _read_statement(content: bytes) -> LoginStatement:
    try:
        return LoginStatement.parse(content)
    except CmsError as error:
        raise VerificationError(VerificationCode.MALFORMED, error.detail) from error


def _invalid(detail: str) -> VerificationError:
    return VerificationError(VerificationCode.SIGNATURE_INVALID, detail)
