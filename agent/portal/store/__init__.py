"""What the service keeps: tables, transactions, keys; the same on SQLite and on PostgreSQL."""
