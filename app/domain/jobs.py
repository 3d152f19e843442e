"""What workers do and have done: the jobs on models, named by what they are about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.models import Study
from app.queue import MODELS_QUEUE, SCHEMA


@dataclass(frozen=True)
class Job:
    """One job: `work` is generate, score, hyperfit, measure and the like; `study` and `subject` say on what.

    Status is todo, doing, succeeded, failed, cancelled or aborted.
    """

    id: int
    work: str
    status: str
    study: str | None
    subject: str | None
    attempts: int
    queued_at: datetime | None
    began_at: datetime | None
    ended_at: datetime | None


_JOBS = text(f"""
SELECT j.id, j.task_name, j.status::text AS status, coalesce(s.slug, t.slug) AS study,
       coalesce(y.name, c.name, dc.name) AS subject, j.attempts,
       min(e.at) FILTER (WHERE e.type = 'deferred') AS queued_at,
       max(e.at) FILTER (WHERE e.type = 'started') AS began_at,
       max(e.at) FILTER (WHERE e.type IN ('succeeded', 'failed', 'cancelled', 'aborted')) AS ended_at
FROM {SCHEMA}.procrastinate_jobs j
LEFT JOIN {SCHEMA}.procrastinate_events e ON e.job_id = j.id
LEFT JOIN system y ON y.id = CAST(j.args ->> 'system_id' AS bigint)
LEFT JOIN study s ON s.id = y.study_id
LEFT JOIN study t ON t.id = CAST(j.args ->> 'study_id' AS bigint)
LEFT JOIN checkpoint c ON c.id = CAST(j.args ->> 'checkpoint_id' AS bigint)
LEFT JOIN downstream_run dr ON dr.id = CAST(j.args ->> 'run_id' AS bigint)
LEFT JOIN checkpoint dc ON dc.id = dr.checkpoint_id
WHERE j.queue_name = :queue AND j.id > :after
  AND (CAST(:study AS bigint) IS NULL OR coalesce(s.id, t.id) = :study)
  AND (NOT :waiting OR j.status IN ('todo', 'doing'))
GROUP BY j.id, s.slug, t.slug, y.name, c.name, dc.name
ORDER BY j.id LIMIT :limit
""")


def page_of_jobs(
    session: Session, *, after: int = 0, limit: int = 100, study: Study | None = None, waiting: bool = False
) -> list[Job]:
    """Jobs whose number is above `after`, the oldest first; of one study, or those that wait or run, if asked."""
    asked = {"after": after, "limit": limit, "study": study.id if study else None, "waiting": waiting}
    return [_job(row) for row in session.execute(_JOBS, asked | {"queue": MODELS_QUEUE})]


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        work=row.task_name.partition(":")[2] or row.task_name,
        status=row.status,
        study=row.study,
        subject=row.subject,
        attempts=row.attempts,
        queued_at=row.queued_at,
        began_at=row.began_at,
        ended_at=row.ended_at,
    )
