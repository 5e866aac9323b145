"""The counter's table: what a clerk is doing for whom, for a short time."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text

from agent.portal.store.tables import NUMBER, one_of, table

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
    one_of("purpose", "counter", "take_back"),
    one_of("contact_kind", "mobile", "email"),
    Index("visit_by_expiry", "expires"),
    Index("visit_by_staff", "staff", "created"),
)
