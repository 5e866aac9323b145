"""The verdicts about a certificate's path."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique


@unique
class PathStatus(StrEnum):
    """The status of a path; only VALID is a success."""

    VALID = "valid"
    REVOKED = "revoked"
    UNKNOWN = "unknown"  # nobody could say whether it is revoked
    STALE = "stale"  # only outdated revocation data was at hand
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    UNTRUSTED = "untrusted"  # no path to an anchor that holds
    WRONG_KEY_USAGE = "wrong_key_usage"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status with its details.

    Attributes:
        status: of the path.
        moment: when it was revoked, expired, will be valid, or the data went stale, UTC.
        reason: why it was revoked, as RFC 5280 §5.3.1 names it: ``key_compromise``.
        detail: for the log.

    """

    status: PathStatus
    moment: datetime | None = None
    reason: str | None = None
    detail: str = ""

    @property
    def is_valid(self) -> bool:
        """Whether the certificate may be relied on."""
        return self.status is PathStatus.VALID
