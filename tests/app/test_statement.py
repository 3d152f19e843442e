"""Statements that go straight to psycopg: in the session's transaction, with SQLAlchemy's errors."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from app.db import Statement, make_engine
from app.models import Person
from app.models.person import Role

ECHO = Statement("SELECT :word::text AS word, '100%' AS share, 7 % 4 AS rest")
PEOPLE = Statement("SELECT email FROM person WHERE email = :email")
ADD = Statement("INSERT INTO person (email, role) VALUES (:email, 'annotator')")


def test_parameters_are_named_and_casts_and_percent_signs_stay(session: Session) -> None:
    assert ECHO.one(session, word="it's") == ("it's", "100%", 3)


def test_rows_are_read_by_name(session: Session) -> None:
    assert ECHO.one(session, word="a").word == "a"


def test_no_row_is_none(session: Session) -> None:
    assert PEOPLE.first(session, email="nobody@example.org") is None


def test_it_sees_what_the_session_has_not_written_yet(session: Session) -> None:
    session.add(Person(email="pending@example.org", role=Role.ANNOTATOR))
    assert PEOPLE.one(session, email="pending@example.org").email == "pending@example.org"


def test_it_belongs_to_the_session_s_transaction(engine: Engine) -> None:
    with Session(engine) as session:
        ADD.run(session, email="rolled@example.org")
        session.rollback()
        assert PEOPLE.first(session, email="rolled@example.org") is None


def test_a_broken_rule_is_sqlalchemy_s_error(session: Session) -> None:
    ADD.run(session, email="twice@example.org")
    with pytest.raises(IntegrityError):
        ADD.run(session, email="twice@example.org")


def test_a_lost_connection_is_an_operational_error_once(engine: Engine, database_url: str) -> None:
    pool = make_engine(database_url, pool_size=1)
    with Session(pool) as session, Session(engine) as other:
        lost = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": lost})
        with pytest.raises(OperationalError):
            PEOPLE.first(session, email="anybody@example.org")
        session.rollback()
        assert PEOPLE.first(session, email="anybody@example.org") is None
    pool.dispose()
