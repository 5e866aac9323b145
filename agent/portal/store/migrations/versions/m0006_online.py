"""Tables of the online way: cases, their steps, their sealed pictures and their keys."""

import sqlalchemy as sa
from alembic import op

from agent.portal.store.migrations import number

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


_OPEN = "state IN ('draft', 'sent', 'in_review', 'needs_more')"


def upgrade() -> None:
    """Make the tables."""
    _create_cases()
    _create_keys_and_pictures()
    _create_steps()


def _create_cases() -> None:
    op.create_table(
        "online_case",
        sa.Column("id", number(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="upgrade", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", number(), nullable=False),
        sa.Column("sent_at", number(), nullable=True),
        sa.Column("form", sa.LargeBinary(), nullable=True),
        sa.Column("claimed_by", number(), nullable=True),
        sa.Column("claimed_until", number(), nullable=True),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("asked_at", number(), nullable=True),
        sa.Column("deadline", number(), nullable=True),
        sa.Column("proposed_by", number(), nullable=True),
        sa.Column("proposal", sa.Text(), nullable=True),
        sa.Column("decided_by", number(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("taken_by", sa.Text(), nullable=True),
        sa.Column("ended", number(), nullable=True),
        *_rules_of_cases(),
        sa.ForeignKeyConstraint(
            ["claimed_by"], ["staff.id"], name=op.f("online_case_claimed_by_fk")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["staff.id"], name=op.f("online_case_decided_by_fk")
        ),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("online_case_member_fk")),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["staff.id"], name=op.f("online_case_proposed_by_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("online_case_pk")),
        sa.UniqueConstraint("number", name=op.f("online_case_number_key")),
        sqlite_strict=True,
    )
    _create_indexes_of_cases()


def _rules_of_cases() -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint("kind IN ('upgrade', 'closing')", name=op.f("online_case_kind_known")),
        sa.CheckConstraint(
            "(state = 'draft') = (sent_at IS NULL) OR ended IS NOT NULL",
            name=op.f("online_case_sent"),
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (reason IS NOT NULL)",
            name=op.f("online_case_refused_with_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'sent', 'in_review', 'needs_more',"
            " 'approved', 'refused', 'withdrawn', 'expired')",
            name=op.f("online_case_state_known"),
        ),
        sa.CheckConstraint(
            "(ended IS NULL) = (form IS NOT NULL)", name=op.f("online_case_form_while_open")
        ),
    ]


def _create_indexes_of_cases() -> None:
    op.create_index("online_case_by_member", "online_case", ["member"], unique=False)
    op.create_index("online_case_decided", "online_case", ["decided_by", "ended"], unique=False)
    op.create_index(
        "online_case_open",
        "online_case",
        ["member"],
        unique=True,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )
    queue = ["state", "sent_at", "id"]
    op.create_index("online_case_queue", "online_case", queue, unique=False)
    # The few cases of a queue that a reviewer may ask for apart from the many.
    for name, which in (
        ("answered", "asked_at IS NOT NULL"),
        ("proposed", "proposed_by IS NOT NULL"),
        ("closing", "kind = 'closing'"),
    ):
        few = sa.text(which)
        op.create_index(
            f"online_case_{name}", "online_case", queue, sqlite_where=few, postgresql_where=few
        )


def _create_keys_and_pictures() -> None:
    op.create_table(
        "online_case_key",
        sa.Column("case", number(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case"], ["online_case.id"], name=op.f("online_case_key_case_fk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case", name=op.f("online_case_key_pk")),
        sqlite_strict=True,
    )
    op.create_table(
        "online_picture",
        sa.Column("id", number(), nullable=False),
        sa.Column("case", number(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("side IN ('front', 'back')", name=op.f("online_picture_side_known")),
        sa.ForeignKeyConstraint(
            ["case"], ["online_case.id"], name=op.f("online_picture_case_fk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("online_picture_pk")),
        sa.UniqueConstraint("case", "side", name=op.f("online_picture_case_side_key")),
        sqlite_strict=True,
    )


def _create_steps() -> None:
    op.create_table(
        "online_step",
        sa.Column("id", number(), nullable=False),
        sa.Column("case", number(), nullable=False),
        sa.Column("at", number(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("staff", number(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case"], ["online_case.id"], name=op.f("online_step_case_fk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("online_step_staff_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("online_step_pk")),
        sqlite_strict=True,
    )
    op.create_index("online_step_by_case", "online_step", ["case"], unique=False)
