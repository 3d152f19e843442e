"""Connections of a pool, asked whether they live after a rest and trusted right after use, and what errors tell."""

import traceback

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from app import db
from app.db import Statement, make_engine


def backend_of(connection: Connection) -> int:
    pid: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return pid


NEW = "INSERT INTO person (email, role) VALUES ({}('Ada' || '@lab.example'), 'admin')"
DOUBLE = f"{NEW}, {NEW.partition('VALUES ')[2]}".replace("{}", "lower")
REFUSED = NEW.format("")


def use_and_lose(engine: Engine, other: Engine) -> int:
    """Use a connection, then end its backend while it rests in the pool."""
    with engine.connect() as connection:
        pid = backend_of(connection)
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    return pid


def test_a_connection_that_died_while_it_rested_is_replaced(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "TRUSTED_S", 0.0)
    pool = make_engine(database_url, pool_size=1)
    lost = use_and_lose(pool, engine)
    with pool.connect() as connection:
        assert backend_of(connection) != lost
    pool.dispose()


def test_a_connection_that_died_right_after_use_fails_once(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "TRUSTED_S", 60.0)
    pool = make_engine(database_url, pool_size=1)
    lost = use_and_lose(pool, engine)
    with pytest.raises(OperationalError), pool.connect() as connection:
        backend_of(connection)
    with pool.connect() as connection:
        assert backend_of(connection) != lost
    pool.dispose()


def test_a_resting_connection_that_lives_is_kept(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "TRUSTED_S", 0.0)
    pool = make_engine(database_url, pool_size=1)
    with pool.connect() as connection:
        first = backend_of(connection)
    with pool.connect() as connection:
        assert backend_of(connection) == first
    pool.dispose()


@pytest.mark.parametrize("statement", [DOUBLE, REFUSED])
def test_an_error_names_no_rows(session: Session, statement: str) -> None:
    """Postgres quotes the key that was there already, and the whole row that a rule refused."""
    for ask in (lambda: session.execute(text(statement)), lambda: Statement(statement).run(session)):
        with pytest.raises(IntegrityError) as caught, session.begin_nested():
            ask()
        told = "".join(traceback.format_exception(caught.value))
        assert "violates" in told
        assert "ada@lab" not in told.lower()
