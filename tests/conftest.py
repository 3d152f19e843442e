"""A real Postgres for every test: the embedded one, started once, with a migrated template to copy databases from."""

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session

from app import embedded_postgres, migrate
from app.db import make_engine
from tests.skips import refuse_skips
from tests.tiny_model import save_tiny_model

# Side by side (pytest -n 2), each process has a template of its own, and one thread for its models and its children's.
PROCESS = os.environ.get("PYTEST_XDIST_WORKER")
TEMPLATE = f"toprank_template_{PROCESS}" if PROCESS else "toprank_template"
if PROCESS:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
# The same examples in every run: a failure is found by whoever caused it, and a slow machine is no failure.
hypothesis_settings.register_profile("toprank", derandomize=True, deadline=None)
hypothesis_settings.load_profile("toprank")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing is left out without a reason that holds."""
    report = yield
    if IN_CI:
        refuse_skips(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same of whole files."""
    report = yield
    if IN_CI:
        refuse_skips(report)
    return report


def connect(url: str) -> psycopg.Connection:
    """A plain connection outside any transaction, for CREATE and DROP DATABASE."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a running Postgres: TEST_DATABASE_URL if set, else an embedded one that lives as long as the run."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    data_dir = tmp_path_factory.mktemp("postgres")
    url = embedded_postgres.start(data_dir)
    trust_the_machine(data_dir)
    yield url
    embedded_postgres.remove(data_dir)


def trust_the_machine(data_dir: Path) -> None:
    """Wait for no disk: this server ends with the run, and what has to survive a kill is tested on others."""
    server = embedded_postgres.status(data_dir)
    with (server.cluster / "postgresql.auto.conf").open("a") as settings:
        settings.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGHUP)


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """Name of a database at the newest migration, which nothing stays connected to."""
    with connect(server) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
        connection.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
    migrate.upgrade(on_database(server, TEMPLATE))
    return TEMPLATE


def on_database(url: str, name: str) -> str:
    """The same server, another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def database_url(server: str, template: str) -> Iterator[str]:
    """A database of the test's own, for what commits: concurrency, HTTP, processes."""
    name = f"test_{uuid4().hex}"
    with connect(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield on_database(server, name)
    with connect(server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the test's own database."""
    engine = make_engine(database_url, pool_size=20)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def shared_engine(server: str, template: str) -> Iterator[Engine]:
    """An engine on one database whose tests all roll back."""
    name = f"shared_{uuid4().hex}"
    with connect(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = make_engine(on_database(server, name), pool_size=5)
    yield engine
    engine.dispose()
    with connect(server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def session(shared_engine: Engine) -> Iterator[Session]:
    """A session whose work, commits included, is rolled back after the test."""
    with shared_engine.connect() as connection:
        transaction = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        transaction.rollback()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory of the test's own."""
    return tmp_path / "data"


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder with a real, tiny, random Llama."""
    return save_tiny_model(tmp_path_factory.mktemp("checkpoint") / "tiny")
