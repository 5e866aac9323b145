"""The tables of the member service: made anew, or filled from those of the first version.

The first version kept them in a SQLite file without named migrations (``PRAGMA user_version`` 1
and 2): its tables are put aside, their rows copied, the audit chained, and then they are dropped.
"""

import sqlalchemy as sa
from alembic import context, op

from agent.portal.audit import FIRST_LINK, AuditLine, link
from agent.portal.store.migrations import number

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LEGACY = ("setting", "member", "login", "session", "otp", "challenge")
_LEGACY_TRIGGERS = ("challenge_used_once", "audit_no_update", "audit_no_delete")
_LEGACY_INDEXES = (
    "login_by_member",
    "session_by_parent",
    "session_by_expiry",
    "otp_by_contact",
    "otp_by_session",
    "challenge_by_session",
)
_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER challenge_used_once BEFORE UPDATE OF used_at, signature_hash ON challenge
    WHEN old.used_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a challenge is used once'); END
    """,
    """
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END
    """,
    """
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END
    """,
)
_POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION portal_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE integrity_constraint_violation USING MESSAGE = tg_argv[0]; END $$
    """,
    """
    CREATE TRIGGER challenge_used_once BEFORE UPDATE OF used_at, signature_hash ON challenge
    FOR EACH ROW WHEN (old.used_at IS NOT NULL)
    EXECUTE FUNCTION portal_refuse('a challenge is used once')
    """,
    """
    CREATE TRIGGER audit_only_added_to BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION portal_refuse('the audit log is only added to')
    """,
    """
    CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION portal_refuse('the audit log is only added to')
    """,
)


def upgrade() -> None:
    """Make the tables; take over what an older file has."""
    connection = op.get_bind()
    is_file = connection.dialect.name == "sqlite"
    legacy = connection.exec_driver_sql("PRAGMA user_version").scalar() if is_file else 0
    if legacy:
        _put_aside(legacy)
    _create_tables()
    if legacy:
        _take_over(connection)
    for statement in _SQLITE_TRIGGERS if is_file else _POSTGRESQL_TRIGGERS:
        op.execute(statement)


def _put_aside(version: int) -> None:
    if version == 1:
        op.execute("ALTER TABLE audit ADD COLUMN claimed_time TEXT")
    for name in _LEGACY_TRIGGERS:
        op.execute(f"DROP TRIGGER {name}")
    for name in _LEGACY_INDEXES:
        op.execute(f"DROP INDEX {name}")
    for name in (*_LEGACY, "audit"):
        op.execute(f"ALTER TABLE {name} RENAME TO legacy_{name}")


def _take_over(connection: sa.Connection) -> None:
    for name in _LEGACY:
        columns = sa.inspect(connection).get_columns(f"legacy_{name}")
        listed = ", ".join(column["name"] for column in columns)
        op.execute(f"INSERT INTO {name} ({listed}) SELECT {listed} FROM legacy_{name}")  # noqa: S608  # names of ours
    op.execute(
        "INSERT INTO upgrade (member, way, at, evidence)"
        " SELECT id, gold_way, gold_since, '{\"card\": true}' FROM member WHERE grade = 'gold'"
    )
    _chain(connection)
    for name in ("audit", *reversed(_LEGACY)):
        op.execute(f"DROP TABLE legacy_{name}")


def _chain(connection: sa.Connection) -> None:
    keyring = context.config.attributes["keyring"]
    last = FIRST_LINK
    columns = "id, at, event, outcome, member, certificate, claimed_time"
    query = f"SELECT {columns} FROM legacy_audit ORDER BY id"  # noqa: S608  # names of ours
    for facts in connection.exec_driver_sql(query).mappings().fetchall():
        last = link(keyring, last, AuditLine(**facts))
        connection.execute(
            sa.text(
                f"INSERT INTO audit ({columns}, chain) VALUES (:id, :at, :event, :outcome, :member,"  # noqa: S608  # names of ours
                " :certificate, :claimed_time, :chain)"
            ),
            {**facts, "chain": last},
        )


