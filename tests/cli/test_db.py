"""`toprank db`."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import Result
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app import embedded_postgres, migrate
from app.auth.login_limit import record_failure
from app.db import make_engine
from app.domain.audit import record
from app.embedded_postgres import EmbeddedPostgresError
from app.errors import ConflictError
from app.models import LoginAttempt
from app.models.person import Person
from cli.db import app
from cli.dumps import DumpError
from tests.conftest import connect, on_database
from tests.factories import make_person
from tests.golden import make_golden_study


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def empty_url(server: str) -> Iterator[str]:
    """A database with nothing in it."""
    name = f"empty_{uuid4().hex}"
    with connect(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield on_database(server, name)
    with connect(server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def embedded(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory for an embedded database, and no DATABASE_URL."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    yield data_dir
    embedded_postgres.remove(data_dir)


def test_an_embedded_database_from_start_to_stop(embedded: Path) -> None:
    option = f"--data-dir={embedded}"
    assert json.loads(invoke("status", option, "--json").output)["running"] is False
    started = json.loads(invoke("start", option, "--json").output)
    assert json.loads(invoke("status", option, "--json").output)["pid"] == started["pid"]
    url = invoke("url", option).output.strip()
    assert url == embedded_postgres.url(embedded)
    assert invoke("migrate", option).exit_code == 0
    engine = make_engine(url, pool_size=1)
    with engine.connect() as connection:
        assert migrate.is_current(connection)
    engine.dispose()
    assert json.loads(invoke("stop", option, "--json").output) == {"stopped": True}
    assert invoke("stop", option).output == "It was not running.\n"


@pytest.mark.parametrize("command", ["start", "stop", "status"])
def test_a_database_of_ones_own_is_not_ours_to_start_or_stop(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    assert isinstance(invoke(command).exception, ConflictError)


def test_a_backup_restores_into_an_empty_database(
    engine: Engine, database_url: str, empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(engine) as session:
        make_person(session, email="kept@lab.example")
        session.commit()
    file = tmp_path / "toprank.dump"
    monkeypatch.setenv("DATABASE_URL", database_url)
    written = json.loads(invoke("backup", file, "--json").output)
    assert written == {"file": str(file), "bytes": file.stat().st_size}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    monkeypatch.setenv("DATABASE_URL", empty_url)
    done = invoke("restore", file)
    assert done.exit_code == 0, done.exception
    restored = make_engine(empty_url, pool_size=1)
    with Session(restored) as session:
        assert session.scalars(select(Person.email)).all() == ["kept@lab.example"]
        assert migrate.is_current(session.connection())
    restored.dispose()


def contents(engine: Engine) -> dict[str, str]:
    """Every table of ours with a hash of all of its rows, in an order that does not depend on where they lie."""
    with engine.connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        hashed = "SELECT md5(coalesce(string_agg(row::text, '\n' ORDER BY row::text), '')) FROM {} AS row"
        return {table: connection.execute(text(hashed.format(table))).scalar_one() for table in tables}


def test_every_row_of_every_table_is_restored_and_the_rules_with_them(
    engine: Engine, database_url: str, empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(engine) as session:
        make_golden_study(session)
        record(session, None, "study.open", None, title="é\n'\"\\")
        session.commit()
    monkeypatch.setenv("DATABASE_URL", database_url)
    invoke("backup", tmp_path / "toprank.dump")
    monkeypatch.setenv("DATABASE_URL", empty_url)
    assert invoke("restore", tmp_path / "toprank.dump").exit_code == 0
    restored = make_engine(empty_url, pool_size=1)
    before = contents(engine)
    assert contents(restored) == before
    assert len(before) > 30
    with restored.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text("DELETE FROM audit"))
    with Session(restored) as session:
        assert make_person(session).id > 6  # numbers go on where they stopped
    restored.dispose()


def test_a_restore_never_overwrites_and_a_backup_neither(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    file = tmp_path / "toprank.dump"
    file.write_bytes(b"precious")
    for command, error in (("restore", ConflictError), ("backup", DumpError)):
        assert isinstance(invoke(command, file).exception, error)
    assert file.read_bytes() == b"precious"


def test_what_is_no_backup_leaves_an_empty_database_empty(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_url)
    file = tmp_path / "letter.txt"
    file.write_text("Dear reader,\n")
    for wrong, reason in ((file, "valid archive"), (tmp_path / "absent", "there is no file")):
        error = invoke("restore", wrong).exception
        assert isinstance(error, DumpError)
        assert reason in str(error)
        assert "\n" not in str(error)
    with connect(empty_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_failed_backup_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Port 1 of this machine: nothing listens there.
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/nothing")
    error = invoke("backup", tmp_path / "toprank.dump").exception
    assert isinstance(error, DumpError)
    assert "pg_dump failed" in str(error)
    assert "secret" not in str(error)
    assert list(tmp_path.iterdir()) == []


def test_a_restore_into_a_database_that_is_not_there_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/nothing")
    (tmp_path / "toprank.dump").write_bytes(b"a backup")
    error = invoke("restore", tmp_path / "toprank.dump").exception
    assert isinstance(error, DumpError)
    assert str(error).startswith("the database cannot be reached: connection failed")
    assert "secret" not in str(error)


def test_without_our_own_programs_those_of_the_machine_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_of_ours() -> Path:
        raise EmbeddedPostgresError("toprank[web] is not installed")

    monkeypatch.setenv("DATABASE_URL", "postgresql://me@127.0.0.1:1/nothing")
    monkeypatch.setattr(embedded_postgres, "binaries", none_of_ours)
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "toprank.dump"

    missing = invoke("backup", file).exception
    (tmp_path / "pg_dump").write_text("#!/bin/sh\necho the one of the machine >&2\nexit 1\n")
    (tmp_path / "pg_dump").chmod(0o755)
    found = invoke("backup", file).exception

    assert str(missing) == "pg_dump is not installed: install toprank[web], or PostgreSQL's client programs"
    assert str(found) == "pg_dump failed: the one of the machine"


def test_what_is_too_old_is_tidied_away(engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert invoke("tidy").output == "Deleted nothing.\n"
    with Session(engine) as session:
        record_failure(session, account="a", address="b")
        session.execute(update(LoginAttempt).values(attempted_at=datetime.now(UTC) - timedelta(days=2)))
        session.commit()
    assert json.loads(invoke("tidy", "--json").output)["login_attempt"] == 1
