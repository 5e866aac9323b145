"""The certificate of a member of staff who is logged in, which may be revoked meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version.

    Sessions that began without it could not be judged: they end, and their owners log in again.
    """
    op.add_column("session", sa.Column("certificate", sa.LargeBinary(), nullable=True))
    op.create_index("session_by_staff", "session", ["staff"])
    op.execute("DELETE FROM session WHERE staff IS NOT NULL")