def _create_tables() -> None:
    _create_audit()
    _create_member()
    _create_notice()
    _create_rate()
    _create_setting()
    _create_staff()
    _create_login()
    _create_session()
    _create_upgrade()
    _create_challenge()
    _create_otp()


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", number(), nullable=False),
        sa.Column("at", number(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("staff", number(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("claimed_time", sa.Text(), nullable=True),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(certificate) = 32", name=op.f("audit_certificate_length")),
        sa.CheckConstraint("length(chain) = 32", name=op.f("audit_chain_length")),
        sa.CheckConstraint("length(claimed_time) = 20", name=op.f("audit_claimed_time_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_pk")),
        sqlite_strict=True,
    )
    op.create_index("audit_by_member", "audit", ["member"], unique=False)


def _create_member() -> None:
    op.create_table(
        "member",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("created", number(), nullable=False),
        sa.Column("grade", sa.Text(), server_default="ordinary", nullable=False),
        sa.Column("gold_since", number(), nullable=True),
        sa.Column("gold_way", sa.Text(), nullable=True),
        sa.Column("id_number_hash", sa.LargeBinary(), nullable=True),
        sa.Column("id_number_last4", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("closing", number(), nullable=True),
        sa.CheckConstraint(
            "(grade = 'gold') = (gold_since IS NOT NULL)",
            name=op.f("member_gold_since_of_gold_only"),
        ),
        sa.CheckConstraint(
            "(grade = 'gold') = (gold_way IS NOT NULL)", name=op.f("member_gold_way_of_gold_only")
        ),
        sa.CheckConstraint(
            "(grade = 'gold') = (id_number_hash IS NOT NULL)",
            name=op.f("member_id_number_hash_of_gold_only"),
        ),
        sa.CheckConstraint(
            "(grade = 'gold') = (id_number_last4 IS NOT NULL)",
            name=op.f("member_id_number_last4_of_gold_only"),
        ),
        sa.CheckConstraint(
            "gold_way IN ('card', 'counter', 'telecom', 'online')",
            name=op.f("member_gold_way_known"),
        ),
        sa.CheckConstraint("grade IN ('ordinary', 'gold')", name=op.f("member_grade_known")),
        sa.CheckConstraint(
            "length(id_number_hash) = 32", name=op.f("member_id_number_hash_length")
        ),
        sa.CheckConstraint(
            "length(id_number_last4) = 4", name=op.f("member_id_number_last4_length")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("member_pk")),
        sa.UniqueConstraint("id_number_hash", name=op.f("member_id_number_hash_key")),
        sqlite_strict=True,
    )
    op.create_index("member_by_closing", "member", ["closing"], unique=False)


def _create_notice() -> None:
    op.create_table(
        "notice",
        sa.Column("id", number(), nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("created", number(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("attempts", number(), server_default="0", nullable=False),
        sa.Column("due", number(), nullable=False),
        sa.Column("leased_until", number(), nullable=True),
        sa.Column("ended", number(), nullable=True),
        sa.CheckConstraint("channel IN ('email', 'mobile')", name=op.f("notice_channel_known")),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'given_up')", name=op.f("notice_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("notice_pk")),
        sqlite_strict=True,
    )
    op.create_index("notice_by_due", "notice", ["state", "due"], unique=False)
    op.create_index("notice_by_member", "notice", ["member"], unique=False)


def _create_rate() -> None:
    op.create_table(
        "rate",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("full_at", number(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("rate_pk")),
        sqlite_strict=True,
    )
    op.create_index("rate_by_time", "rate", ["full_at"], unique=False)


def _create_setting() -> None:
    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("setting_pk")),
        sqlite_strict=True,
    )


def _create_staff() -> None:
    op.create_table(
        "staff",
        sa.Column("id", number(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("card_key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("created", number(), nullable=False),
        sa.Column("removed_at", number(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("staff_pk")),
        sa.UniqueConstraint("card_key", name=op.f("staff_card_key_key")),
        sqlite_strict=True,
    )


def _create_login() -> None:
    op.create_table(
        "login",
        sa.Column("id", number(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created", number(), nullable=False),
        sa.CheckConstraint("kind IN ('mobile', 'email', 'card')", name=op.f("login_kind_known")),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("login_member_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("login_pk")),
        sa.UniqueConstraint("kind", "key", name=op.f("login_kind_key_key")),
        sqlite_strict=True,
    )
    op.create_index("login_by_member", "login", ["member"], unique=False)


def _create_session() -> None:
    op.create_table(
        "session",
        sa.Column("id", number(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("parent", number(), nullable=True),
        sa.Column("realm", sa.Text(), server_default="member", nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("staff", number(), nullable=True),
        sa.Column("created", number(), nullable=False),
        sa.Column("expires", number(), nullable=False),
        sa.CheckConstraint(
            "member IS NULL OR realm = 'member'", name=op.f("session_members_realm")
        ),
        sa.CheckConstraint("realm IN ('member', 'staff')", name=op.f("session_realm_known")),
        sa.CheckConstraint("staff IS NULL OR realm = 'staff'", name=op.f("session_staff_realm")),
        sa.CheckConstraint("length(token_hash) = 32", name=op.f("session_token_hash_length")),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("session_member_fk")),
        sa.ForeignKeyConstraint(
            ["parent"], ["session.id"], name=op.f("session_parent_fk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("session_staff_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("session_pk")),
        sa.UniqueConstraint("token_hash", name=op.f("session_token_hash_key")),
        sqlite_strict=True,
    )
    op.create_index("session_by_expiry", "session", ["expires"], unique=False)
    op.create_index("session_by_member", "session", ["member"], unique=False)
    op.create_index("session_by_parent", "session", ["parent"], unique=False)


def _create_upgrade() -> None:
    op.create_table(
        "upgrade",
        sa.Column("id", number(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("at", number(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("decided_by", number(), nullable=True),
        sa.Column("taken_back_at", number(), nullable=True),
        sa.Column("taken_back_by", number(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "way IN ('card', 'counter', 'telecom', 'online')", name=op.f("upgrade_way_known")
        ),
        sa.CheckConstraint(
            "(taken_back_at IS NULL) = (taken_back_by IS NULL)"
            " AND (taken_back_at IS NULL) = (reason IS NULL)",
            name=op.f("upgrade_taken_back_whole"),
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("upgrade_decided_by_fk")),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("upgrade_member_fk")),
        sa.ForeignKeyConstraint(
            ["taken_back_by"], ["staff.id"], name=op.f("upgrade_taken_back_by_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("upgrade_pk")),
        sqlite_strict=True,
    )
    op.create_index("upgrade_by_member", "upgrade", ["member"], unique=False)


def _create_challenge() -> None:
    op.create_table(
        "challenge",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("session", number(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created", number(), nullable=False),
        sa.Column("expires", number(), nullable=False),
        sa.Column("used_at", number(), nullable=True),
        sa.Column("signature_hash", sa.LargeBinary(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("member", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('upgrade', 'login', 'staff', 'renew', 'close')",
            name=op.f("challenge_purpose_known"),
        ),
        sa.CheckConstraint(
            "(used_at IS NULL) = (signature_hash IS NULL)",
            name=op.f("challenge_used_by_a_signature"),
        ),
        sa.CheckConstraint(
            "length(signature_hash) = 32", name=op.f("challenge_signature_hash_length")
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR used_at IS NOT NULL", name=op.f("challenge_outcome_after_use")
        ),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("challenge_member_fk")),
        sa.ForeignKeyConstraint(
            ["session"], ["session.id"], name=op.f("challenge_session_fk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("challenge_pk")),
        sqlite_strict=True,
    )
    op.create_index("challenge_by_member", "challenge", ["member"], unique=False)
    op.create_index("challenge_by_session", "challenge", ["session"], unique=False)


def _create_otp() -> None:
    op.create_table(
        "otp",
        sa.Column("id", number(), nullable=False),
        sa.Column("session", number(), nullable=True),
        sa.Column("contact_hash", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created", number(), nullable=False),
        sa.Column("expires", number(), nullable=False),
        sa.Column("tries_left", number(), nullable=False),
        sa.Column("used_at", number(), nullable=True),
        sa.Column("created_member", number(), server_default="0", nullable=False),
        sa.CheckConstraint("tries_left >= 0", name=op.f("otp_tries_left_counted")),
        sa.ForeignKeyConstraint(
            ["session"], ["session.id"], name=op.f("otp_session_fk"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("otp_pk")),
        sqlite_strict=True,
    )
    op.create_index("otp_by_contact", "otp", ["contact_hash", "created"], unique=False)
    op.create_index("otp_by_session", "otp", ["session"], unique=False)
