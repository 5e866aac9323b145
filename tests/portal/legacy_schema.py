"""The tables of the first version, as databases that it left behind have them."""

from typing import Final

VERSION: Final = 2

STATEMENTS: Final = (
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT",
    """
    CREATE TABLE member (
        id TEXT PRIMARY KEY,
        name TEXT,
        created INTEGER NOT NULL,
        grade TEXT NOT NULL DEFAULT 'ordinary' CHECK (grade IN ('ordinary', 'gold')),
        gold_since INTEGER,
        gold_way TEXT CHECK (gold_way IN ('card')),
        id_number_hash BLOB UNIQUE CHECK (length(id_number_hash) = 32),
        id_number_last4 TEXT CHECK (length(id_number_last4) = 4),
        CHECK ((grade = 'gold') = (gold_since IS NOT NULL)),
        CHECK ((grade = 'gold') = (gold_way IS NOT NULL)),
        CHECK ((grade = 'gold') = (id_number_hash IS NOT NULL)),
        CHECK ((grade = 'gold') = (id_number_last4 IS NOT NULL))
    ) STRICT
    """,
    """
    CREATE TABLE login (
        id INTEGER PRIMARY KEY,
        member TEXT NOT NULL REFERENCES member (id),
        kind TEXT NOT NULL CHECK (kind IN ('mobile', 'email', 'card')),
        key TEXT NOT NULL,
        label TEXT NOT NULL,
        created INTEGER NOT NULL,
        UNIQUE (kind, key)
    ) STRICT
    """,
    "CREATE INDEX login_by_member ON login (member)",
    """
    CREATE TABLE session (
        id INTEGER PRIMARY KEY,
        token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
        parent INTEGER REFERENCES session (id) ON DELETE CASCADE,
        member TEXT REFERENCES member (id),
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX session_by_parent ON session (parent)",
    "CREATE INDEX session_by_expiry ON session (expires)",
    """
    CREATE TABLE otp (
        id INTEGER PRIMARY KEY,
        session INTEGER REFERENCES session (id) ON DELETE SET NULL,
        contact_hash BLOB NOT NULL,
        salt BLOB NOT NULL,
        code_hash BLOB NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        tries_left INTEGER NOT NULL CHECK (tries_left >= 0),
        used_at INTEGER,
        created_member INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX otp_by_contact ON otp (contact_hash, created)",
    "CREATE INDEX otp_by_session ON otp (session)",
    """
    CREATE TABLE challenge (
        id TEXT PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
        purpose TEXT NOT NULL CHECK (purpose IN ('upgrade', 'login')),
        content BLOB NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        used_at INTEGER,
        signature_hash BLOB CHECK (length(signature_hash) = 32),
        outcome TEXT,
        member TEXT REFERENCES member (id),
        CHECK ((used_at IS NULL) = (signature_hash IS NULL)),
        CHECK (outcome IS NULL OR used_at IS NOT NULL)
    ) STRICT
    """,
    "CREATE INDEX challenge_by_session ON challenge (session)",
    """
    CREATE TRIGGER challenge_used_once BEFORE UPDATE OF used_at, signature_hash ON challenge
    WHEN old.used_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a challenge is used once'); END
    """,
    """
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        event TEXT NOT NULL,
        outcome TEXT NOT NULL,
        member TEXT,
        certificate BLOB CHECK (length(certificate) = 32),
        claimed_time TEXT CHECK (length(claimed_time) = 20)
    ) STRICT
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
