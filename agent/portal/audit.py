"""The audit log: who did what, when and with what result; no personal data."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from agent.portal.transaction import Transaction


@unique
class AuditEvent(StrEnum):
    """The events that are kept."""

    REGISTERED = "registered"
    LOGIN_OTP = "login_otp"
    LOGIN_CARD = "login_card"
    UPGRADE_CARD = "upgrade_card"
    LOGOUT = "logout"


@dataclass(frozen=True, slots=True)
class PresentedLogin:
    """What a card's signature showed, as far as it could be read.

    Attributes:
        certificate: the SHA-256 thumbprint of its certificate, 32 bytes.
        claimed_time: by the clock of the citizen's computer (RFC 3339 in UTC with whole seconds,
            20 characters); the citizen's word, not ours.

    """

    certificate: bytes | None = None
    claimed_time: str | None = None


NOTHING: Final = PresentedLogin()


def record(
    tx: Transaction,
    event: AuditEvent,
    outcome: str,
    *,
    member: str | None,
    presented: PresentedLogin = NOTHING,
) -> None:
    """Add one line, in the same transaction as the event itself.

    Args:
        tx: the transaction, whose clock says when.
        event: what was done or tried.
        outcome: "ok" or a portal code.
        member: whose; None where that is not known.
        presented: of a login with a card.

    """
    tx.execute(
        "INSERT INTO audit (at, event, outcome, member, certificate, claimed_time)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (tx.now, event.value, outcome, member, presented.certificate, presented.claimed_time),
    )
