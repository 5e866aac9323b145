"""The migrations, one file a step; they are run, never imported by the service."""

import sqlalchemy as sa


def number() -> sa.types.TypeEngine[int]:
    """Return the type of 64 bits; SQLite's strict tables know no BIGINT."""
    return sa.Integer().with_variant(sa.BigInteger(), "postgresql")
