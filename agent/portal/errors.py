"""Every refusal of the portal: its code and its HTTP status.

What it says to a person stands in the catalogue, as ``portal.refusals`` and the code. That a
code is called as one of the agent's does not make the sentence the same: here the site speaks of
what it found itself, such as in ``rate_limited`` or ``certificate_expired``, and of its next step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final


@unique
class PortalCode(StrEnum):
    """Every code that the portal answers with; stable, part of its API."""

    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    RATE_LIMITED = "rate_limited"
    NOT_LOGGED_IN = "not_logged_in"
    CONTACT_INVALID = "contact_invalid"
    OTP_INCORRECT = "otp_incorrect"
    OTP_EXPIRED = "otp_expired"
    TOO_MANY_ATTEMPTS = "too_many_tries"
    ID_NUMBER_INVALID = "id_number_invalid"
    BIRTH_DATE_INVALID = "birth_date_invalid"
    TOO_YOUNG = "too_young"
    CHALLENGE_UNKNOWN = "challenge_unknown"
    CHALLENGE_EXPIRED = "challenge_expired"
    CHALLENGE_USED = "challenge_used"
    SIGNATURE_INVALID = "signature_invalid"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    MALFORMED = "malformed"
    ORIGIN_MISMATCH = "origin_mismatch"
    CHALLENGE_MISMATCH = "challenge_mismatch"
    PURPOSE_MISMATCH = "purpose_mismatch"
    PROFILE_MISMATCH = "profile_mismatch"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_NOT_ACTIVATED = "certificate_not_activated"
    REVOCATION_UNKNOWN = "revocation_unknown"
    WRONG_KEY_USAGE = "wrong_key_usage"
    ID_NUMBER_MISMATCH = "id_number_mismatch"
    IDENTITY_NOT_CONFIRMED = "identity_not_confirmed"
    IDENTITY_SERVICE_UNAVAILABLE = "identity_service_unavailable"
    ALREADY_GOLD = "already_gold"
    ID_NUMBER_TAKEN = "id_number_taken"
    CARD_NOT_REGISTERED = "card_not_registered"
    CASE_UNKNOWN = "case_unknown"
    CASE_CHANGED = "case_changed"
    CASE_INCOMPLETE = "case_incomplete"
    CASE_OPEN = "case_open"
    CASE_CLAIMED = "case_claimed"
    CLAIM_ENDED = "claim_ended"
    ASKED_BEFORE = "asked_before"
    SECOND_REVIEWER = "second_reviewer"
    PICTURE_EMPTY = "picture_empty"
    PICTURE_TOO_LARGE = "picture_too_large"
    PICTURE_TOO_MANY_PIXELS = "picture_too_many_pixels"
    PICTURE_KIND_UNKNOWN = "picture_kind_unknown"
    PICTURE_DAMAGED = "picture_damaged"
    PICTURE_ANIMATED = "picture_animated"
    PICTURE_TOO_MANY_PAGES = "picture_too_many_pages"
    PICTURE_ENCRYPTED = "picture_encrypted"
    PICTURE_TOO_COMPLEX = "picture_too_complex"
    PICTURE_TOO_SLOW = "picture_too_slow"
    PICTURE_BUSY = "picture_busy"
    LINK_OVER = "link_over"
    DEVICE_NOT_PROVEN = "device_not_proven"
    CARD_NOT_YOURS = "card_not_yours"
    CARD_PROOF_NEEDED = "card_proof_needed"
    NOT_GOLD = "not_gold"
    CONTACT_YOURS = "contact_yours"
    CONTACT_TAKEN = "contact_taken"
    CONTACT_NEEDED = "contact_needed"
    ACCOUNT_CLOSING = "account_closing"
    NOT_STAFF = "not_staff"
    ROLE_MISSING = "role_missing"
    OWN_ACCOUNT = "own_account"
    NO_SUCH_MEMBER = "no_such_member"
    MEMBER_NOT_PROVEN = "member_not_proven"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class PortalRefusal:
    """What goes with a code.

    Attributes:
        status: the HTTP status (RFC 9110 §15).
        is_retriable: whether the same person may try the same thing again and succeed.

    """

    status: int
    is_retriable: bool


class PortalError(Exception):
    """The portal refuses.

    Attributes:
        code: why.
        detail: for the log; never holds personal data.
        contact: masked, of the account that has what was proven; None where there is none to name.

    """

    def __init__(self, code: PortalCode, detail: str = "", contact: str | None = None) -> None:
        super().__init__(code.value)
        self.code = code
        self.detail = detail
        self.contact = contact


OPERATORS: Final = frozenset({PortalCode.ORIGIN_MISMATCH, PortalCode.REVOCATION_UNKNOWN})
"""Refusals that may be the operator's fault: a wrong ``origins``, revocation lists that are old."""

