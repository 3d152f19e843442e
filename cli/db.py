"""`toprank db`: the embedded database, migrations and backups."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import DataDir, database_url

app = typer.Typer(help="The database: start, stop, migrate, back up.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def start(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Start the embedded database; it goes on running after this command."""
    from app import embedded_postgres

    folder = _embedded(data_dir)
    embedded_postgres.start(folder)
    found = embedded_postgres.status(folder)
    _report({"running": True, "pid": found.pid}, f"Running (process {found.pid}).", as_json=as_json)


@app.command()
def stop(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Stop the embedded database."""
    from app import embedded_postgres

    stopped = embedded_postgres.stop(_embedded(data_dir))
    _report({"stopped": stopped}, "Stopped." if stopped else "It was not running.", as_json=as_json)


@app.command()
def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Say whether the embedded database runs, and where its files are."""
    from app import embedded_postgres

    found = embedded_postgres.status(_embedded(data_dir))
    state = f"Running (process {found.pid})" if found.running else "Not running"
    line = f"{state}: PostgreSQL {found.version} in {found.cluster}"
    _report(dataclasses.asdict(found), line, as_json=as_json)


@app.command()
def url(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print the database's URL, password included, without starting it."""
    from app import embedded_postgres
    from app.settings import Settings

    found = Settings().database_url or embedded_postgres.url(_embedded(data_dir))
    _report({"url": found}, found, as_json=as_json)


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to the schema of this version; the embedded one is started."""
    from app.migrate import upgrade

    upgrade(database_url(data_dir))
    print("The database is at the newest migration.")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write; must not exist yet.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write everything in the database to one file (pg_dump's custom format), while it is in use."""
    from cli.dumps import write_backup

    size = write_backup(database_url(data_dir), file)
    _report({"file": file, "bytes": size}, f"Wrote {file} ({size / 1e6:.1f} MB).", as_json=as_json)


@app.command()
def tidy(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Delete what is too old by the settings: ended sessions, failed logins, used links and tokens, audit entries."""
    from app.domain.tidying import retention_of
    from app.domain.tidying import tidy as tidy_up
    from app.settings import Settings
    from cli.connection import transaction

    with transaction(data_dir) as session:
        found = tidy_up(session, retention_of(Settings()))
    line = ", ".join(f"{rows} of {table}" for table, rows in found.items() if rows) or "nothing"
    _report(dict(found), f"Deleted {line}.", as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `toprank db backup` wrote.")],
    data_dir: DataDir = None,
) -> None:
    """Fill an empty database from a backup, whole or not at all, and migrate it to this version's schema."""
    from app.migrate import upgrade
    from cli.dumps import restore_backup

    target = database_url(data_dir)
    restore_backup(target, file)
    upgrade(target)
    print(f"Restored {file}.")


def _embedded(data_dir: Path | None) -> Path:
    """The embedded database's data directory. Raises ConflictError when DATABASE_URL names another database."""
    from app.errors import ConflictError
    from app.settings import Settings

    settings = Settings()
    if settings.database_url is not None:
        raise ConflictError("DATABASE_URL is set, so toprank uses that database and has none of its own to look after")
    return data_dir or settings.data_dir


def _report(facts: dict[str, object], line: str, *, as_json: bool) -> None:
    print(json.dumps(facts, default=str) if as_json else line)
