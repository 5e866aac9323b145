"""Notices: why the last attempt failed, and an index by which old ones are deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the table of notices to this version."""
    op.add_column("notice", sa.Column("failure", sa.Text(), nullable=True))
    op.create_index("notice_by_end", "notice", ["ended"], unique=False)
