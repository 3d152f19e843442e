"""Where a command finds its database: DATABASE_URL, else the embedded one in the data directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DataDir = Annotated[
    Path | None,
    typer.Option(envvar="TOPRANK_DATA_DIR", help="Where the embedded database lives, if DATABASE_URL is not set."),
]


@contextmanager
def transaction(data_dir: Path | None) -> Iterator["Session"]:
    """One transaction on the command's database, committed when the block ends well."""
    from app.db import make_engine, make_session_factory

    engine = make_engine(database_url(data_dir), pool_size=1)
    try:
        with make_session_factory(engine).begin() as session:
            yield session
    finally:
        engine.dispose()


def embedded_url(data_dir: Path) -> str | None:
    """The address of the embedded database in this directory; None where it was never started."""
    from app import embedded_postgres

    try:
        return embedded_postgres.url(data_dir)
    except embedded_postgres.EmbeddedPostgresError:
        return None


def database_url(data_dir: Path | None) -> str:
    """The configured database, else the embedded one, started if it was not running."""
    from app.settings import Settings

    settings = Settings()
    if settings.database_url is not None:
        return settings.database_url
    from app import embedded_postgres

    return embedded_postgres.start(data_dir or settings.data_dir)
