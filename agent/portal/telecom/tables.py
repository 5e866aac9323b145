"""The tables of applications by mobile operator."""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    text,
)

from agent.portal.store.tables import NUMBER, of_length, one_of, table

_OPEN: Final = text("ended IS NULL")

TELECOM: Final = table(
    "telecom_application",
    Column("id", NUMBER, primary_key=True),
    Column("member", Text, ForeignKey("member.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("created", NUMBER, nullable=False),
    Column("link_salt", LargeBinary, nullable=False),  # from which the operator's key makes it
    Column("link_hash", LargeBinary, nullable=False, unique=True),  # SHA-256 of the link's token
    Column("phone_hash", LargeBinary, unique=True),  # likewise of the phone's cookie
    Column("connected_at", NUMBER),
    Column("form", LargeBinary),  # sealed
    Column("challenge", LargeBinary),  # for the phone's authenticator, until it has answered
    Column("device_at", NUMBER),  # when the phone's holder was verified
    Column("question", LargeBinary),  # sealed, until the operator's answer comes
    Column("reading_since", NUMBER),
    Column("outcome", Text),  # of the last answer, or of the application once it has ended
    Column("taken_by", Text),  # the masked contact of whose ID number it is already
    Column("ended", NUMBER),
    of_length("link_hash", 32),
    of_length("phone_hash", 32),
    one_of("state", "waiting", "connected", "device", "operator", "reading", "ended"),
    CheckConstraint("(state = 'ended') = (ended IS NOT NULL)", name="ended_state"),
    CheckConstraint("state <> 'ended' OR form IS NULL", name="form_while_open"),
    CheckConstraint("state IN ('waiting', 'ended') OR phone_hash IS NOT NULL", name="by_phone"),
    Index(
        "telecom_application_open",
        "member",
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    Index("telecom_application_by_member", "member", "id"),
    Index("telecom_application_by_age", "created"),
)

TELECOM_TRY: Final = table(
    "telecom_try",
    Column("id", NUMBER, primary_key=True),
    Column("member", Text, ForeignKey("member.id"), nullable=False),
    Column("number_hash", LargeBinary, nullable=False),  # keyed, of the mobile number
    Column("at", NUMBER, nullable=False),
    of_length("number_hash", 32),
    Index("telecom_try_by_member", "member", "number_hash"),
    Index("telecom_try_by_age", "at"),
)
