"""Every refusal of a relying party: one stable code each.

The code goes to the page. The detail, which may hold what was expected, goes to the log only.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class VerificationCode(StrEnum):
    """Every code of a refusal; stable, and the same in every language's verifier."""

    CHALLENGE_UNKNOWN = "challenge_unknown"
    CHALLENGE_EXPIRED = "challenge_expired"
    CHALLENGE_USED = "challenge_used"
    SIGNATURE_INVALID = "signature_invalid"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    WRONG_KEY_USAGE = "wrong_key_usage"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_REVOKED = "certificate_revoked"
    REVOCATION_UNKNOWN = "revocation_unknown"
    MALFORMED = "malformed"
    ORIGIN_MISMATCH = "origin_mismatch"
    CHALLENGE_MISMATCH = "challenge_mismatch"
    PURPOSE_MISMATCH = "purpose_mismatch"
    PROFILE_MISMATCH = "profile_mismatch"


@dataclass(frozen=True, slots=True)
class PresentedLogin:
    """What a login showed of itself, as far as it could be read; for an audit.

    Attributes:
        certificate: the SHA-256 thumbprint of its certificate, 32 bytes; None where no key of a
            certificate was found to have signed it.
        claimed_time: by the clock of the citizen's computer (RFC 3339 in UTC with whole seconds,
            20 characters); the citizen's word, perhaps no date of any calendar, never judged.

    """

    certificate: bytes | None = None
    claimed_time: str | None = None


NOTHING: Final = PresentedLogin()


class RefusedError(Exception):
    """What a page sent is refused.

    Attributes:
        code: why, for the page.
        detail: for the log; may hold what was expected, never personal data.

    """

    def __init__(self, code: VerificationCode, detail: str = "") -> None:
        super().__init__(code.value)
        self.code = code
        self.detail = detail


class ChallengeError(RefusedError):
    """The challenge is not this session's, is too old, or has been used."""


class VerificationError(RefusedError):
    """The token or document does not hold.

    Attributes:
        presented: what had been read of it by then.

    """

    def __init__(
        self, code: VerificationCode, detail: str = "", presented: PresentedLogin = NOTHING
    ) -> None:
        super().__init__(code, detail)
        self.presented = presented
