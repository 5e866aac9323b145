"""The audit log: who did what, when and with what result; no personal data."""

from enum import StrEnum, unique

from agent.portal.transaction import Transaction


@unique
class AuditEvent(StrEnum):
    """The events that are kept."""

    REGISTERED = "registered"
    LOGIN_OTP = "login_otp"
    LOGIN_CARD = "login_card"
    UPGRADE_CARD = "upgrade_card"
    LOGOUT = "logout"


def record(
    tx: Transaction,
    event: AuditEvent,
    outcome: str,
    *,
    member: str | None,
    certificate: bytes | None = None,
) -> None:
    """Add one line, in the same transaction as the event itself.

    ``outcome`` is "ok" or a portal code; ``certificate`` is the SHA-256 thumbprint (32 bytes) of
    the certificate that was presented, where one could be read.
    """
    tx.execute(
        "INSERT INTO audit (at, event, outcome, member, certificate) VALUES (?, ?, ?, ?, ?)",
        (tx.now, event.value, outcome, member, certificate),
    )