REFUSALS: Final[Mapping[PortalCode, PortalRefusal]] = MappingProxyType(
    {
        PortalCode.BAD_REQUEST: PortalRefusal(400, is_retriable=False),
        PortalCode.NOT_FOUND: PortalRefusal(404, is_retriable=False),
        PortalCode.ORIGIN_NOT_ALLOWED: PortalRefusal(403, is_retriable=False),
        PortalCode.RATE_LIMITED: PortalRefusal(429, is_retriable=True),
        PortalCode.NOT_LOGGED_IN: PortalRefusal(401, is_retriable=False),
        PortalCode.CONTACT_INVALID: PortalRefusal(400, is_retriable=True),
        PortalCode.OTP_INCORRECT: PortalRefusal(403, is_retriable=True),
        PortalCode.OTP_EXPIRED: PortalRefusal(410, is_retriable=True),
        PortalCode.TOO_MANY_ATTEMPTS: PortalRefusal(429, is_retriable=True),
        PortalCode.ID_NUMBER_INVALID: PortalRefusal(422, is_retriable=True),
        PortalCode.BIRTH_DATE_INVALID: PortalRefusal(422, is_retriable=True),
        PortalCode.TOO_YOUNG: PortalRefusal(403, is_retriable=False),
        # A login that is refused is a bad request, whatever is wrong with it.
        PortalCode.CHALLENGE_UNKNOWN: PortalRefusal(400, is_retriable=True),
        PortalCode.CHALLENGE_EXPIRED: PortalRefusal(400, is_retriable=True),
        PortalCode.CHALLENGE_USED: PortalRefusal(400, is_retriable=True),
        PortalCode.SIGNATURE_INVALID: PortalRefusal(400, is_retriable=True),
        PortalCode.WRONG_CONTENT_TYPE: PortalRefusal(400, is_retriable=False),
        PortalCode.MALFORMED: PortalRefusal(400, is_retriable=False),
        PortalCode.ORIGIN_MISMATCH: PortalRefusal(400, is_retriable=False),
        PortalCode.CHALLENGE_MISMATCH: PortalRefusal(400, is_retriable=True),
        PortalCode.PURPOSE_MISMATCH: PortalRefusal(400, is_retriable=True),
        PortalCode.PROFILE_MISMATCH: PortalRefusal(400, is_retriable=False),
        PortalCode.WRONG_KEY_USAGE: PortalRefusal(400, is_retriable=False),
        PortalCode.CERTIFICATE_UNTRUSTED: PortalRefusal(400, is_retriable=False),
        PortalCode.CERTIFICATE_EXPIRED: PortalRefusal(400, is_retriable=False),
        PortalCode.CERTIFICATE_NOT_YET_VALID: PortalRefusal(400, is_retriable=False),
        PortalCode.CERTIFICATE_REVOKED: PortalRefusal(400, is_retriable=False),
        PortalCode.REVOCATION_UNKNOWN: PortalRefusal(400, is_retriable=True),
        PortalCode.CERTIFICATE_NOT_ACTIVATED: PortalRefusal(403, is_retriable=False),
        PortalCode.ID_NUMBER_MISMATCH: PortalRefusal(403, is_retriable=True),
        PortalCode.IDENTITY_NOT_CONFIRMED: PortalRefusal(403, is_retriable=False),
        PortalCode.IDENTITY_SERVICE_UNAVAILABLE: PortalRefusal(503, is_retriable=True),
        PortalCode.ALREADY_GOLD: PortalRefusal(409, is_retriable=False),
        PortalCode.ID_NUMBER_TAKEN: PortalRefusal(409, is_retriable=False),
        PortalCode.CARD_NOT_REGISTERED: PortalRefusal(403, is_retriable=False),
        PortalCode.CASE_UNKNOWN: PortalRefusal(404, is_retriable=False),
        PortalCode.CASE_CHANGED: PortalRefusal(409, is_retriable=False),
        PortalCode.CASE_INCOMPLETE: PortalRefusal(422, is_retriable=True),
        PortalCode.CASE_OPEN: PortalRefusal(409, is_retriable=True),
        PortalCode.CASE_CLAIMED: PortalRefusal(409, is_retriable=False),
        PortalCode.CLAIM_ENDED: PortalRefusal(409, is_retriable=False),
        PortalCode.ASKED_BEFORE: PortalRefusal(409, is_retriable=False),
        PortalCode.SECOND_REVIEWER: PortalRefusal(409, is_retriable=False),
        PortalCode.PICTURE_EMPTY: PortalRefusal(422, is_retriable=True),
        PortalCode.PICTURE_TOO_LARGE: PortalRefusal(413, is_retriable=True),
        PortalCode.PICTURE_TOO_MANY_PIXELS: PortalRefusal(422, is_retriable=True),
        PortalCode.PICTURE_KIND_UNKNOWN: PortalRefusal(415, is_retriable=True),
        PortalCode.PICTURE_DAMAGED: PortalRefusal(422, is_retriable=True),
        PortalCode.PICTURE_ANIMATED: PortalRefusal(422, is_retriable=True),
        PortalCode.PICTURE_TOO_MANY_PAGES: PortalRefusal(422, is_retriable=True),
        PortalCode.PICTURE_ENCRYPTED: PortalRefusal(422, is_retriable=True),
        PortalCode.PICTURE_TOO_COMPLEX: PortalRefusal(422, is_retriable=True),
        PortalCode.PICTURE_TOO_SLOW: PortalRefusal(400, is_retriable=True),
        PortalCode.PICTURE_BUSY: PortalRefusal(503, is_retriable=True),
        PortalCode.LINK_OVER: PortalRefusal(410, is_retriable=False),
        PortalCode.DEVICE_NOT_PROVEN: PortalRefusal(403, is_retriable=True),
        PortalCode.CARD_NOT_YOURS: PortalRefusal(403, is_retriable=True),
        PortalCode.CARD_PROOF_NEEDED: PortalRefusal(403, is_retriable=False),
        PortalCode.NOT_GOLD: PortalRefusal(403, is_retriable=False),
        PortalCode.CONTACT_YOURS: PortalRefusal(409, is_retriable=True),
        PortalCode.CONTACT_TAKEN: PortalRefusal(409, is_retriable=True),
        PortalCode.CONTACT_NEEDED: PortalRefusal(409, is_retriable=False),
        PortalCode.ACCOUNT_CLOSING: PortalRefusal(409, is_retriable=False),
        PortalCode.NOT_STAFF: PortalRefusal(403, is_retriable=False),
        PortalCode.ROLE_MISSING: PortalRefusal(403, is_retriable=False),
        PortalCode.OWN_ACCOUNT: PortalRefusal(403, is_retriable=False),
        PortalCode.NO_SUCH_MEMBER: PortalRefusal(404, is_retriable=True),
        PortalCode.MEMBER_NOT_PROVEN: PortalRefusal(403, is_retriable=True),
        PortalCode.UNAVAILABLE: PortalRefusal(503, is_retriable=True),
        PortalCode.INTERNAL: PortalRefusal(500, is_retriable=True),
    }
)
