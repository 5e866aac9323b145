"""The tables that every way shares, and the constraints that the database enforces.

Times are whole seconds since 1970 (UTC). What can be checked by looking at one row or one index is
checked here, so that no mistake above can break it: one contact is one account, one ID number is
one gold member, one challenge is consumed once, the audit log is only ever added to. A room's own
tables stand in its ``tables.py``, on the same :data:`METADATA`.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

METADATA: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)
"""Every constraint has a name, by which a later migration finds it."""

NUMBER: Final = Integer().with_variant(BigInteger(), "postgresql")
"""64 bits in both databases; SQLite's strict tables know no BIGINT."""


def table(name: str, *parts: Any) -> Table:
    """Return a table on :data:`METADATA` whose columns take only what their types say."""
    return Table(name, METADATA, *parts, sqlite_strict=True)


def one_of(column: str, *values: str) -> CheckConstraint:
    """Return a constraint that a column has one of these values, or none."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def of_length(column: str, octets: int) -> CheckConstraint:
    """Return a constraint that a column has so many octets or characters, or none."""
    return CheckConstraint(f"length({column}) = {octets}", name=f"{column}_length")


def _together(column: str) -> CheckConstraint:
    return CheckConstraint(
        f"(grade = 'gold') = ({column} IS NOT NULL)", name=f"{column}_of_gold_only"
    )


SETTING: Final = table(
    "setting",
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

MEMBER: Final = table(
    "member",
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("created", NUMBER, nullable=False),
    Column("grade", Text, nullable=False, server_default="ordinary"),
    Column("gold_since", NUMBER),
    Column("gold_way", Text),
    Column("id_number_hash", LargeBinary, unique=True),
    Column("id_number_last4", Text),
    Column("language", Text),  # a tag of ours (BCP 47), once the member has chosen
    Column("closing", NUMBER),  # when the account ends unless the member keeps it
    one_of("grade", "ordinary", "gold"),
    one_of("gold_way", "card", "counter", "telecom", "online"),
    of_length("id_number_hash", 32),
    of_length("id_number_last4", 4),
    *map(_together, ("gold_since", "gold_way", "id_number_hash", "id_number_last4")),
    Index("member_by_closing", "closing"),
)

LOGIN: Final = table(
    "login",
    Column("id", NUMBER, primary_key=True),
    Column("member", Text, ForeignKey("member.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created", NUMBER, nullable=False),
    one_of("kind", "mobile", "email", "card"),
    UniqueConstraint("kind", "key"),
    Index("login_by_member", "member"),
)

STAFF: Final = table(
    "staff",
    Column("id", NUMBER, primary_key=True),
    Column("name", Text, nullable=False),
    Column("card_key", Text, nullable=False, unique=True),  # as of a member's card
    Column("label", Text, nullable=False),
    Column("roles", Text, nullable=False),  # in the order of the alphabet, with commas between
    Column("created", NUMBER, nullable=False),
    Column("removed_at", NUMBER),
)

UPGRADE: Final = table(
    "upgrade",
    Column("id", NUMBER, primary_key=True),
    Column("member", Text, ForeignKey("member.id"), nullable=False),
    Column("way", Text, nullable=False),
    Column("at", NUMBER, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON: which kinds of proof, never their content
    Column("decided_by", NUMBER, ForeignKey("staff.id")),
    Column("taken_back_at", NUMBER),
    Column("taken_back_by", NUMBER, ForeignKey("staff.id")),
    Column("reason", Text),
    one_of("way", "card", "counter", "telecom", "online"),
    CheckConstraint(
        "(taken_back_at IS NULL) = (taken_back_by IS NULL)"
        " AND (taken_back_at IS NULL) = (reason IS NULL)",
        name="taken_back_whole",
    ),
    Index("upgrade_by_member", "member"),
    Index("upgrade_by_decision", "decided_by", "at"),
)

SESSION: Final = table(
    "session",
    Column("id", NUMBER, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("parent", NUMBER, ForeignKey("session.id", ondelete="CASCADE")),
    Column("realm", Text, nullable=False, server_default="member"),
    Column("member", Text, ForeignKey("member.id")),
    Column("staff", NUMBER, ForeignKey("staff.id")),
    Column("created", NUMBER, nullable=False),
    Column("expires", NUMBER, nullable=False),
    Column("certificate", LargeBinary),  # of the card that logged in, DER; of staff only
    of_length("token_hash", 32),
    one_of("realm", "member", "staff"),
    CheckConstraint("member IS NULL OR realm = 'member'", name="members_realm"),
    CheckConstraint("staff IS NULL OR realm = 'staff'", name="staff_realm"),
    Index("session_by_parent", "parent"),
    Index("session_by_expiry", "expires"),
    Index("session_by_member", "member"),
    Index("session_by_staff", "staff"),
)

OTP: Final = table(
    "otp",
    Column("id", NUMBER, primary_key=True),
    Column("session", NUMBER, ForeignKey("session.id", ondelete="SET NULL")),
    Column("contact_hash", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("code_hash", LargeBinary, nullable=False),
    Column("created", NUMBER, nullable=False),
    Column("expires", NUMBER, nullable=False),
    Column("tries_left", NUMBER, nullable=False),
    Column("used_at", NUMBER),
    Column("created_member", NUMBER, nullable=False, server_default="0"),
    CheckConstraint("tries_left >= 0", name="tries_left_counted"),
    Index("otp_by_contact", "contact_hash", "created"),
    Index("otp_by_session", "session"),
)

CHALLENGE: Final = table(
    "challenge",
    Column("id", Text, primary_key=True),
    Column("session", NUMBER, ForeignKey("session.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("sealed", LargeBinary),  # the ID number that was typed, until the signature came
    Column("created", NUMBER, nullable=False),
    Column("expires", NUMBER, nullable=False),
    Column("used_at", NUMBER),
    Column("signature_hash", LargeBinary),
    Column("outcome", Text),
    Column("member", Text, ForeignKey("member.id")),
    one_of("purpose", "upgrade", "login", "staff", "renew", "close"),
    of_length("signature_hash", 32),
    CheckConstraint("(used_at IS NULL) = (signature_hash IS NULL)", name="used_by_a_signature"),
    CheckConstraint("outcome IS NULL OR used_at IS NOT NULL", name="outcome_after_use"),
    Index("challenge_by_session", "session"),
    Index("challenge_by_member", "member"),
)

RATE: Final = table(
    "rate",
    Column("key", LargeBinary, primary_key=True),
    Column("full_at", NUMBER, nullable=False),  # when the bucket is full again, in microseconds
    Index("rate_by_time", "full_at"),
)

NOTICE: Final = table(
    "notice",
    Column("id", NUMBER, primary_key=True),
    Column("member", Text),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("facts", Text, nullable=False),  # JSON
    Column("created", NUMBER, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("attempts", NUMBER, nullable=False, server_default="0"),
    Column("due", NUMBER, nullable=False),  # not before
    Column("leased_until", NUMBER),  # by a process that sends it now
    Column("ended", NUMBER),
    Column("failure", Text),  # of the last attempt; no personal data
    one_of("channel", "email", "mobile"),
    one_of("state", "waiting", "sent", "given_up"),
    Index("notice_by_due", "state", "due"),
    Index("notice_by_member", "member"),
    Index("notice_by_end", "ended"),
)

AUDIT: Final = table(
    "audit",
    Column("id", NUMBER, primary_key=True),
    Column("at", NUMBER, nullable=False),
    Column("event", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("member", Text),
    Column("staff", NUMBER),
    Column("subject", Text),  # a case number, for example
    Column("certificate", LargeBinary),
    Column("claimed_time", Text),
    Column("chain", LargeBinary, nullable=False),
    of_length("certificate", 32),
    of_length("claimed_time", 20),
    of_length("chain", 32),
    Index("audit_by_member", "member"),
    Index("audit_by_staff", "staff"),
)
