"""The counter's tables: what a clerk is doing for whom, and which contacts were changed there."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text

from agent.portal.store.tables import NUMBER, of_length, one_of, table

VISIT: Final[Table] = table(
    "visit",
    Column("id", Text, primary_key=True),  # random, so that nobody guesses another's
    Column("staff", NUMBER, ForeignKey("staff.id"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("contact_kind", Text),
    Column("contact", Text),
    Column("confirmed_at", NUMBER),  # when the applicant had read out the code
    Column("member", Text),  # no reference: an account that is closed takes no visit with it
    Column("upgrade", NUMBER),
    Column("sealed", LargeBinary),  # what the receipt says
    Column("created", NUMBER, nullable=False),
    Column("expires", NUMBER, nullable=False),
    one_of("purpose", "counter", "take_back", "contact"),
    one_of("contact_kind", "mobile", "email"),
    Index("visit_by_expiry", "expires"),
    Index("visit_by_staff", "staff", "created"),
)

CONTACT_CHANGE: Final[Table] = table(
    "contact_change",
    Column("id", NUMBER, primary_key=True),
    Column("member", Text, ForeignKey("member.id"), nullable=False),
    Column("at", NUMBER, nullable=False),
    Column("staff", NUMBER, ForeignKey("staff.id"), nullable=False),
    Column("document", Text, nullable=False),  # that was seen
    Column("document_last4", Text, nullable=False),
    Column("old_contact", Text, nullable=False),  # masked, as the new one
    Column("new_contact", Text, nullable=False),
    of_length("document_last4", 4),
    Index("contact_change_by_member", "member"),
)
