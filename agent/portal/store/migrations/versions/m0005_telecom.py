"""Tables of the telecom way: applications by phone, and how often a number was tried."""

import sqlalchemy as sa
from alembic import op

from agent.portal.store.migrations import number

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _create_applications()
    _create_tries()


def _create_applications() -> None:
    op.create_table(
        "telecom_application",
        sa.Column("id", number(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", number(), nullable=False),
        sa.Column("link_salt", sa.LargeBinary(), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=True),
        sa.Column("connected_at", number(), nullable=True),
        sa.Column("form", sa.LargeBinary(), nullable=True),
        sa.Column("challenge", sa.LargeBinary(), nullable=True),
        sa.Column("device_at", number(), nullable=True),
        sa.Column("question", sa.LargeBinary(), nullable=True),
        sa.Column("reading_since", number(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("taken_by", sa.Text(), nullable=True),
        sa.Column("ended", number(), nullable=True),
        *_rules_of_applications(),
        sa.ForeignKeyConstraint(
            ["member"], ["member.id"], name=op.f("telecom_application_member_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("telecom_application_pk")),
        sa.UniqueConstraint("link_hash", name=op.f("telecom_application_link_hash_key")),
        sa.UniqueConstraint("phone_hash", name=op.f("telecom_application_phone_hash_key")),
        sqlite_strict=True,
    )
    op.create_index("telecom_application_by_age", "telecom_application", ["created"], unique=False)
    op.create_index(
        "telecom_application_by_member", "telecom_application", ["member", "id"], unique=False
    )
    op.create_index(
        "telecom_application_open",
        "telecom_application",
        ["member"],
        unique=True,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )


def _rules_of_applications() -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(
            "length(link_hash) = 32", name=op.f("telecom_application_link_hash_length")
        ),
        sa.CheckConstraint(
            "length(phone_hash) = 32", name=op.f("telecom_application_phone_hash_length")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'connected', 'device', 'operator', 'reading', 'ended')",
            name=op.f("telecom_application_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'ended') = (ended IS NOT NULL)", name=op.f("telecom_application_ended_state")
        ),
        sa.CheckConstraint(
            "state <> 'ended' OR form IS NULL", name=op.f("telecom_application_form_while_open")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'ended') OR phone_hash IS NOT NULL",
            name=op.f("telecom_application_by_phone"),
        ),
    ]


def _create_tries() -> None:
    op.create_table(
        "telecom_try",
        sa.Column("id", number(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("number_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", number(), nullable=False),
        sa.CheckConstraint("length(number_hash) = 32", name=op.f("telecom_try_number_hash_length")),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("telecom_try_member_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("telecom_try_pk")),
        sqlite_strict=True,
    )
    op.create_index("telecom_try_by_age", "telecom_try", ["at"], unique=False)
    op.create_index("telecom_try_by_member", "telecom_try", ["member", "number_hash"], unique=False)
