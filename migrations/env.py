"""Run by Alembic; the connection comes from app.migrate, so no URL stands in a file."""

from alembic import context

from app.migrate import include_name
from app.models import Person

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Person.metadata,
    include_schemas=True,
    include_name=include_name,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
