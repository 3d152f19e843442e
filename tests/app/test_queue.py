"""Jobs appear with the transaction that deferred them, and never without it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.queue import GENERATE, defer, is_queued

LOCK = "generate:7"
JOBS = text("SELECT task_name, queue_name, lock, args FROM procrastinate.procrastinate_jobs")


@pytest.fixture
def own_session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def test_a_committed_request_leaves_its_job(engine: Engine, own_session: Session) -> None:
    defer(own_session, GENERATE, lock=LOCK, system_id=7)
    own_session.commit()

    with engine.connect() as connection:
        assert connection.execute(JOBS).all() == [(GENERATE, "models", LOCK, {"system_id": 7})]


def test_a_rolled_back_request_leaves_no_job(engine: Engine, own_session: Session) -> None:
    defer(own_session, GENERATE, lock=LOCK, system_id=7)
    own_session.rollback()

    with engine.connect() as connection:
        assert connection.execute(JOBS).all() == []


def test_deferring_leaves_the_connection_as_it_was(session: Session) -> None:
    before = session.execute(text("SHOW search_path")).scalar_one()

    defer(session, GENERATE, lock=LOCK, system_id=7)

    assert session.execute(text("SHOW search_path")).scalar_one() == before


def test_a_job_is_queued_until_it_has_ended(session: Session) -> None:
    assert not is_queued(session, LOCK)
    defer(session, GENERATE, lock=LOCK, system_id=7)
    assert is_queued(session, LOCK)
    assert is_queued(session, LOCK, statuses=("todo",))

    session.execute(text("SET LOCAL search_path TO procrastinate"))
    session.execute(text("UPDATE procrastinate_jobs SET status = 'succeeded'"))

    assert not is_queued(session, LOCK)
