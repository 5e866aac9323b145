"""Tables of staff and counter."""

import sqlalchemy as sa
from alembic import op

from agent.portal.store.migrations import number

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "visit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("staff", number(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("contact_kind", sa.Text(), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("confirmed_at", number(), nullable=True),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("upgrade", number(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created", number(), nullable=False),
        sa.Column("expires", number(), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('counter', 'take_back', 'contact')", name=op.f("visit_purpose_known")
        ),
        sa.CheckConstraint(
            "contact_kind IN ('mobile', 'email')", name=op.f("visit_contact_kind_known")
        ),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("visit_staff_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("visit_pk")),
        sqlite_strict=True,
    )
    op.create_index("visit_by_expiry", "visit", ["expires"])
    op.create_index("visit_by_staff", "visit", ["staff", "created"])
    _create_contact_changes()
    op.create_index("audit_by_staff", "audit", ["staff"])
    op.create_index("upgrade_by_decision", "upgrade", ["decided_by", "at"])


def _create_contact_changes() -> None:
    op.create_table(
        "contact_change",
        sa.Column("id", number(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("at", number(), nullable=False),
        sa.Column("staff", number(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("document_last4", sa.Text(), nullable=False),
        sa.Column("old_contact", sa.Text(), nullable=False),
        sa.Column("new_contact", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(document_last4) = 4", name=op.f("contact_change_document_last4_length")
        ),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("contact_change_member_fk")),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("contact_change_staff_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("contact_change_pk")),
        sqlite_strict=True,
    )
    op.create_index("contact_change_by_member", "contact_change", ["member"])
