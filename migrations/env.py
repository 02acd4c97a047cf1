"""Alembic's environment: it runs only on the connection that migrations.run passes to it."""

from alembic import context

from migrations.metadata import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_server_default=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
