"""Bring a database to the schema this version needs, and tell whether it is there."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from app.db import Base, make_engine

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
# Any number that nothing else locks: two processes that start together must not both migrate.
MIGRATION_LOCK = 7_265_031


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave procrastinate's schema, which has its own history, out of comparisons."""
    return not (kind == "schema" and name == "procrastinate")


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate up to `revision`; waits for another process that is migrating."""
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str) -> None:
    """Migrate down to `revision`; `base` leaves an empty database."""
    _run(url, lambda config: command.downgrade(config, revision))


def is_current(connection: Connection) -> bool:
    """Whether the database stands at the newest migration."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def drift(connection: Connection) -> list[object]:
    """What differs between the models and the database; empty when nothing does."""
    options = {"include_schemas": True, "include_name": include_name, "compare_type": True}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, Base.metadata))


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for this connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _run(url: str, step: Callable[[Config], object]) -> None:
    engine: Engine = make_engine(url, pool_size=1)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            step(configuration(connection))
    finally:
        engine.dispose()
