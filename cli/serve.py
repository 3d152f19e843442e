"""`toprank up`, `serve` and `worker`: the web app, a worker, or both with their database."""

import ipaddress
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import DataDir, database_url, embedded_url

if TYPE_CHECKING:
    from fastapi import FastAPI

    from app.settings import Settings

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")]
Processes = Annotated[int, typer.Option(min=1, max=64, help="Web processes; each opens TOPRANK_POOL_SIZE connections.")]
InsecureHttp = Annotated[
    bool, typer.Option("--insecure-http", help="Send login cookies over plain http, on other addresses than loopback.")
]
WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True)]


def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    processes: Processes = 1,
    insecure_http: InsecureHttp = False,
    data_dir: DataDir = None,
) -> None:
    """Start all of it: the database (brought to this version's schema), the web app and one worker, until Ctrl-C."""
    from app.migrate import upgrade

    with database(data_dir) as url:
        upgrade(url)
        run_everything(url, data_dir, host=host, port=port, processes=processes, insecure_http=insecure_http)


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    processes: Processes = 1,
    insecure_http: InsecureHttp = False,
    data_dir: DataDir = None,
    with_parent: WithParent = False,
) -> None:
    """Start the web app alone."""
    import uvicorn
    from uvicorn.config import LOGGING_CONFIG

    _follow(with_parent)
    check_port_is_free(host, port)
    settings = _web_settings(data_dir, host, insecure_http=insecure_http)
    _check_connections(settings, processes)
    _check_database(settings)
    uvicorn.run(
        "cli.serve:app_of_environment",
        factory=True,
        host=host,
        port=port,
        workers=processes,
        log_level="warning",
        log_config=None if settings.log == "json" else LOGGING_CONFIG,
        access_log=False,
        proxy_headers=False,  # the app itself believes those of TOPRANK_TRUSTED_PROXIES, and no others
        server_header=False,
        timeout_graceful_shutdown=10,
    )


def worker(
    plan: Annotated[bool, typer.Option("--plan", help="Only print what would run here, and how.")] = False,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --plan: print JSON.")] = False,
    with_parent: WithParent = False,
) -> None:
    """Take jobs that need a model, one at a time, until told to stop; start as many as there are machines."""
    import logging

    if plan or as_json:
        from cli.plan import print_plan

        print_plan(data_dir, as_json=as_json)
        return

    from app.domain.tidying import retention_of
    from app.settings import Settings
    from worker.run import run_worker

    _follow(with_parent)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("toprank").setLevel(logging.INFO)
    settings = Settings()
    run_worker(
        database_url(data_dir),
        first_batch=settings.generation_first_batch,
        batch=settings.generation_batch,
        retention=retention_of(settings),
    )


def app_of_environment() -> "FastAPI":
    """The web app of one process, as `serve` left its settings in the environment."""
    from app.main import create_app
    from app.request_log import log_as_json
    from app.settings import Settings

    settings = Settings()
    if settings.log == "json":
        log_as_json()
    return create_app(settings)


def run_everything(
    url: str,
    data_dir: Path | None,
    *,
    host: str,
    port: int,
    processes: int = 1,
    insecure_http: bool = False,
    greeting: str = "",
) -> None:
    """Start the web app and one worker as children, say where they are, and wait until one ends or Ctrl-C comes."""
    from cli.processes import StoppedError, running, stoppable, toprank, wait_for_the_end, wait_until_ready

    check_port_is_free(host, port)
    settings = _web_settings(data_dir, host, insecure_http=insecure_http, url=url)
    _check_connections(settings, processes)
    _check_database(settings)
    address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - compared, not bound
    web = ["serve", "--host", host, "--port", str(port), "--processes", str(processes)]
    commands = {
        "web app": toprank(*web, *(["--insecure-http"] if insecure_http else [])),
        "worker": toprank("worker"),
    }
    try:
        with stoppable(), running(commands, _environment(settings)) as children:
            wait_until_ready(children, address)
            print(greeting or "toprank is ready.", f"Open {address} in a browser. Ctrl-C stops everything.", sep="\n")
            wait_for_the_end(children)
    except StoppedError:
        print("\nStopped. The same command goes on where this one stopped.")


@contextmanager
def database(data_dir: Path | None) -> Iterator[str]:
    """The command's database, started if need be; the embedded one stops at the end if this started it."""
    from app import embedded_postgres
    from app.settings import Settings

    settings = Settings()
    folder = data_dir or settings.data_dir
    is_ours = settings.database_url is None and not embedded_postgres.status(folder).running
    try:
        yield database_url(data_dir)
    finally:
        if is_ours:
            embedded_postgres.stop(folder)


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


def _web_settings(data_dir: Path | None, host: str, *, insecure_http: bool, url: str | None = None) -> "Settings":
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
            "secure_cookies": _are_cookies_secure(settings, host, insecure_http=insecure_http),
        }
    )
    os.environ.update(_environment(settings) | {"TOPRANK_SECRET_KEY": key})
    return settings


def _are_cookies_secure(settings: "Settings", host: str, *, insecure_http: bool) -> bool:
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


def _environment(settings: "Settings") -> dict[str, str]:
    return {
        "DATABASE_URL": str(settings.database_url),
        "TOPRANK_DATA_DIR": str(settings.data_dir),
        "TOPRANK_SECURE_COOKIES": str(settings.secure_cookies),
    }


def _check_connections(settings: "Settings", processes: int) -> None:
    """Raises ToprankError where the embedded database would run out of connections."""
    from app import embedded_postgres
    from app.resources import connections_of

    if settings.database_url == embedded_url(settings.data_dir):
        embedded_postgres.require_connections(connections_of(settings), processes)


def _check_database(settings: "Settings") -> None:
    """Raises ConflictError while the schema is not this version's."""
    from app.db import make_engine
    from app.errors import ConflictError
    from app.migrate import is_current

    engine = make_engine(str(settings.database_url), pool_size=1)
    try:
        with engine.connect() as connection:
            if not is_current(connection):
                raise ConflictError("The database is not at this version's schema: run `toprank db migrate` first.")
    finally:
        engine.dispose()


def _follow(with_parent: bool) -> None:
    from app.lifeline import die_with_parent

    if with_parent:
        die_with_parent(signal.SIGTERM)
