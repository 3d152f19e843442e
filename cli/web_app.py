"""What the web app needs before it starts: its settings completed, a free port, connections, and a current schema."""

import ipaddress
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from cli.connection import database_url, embedded_url

if TYPE_CHECKING:
    from fastapi import FastAPI

    from app.settings import Settings


def app_of_environment() -> "FastAPI":
    """The web app of one process, as `serve` left its settings in the environment."""
    from app.main import create_app
    from app.request_log import log_as_json
    from app.settings import Settings

    settings = Settings()
    if settings.log == "json":
        log_as_json()
    return create_app(settings)


def check_port_is_free(host: str, port: int) -> None:
    """Raises ToprankError when something listens there already."""
    from app.errors import ToprankError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ToprankError(
                f"Port {port} of {host} cannot be had ({error.strerror}); choose another by --port."
            ) from error


def web_settings(data_dir: Path | None, host: str, *, insecure_http: bool, url: str | None = None) -> "Settings":
    """The settings of the web app, completed and left in the environment for its processes."""
    from app.settings import Settings, secret_key

    settings = Settings()
    if data_dir is not None:
        settings.data_dir = data_dir
    key = secret_key(settings)  # asked before the database, whose URL decides who has to bring the key
    if url is None:
        url = database_url(data_dir)
    settings = settings.model_copy(
        update={
            "database_url": url,
            "secure_cookies": are_cookies_secure(settings, host, insecure_http=insecure_http),
        }
    )
    os.environ.update(environment_of(settings) | {"TOPRANK_SECRET_KEY": key})
    return settings


def are_cookies_secure(settings: "Settings", host: str, *, insecure_http: bool) -> bool:
    """Plain http only on loopback without a proxy in front, or where somebody said it explicitly."""
    if insecure_http:
        return False
    if "secure_cookies" in settings.model_fields_set or settings.trusted_proxies:
        return settings.secure_cookies
    return not _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def environment_of(settings: "Settings") -> dict[str, str]:
    return {
        "DATABASE_URL": str(settings.database_url),
        "TOPRANK_DATA_DIR": str(settings.data_dir),
        "TOPRANK_SECURE_COOKIES": str(settings.secure_cookies),
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # its own keeps memory in each thread that made a part of a Parquet file
    }


def check_connections(settings: "Settings", processes: int) -> None:
    """Raises ToprankError where the embedded database would run out of connections."""
    from app import embedded_postgres
    from app.resources import connections_of

    if settings.database_url == embedded_url(settings.data_dir):
        embedded_postgres.require_connections(connections_of(settings), processes)


def check_database(url: str) -> None:
    """Raises ConflictError while the schema is not this version's."""
    from app.db import make_engine
    from app.errors import ConflictError
    from app.migrate import is_current

    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            if not is_current(connection):
                raise ConflictError("The database is not at this version's schema: run `toprank db migrate` first.")
    finally:
        engine.dispose()
