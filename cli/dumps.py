"""Backups of the whole database, and databases from backups, by PostgreSQL's own pg_dump and pg_restore."""

import os
import shutil
import subprocess
from pathlib import Path

from app.errors import ConflictError, ToprankError

NUMBER_OF_TABLES = """
    SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND relkind IN ('r', 'p', 'v', 'm', 'S')
"""


class DumpError(ToprankError):
    """A backup could not be written or read; the message says why."""


def write_backup(url: str, file: Path) -> int:
    """Write everything in the database to a new file that only its owner can read; returns its size in bytes.

    Raises DumpError, leaving no file behind.
    """
    if file.exists():
        raise DumpError(f"{file} exists already, and a backup never overwrites: name another file")
    part = file.with_name(f".{file.name}.part")
    try:
        _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={part}")
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def restore_backup(url: str, file: Path) -> None:
    """Fill an empty database from a backup, whole or not at all.

    Raises ConflictError when the database is not empty, DumpError when the file is no backup.
    """
    import psycopg

    if not file.is_file():
        raise DumpError(f"there is no file {file}")
    try:
        with psycopg.connect(_conninfo(url)) as connection:
            (tables,) = connection.execute(NUMBER_OF_TABLES).fetchone() or (0,)
    except psycopg.OperationalError as error:
        raise DumpError(f"the database cannot be reached: {' '.join(str(error).split())}") from None
    if tables:
        raise ConflictError(
            "the database is not empty, and a restore never overwrites: "
            "restore into a new --data-dir or an empty database"
        )
    options = "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"
    _run("pg_restore", url, *options, str(file.resolve()))


def _run(program: str, url: str, *options: str) -> None:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    target = conninfo_to_dict(_conninfo(url))
    # A password among the arguments could be read by everybody in the list of processes.
    environment = os.environ | {"PGPASSWORD": str(target.pop("password", None) or os.environ.get("PGPASSWORD", ""))}
    command = [str(_find(program)), "--no-password", f"--dbname={make_conninfo('', **target)}", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, umask=0o077)
    if done.returncode != 0:
        raise DumpError(f"{program} failed: {' '.join(done.stderr.split())[-500:]}")


def _find(program: str) -> Path:
    from app import embedded_postgres

    try:
        return embedded_postgres.binaries() / program
    except embedded_postgres.EmbeddedPostgresError:
        found = shutil.which(program)
    if found is None:
        raise DumpError(f"{program} is not installed: install toprank[web], or PostgreSQL's client programs")
    return Path(found)


def _conninfo(url: str) -> str:
    from sqlalchemy import make_url

    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
