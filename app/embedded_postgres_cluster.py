"""The cluster of an embedded database, made once: its settings, its role, its password."""

import secrets
import shutil
import tempfile
from pathlib import Path

from app.embedded_postgres_place import Place
from app.embedded_postgres_programs import readable_binaries, run
from app.settings import write_private

MAX_CONNECTIONS = 100

# A laptop's settings; durable (fsync stays on). Statements with people's texts in them stay out of the log.
SETTINGS = {
    "max_connections": str(MAX_CONNECTIONS),
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
}


def create_cluster(place: Place, lock: int) -> None:
    """Make a complete cluster beside its final place and rename it there: a half-made one is never taken for real."""
    for abandoned in place.home.glob("cluster.new-*"):
        shutil.rmtree(abandoned)
    new = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=place.home))
    place.account.own(new)
    programs = readable_binaries(place.account, place.home)
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    initdb = ["-U", "postgres", "-k", "--no-locale", "-E", "UTF8", "--auth=reject", *options]
    run(place.account, programs / "initdb", *initdb, cluster=new, keep=lock)
    password = secrets.token_urlsafe(32)
    single = ["--single", "-c", "exit_on_error=on", "postgres"]
    run(place.account, programs / "postgres", *single, cluster=new, text=_first_statements(password), keep=lock)
    place.access_rules.write_text("local all toprank scram-sha-256\n")
    place.access_rules.chmod(0o644)
    write_private(place.password_file, password)
    new.rename(place.cluster)


def _first_statements(password: str) -> str:
    """Make the role and its database; one statement per line, as a server without connections reads them.

    The role is no superuser, which nobody can log in as; it may make databases, watch, and end sessions. Its errors
    are logged without the rows that they are about.
    """
    return (
        f"CREATE ROLE toprank LOGIN CREATEDB PASSWORD '{password}'\n"
        "ALTER ROLE toprank SET log_error_verbosity = terse\n"
        "GRANT pg_monitor, pg_signal_backend, pg_signal_autovacuum_worker TO toprank\n"
        "CREATE DATABASE toprank OWNER toprank\n"
    )
