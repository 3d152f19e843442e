"""`toprank up`, `serve` and `worker`: the web app, a worker, or both with their database."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import DataDir, database_url
from cli.web_app import check_connections, check_database, check_port_is_free, environment_of, web_settings

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
    settings = web_settings(data_dir, host, insecure_http=insecure_http)
    check_connections(settings, processes)
    check_database(str(settings.database_url))
    uvicorn.run(
        "cli.web_app:app_of_environment",
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
    settings, url = Settings(), database_url(data_dir)
    check_database(url)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("toprank").setLevel(logging.INFO)
    run_worker(
        url,
        first_batch=settings.generation_first_batch,
        batch=settings.generation_batch,
        retention=retention_of(settings),
    )


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
    settings = web_settings(data_dir, host, insecure_http=insecure_http, url=url)
    check_connections(settings, processes)
    check_database(url)
    address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - compared, not bound
    web = ["serve", "--host", host, "--port", str(port), "--processes", str(processes)]
    commands = {
        "web app": toprank(*web, *(["--insecure-http"] if insecure_http else [])),
        "worker": toprank("worker"),
    }
    try:
        with stoppable(), running(commands, environment_of(settings)) as children:
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


def _follow(with_parent: bool) -> None:
    from app.lifeline import die_with_parent

    if with_parent:
        die_with_parent(signal.SIGTERM)
