"""What Alembic runs each migration in: the connection that ``schema.migrate`` has opened."""

from alembic import context

from agent.portal.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
