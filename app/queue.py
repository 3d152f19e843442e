"""Leave jobs for workers, in the same transaction as what they are about: a rolled-back request leaves none.

The procrastinate App here knows no tasks and imports none, only their names, so that the web app needs no torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from procrastinate import App, SyncPsycopgConnector
from sqlalchemy import text
from sqlalchemy.orm import Session

SCHEMA = "procrastinate"
# A worker runs one job of this queue at a time, in a child process; upkeep goes on beside it.
MODELS_QUEUE = "models"
GENERATE = "generation:generate"
SCORE = "generation:score"
MEASURE = "analysis:measure"
HYPERFIT = "hyperfitting:hyperfit"
DOWNSTREAM = "generation:downstream"
VALIDATE = "validation:validate"

# Never opened: every statement runs on a connection that a caller has.
_app = App(connector=SyncPsycopgConnector())


def defer(session: Session, task_name: str, *, lock: str | None = None, priority: int = 0, **args: int | str) -> int:
    """Queue a job on the session's own connection and return its number; it exists once the session commits.

    Of the jobs with the same `lock`, one runs at a time; those of a higher `priority` come first.
    """
    connection = session.connection().connection.driver_connection
    with _job_tables(session):
        job = _app.configure_task(task_name, lock=lock, priority=priority, queue=MODELS_QUEUE, connection=connection)
        return job.defer(**args)


def is_queued(session: Session, lock: str, *, statuses: tuple[str, ...] = ("todo", "doing")) -> bool:
    """Whether a job with this lock waits ('todo') or runs ('doing')."""
    query = text(
        f"SELECT EXISTS (SELECT FROM {SCHEMA}.procrastinate_jobs WHERE lock = :lock AND status::text = ANY(:statuses))"
    )
    return bool(session.execute(query, {"lock": lock, "statuses": list(statuses)}).scalar_one())


def stop_jobs(session: Session, lock: str) -> None:
    """Take waiting jobs with this lock out of the queue, and tell the worker of a running one to stop."""
    query = text(f"""
        SELECT procrastinate_cancel_job_v1(id, true, true) FROM {SCHEMA}.procrastinate_jobs
        WHERE lock = :lock AND status IN ('todo', 'doing')
    """)
    with _job_tables(session):
        session.execute(query, {"lock": lock})


def waiting_jobs(session: Session) -> list[tuple[str, str, dict[str, int | str]]]:
    """Jobs that wait ('todo') or run ('doing'), in the order in which workers take them: status, task and arguments."""
    query = text(f"""
        SELECT status::text, task_name, args FROM {SCHEMA}.procrastinate_jobs
        WHERE queue_name = :queue AND status IN ('todo', 'doing') ORDER BY status, priority DESC, id
    """)
    return [(status, task, args) for status, task, args in session.execute(query, {"queue": MODELS_QUEUE})]


@contextmanager
def _job_tables(session: Session) -> Iterator[None]:
    """Let procrastinate's functions, which name their tables without a schema, find them: for these statements only.

    An error leaves the transaction unusable, and its end takes the local setting back as well.
    """
    before = session.execute(text("SELECT current_setting('search_path')")).scalar_one()
    set_path = text("SELECT set_config('search_path', :path, true)")
    session.execute(set_path, {"path": SCHEMA})
    yield
    session.execute(set_path, {"path": before})
