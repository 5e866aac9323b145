"""The tables of applications online."""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)

from agent.portal.store.tables import NUMBER, one_of, table

_OPEN: Final = text("state IN ('draft', 'sent', 'in_review', 'needs_more')")
_QUEUE: Final = ("state", "sent_at", "id")
_FEW: Final = {
    "answered": text("asked_at IS NOT NULL"),
    "proposed": text("proposed_by IS NOT NULL"),
    "closing": text("kind = 'closing'"),
}
"""Cases of the queue that a reviewer may ask for apart from the many; each has its own index."""

CASE: Final = table(
    "online_case",
    Column("id", NUMBER, primary_key=True),
    Column("number", Text, unique=True),  # the case number; none of a draft
    Column("member", Text, ForeignKey("member.id"), nullable=False),
    Column("kind", Text, nullable=False, server_default="upgrade"),
    Column("state", Text, nullable=False),
    Column("created", NUMBER, nullable=False),
    Column("sent_at", NUMBER),  # the first time, by which it stands in the queue
    Column("form", LargeBinary),  # sealed under the key of the case; none once it has ended
    Column("claimed_by", NUMBER, ForeignKey("staff.id")),
    Column("claimed_until", NUMBER),
    Column("question", Text),  # what the reviewer needs more
    Column("asked_at", NUMBER),  # which is once
    Column("deadline", NUMBER),
    Column("proposed_by", NUMBER, ForeignKey("staff.id")),  # where two people have to agree
    Column("proposal", Text),  # "approve", or the reason of a refusal
    Column("decided_by", NUMBER, ForeignKey("staff.id")),
    Column("reason", Text),
    Column("taken_by", Text),  # the masked contact of whose ID number it is already
    Column("ended", NUMBER),
    one_of("kind", "upgrade", "closing"),
    one_of(
        "state",
        *("draft", "sent", "in_review", "needs_more"),
        *("approved", "refused", "withdrawn", "expired"),
    ),
    CheckConstraint("(state = 'draft') = (sent_at IS NULL) OR ended IS NOT NULL", name="sent"),
    CheckConstraint("(ended IS NULL) = (form IS NOT NULL)", name="form_while_open"),
    CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name="refused_with_reason"),
    Index("online_case_open", "member", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("online_case_queue", *_QUEUE),
    *(
        Index(f"online_case_{name}", *_QUEUE, sqlite_where=few, postgresql_where=few)
        for name, few in _FEW.items()
    ),
    Index("online_case_by_member", "member"),
    Index("online_case_decided", "decided_by", "ended"),  # of one reviewer, today
)

STEP: Final = table(
    "online_step",
    Column("id", NUMBER, primary_key=True),
    Column("case", NUMBER, ForeignKey("online_case.id", ondelete="CASCADE"), nullable=False),
    Column("at", NUMBER, nullable=False),
    Column("state", Text, nullable=False),
    Column("staff", NUMBER, ForeignKey("staff.id")),
    Index("online_step_by_case", "case"),
)

PICTURE: Final = table(
    "online_picture",
    Column("id", NUMBER, primary_key=True),
    Column("case", NUMBER, ForeignKey("online_case.id", ondelete="CASCADE"), nullable=False),
    Column("side", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    one_of("side", "front", "back"),
    UniqueConstraint("case", "side"),
)

CASE_KEY: Final = table(
    "online_case_key",
    Column("case", NUMBER, ForeignKey("online_case.id", ondelete="CASCADE"), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)
