"""What any worker does beside its jobs: jobs of a worker that stopped go back to the queue, and old rows go."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from procrastinate import App
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app.domain.tidying import Retention
from app.models import LoginAttempt
from app.queue import MEASURE, defer
from worker.app import app, connector
from worker.upkeep import UPKEEP_QUEUE, retry_stalled, tidy_up

SILENT = text("""
    INSERT INTO procrastinate.procrastinate_workers (last_heartbeat)
    VALUES (now() - make_interval(secs => :seconds)) RETURNING id
""")
TAKE = text("UPDATE procrastinate.procrastinate_jobs SET status = 'doing', worker_id = :worker, queue_name = :queue")
STATUSES = text("SELECT status::text FROM procrastinate.procrastinate_jobs")


def commit_job(engine: Engine, *, silent_s: int, queue: str = "models") -> None:
    """A job in the hands of a worker that was last heard of so long ago."""
    with Session(engine) as session, session.begin():
        defer(session, MEASURE, study_id=1)
        worker = session.execute(SILENT, {"seconds": silent_s}).scalar_one()
        # queues are changed by procrastinate's trigger alone, which finds its tables in its own schema
        session.execute(text("SET LOCAL search_path = procrastinate"))
        session.execute(TAKE, {"worker": worker, "queue": queue})


def statuses(engine: Engine) -> Sequence[str]:
    with Session(engine) as session:
        return session.scalars(STATUSES).all()


def on(database_url: str, work: Callable[[App], Awaitable[None]]) -> None:
    """Does it with an app that is connected to the test's database."""

    async def connected() -> None:
        with app.replace_connector(connector(database_url)) as replaced:
            async with replaced.open_async():
                await work(replaced)

    asyncio.run(connected())


async def retry(connected: Any) -> None:
    await retry_stalled.func(SimpleNamespace(app=connected), 0)


def test_the_job_of_a_silent_worker_is_queued_again(
    engine: Engine, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    commit_job(engine, silent_s=31)

    on(database_url, retry)

    assert statuses(engine) == ["todo"]
    assert "(analysis:measure[1](study_id=1)) stopped; it is queued again." in caplog.text


@pytest.mark.parametrize(("silent_s", "queue"), [(5, "models"), (3600, UPKEEP_QUEUE)])
def test_a_worker_that_was_heard_of_keeps_its_job_and_upkeep_is_not_repeated(
    engine: Engine, database_url: str, silent_s: int, queue: str
) -> None:
    commit_job(engine, silent_s=silent_s, queue=queue)

    on(database_url, retry)

    assert statuses(engine) == ["doing"]


def test_of_two_workers_that_find_a_job_one_queues_it(
    engine: Engine, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    commit_job(engine, silent_s=31)

    async def twice(connected: App) -> None:
        found = await connected.job_manager.get_stalled_jobs(seconds_since_heartbeat=30)
        await retry(connected)

        async def what_both_found(**_: object) -> list[Any]:
            return list(found)

        late = SimpleNamespace(get_stalled_jobs=what_both_found, retry_job=connected.job_manager.retry_job)
        await retry(SimpleNamespace(job_manager=late))

    with caplog.at_level(logging.INFO, logger="toprank.worker"):
        on(database_url, twice)

    assert statuses(engine) == ["todo"]
    assert caplog.messages[-1].startswith("Another worker was faster to queue job")


def test_old_rows_go_by_what_this_worker_was_told(engine: Engine, database_url: str) -> None:
    ages = [timedelta(hours=1), timedelta(hours=3)]
    with Session(engine) as session, session.begin():
        now = datetime.now(UTC)
        session.add_all(LoginAttempt(account="a", address="b", attempted_at=now - age) for age in ages)
    told = {"orders": {"database_url": database_url}, "retention": Retention(attempts=timedelta(hours=2))}

    tidy_up.func(SimpleNamespace(additional_context=told), 0)

    with Session(engine) as session:
        (kept,) = session.scalars(select(LoginAttempt.attempted_at))
        assert kept == now - ages[0]
