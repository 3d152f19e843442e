"""What the house does at present, in numbers: judgements, jobs and connections, over all of its processes."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.queue import SCHEMA

ByLabels = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class Figures:
    """Everything that /metrics tells; `claims` and `verdicts` only grow, but for a crash of the database."""

    claims: float
    verdicts: float
    workers: float
    connections_limit: float
    studies: ByLabels
    leases: ByLabels
    jobs: ByLabels
    job_ages: ByLabels
    job_seconds: ByLabels
    connections: ByLabels


# Postgres counts inserted rows itself: counting them in the tables would take longer the more there are.
_TOTALS = text(f"""
SELECT (SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'assignment' AND schemaname = 'public') AS claims,
       (SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'annotation' AND schemaname = 'public') AS verdicts,
       (SELECT count(*) FROM {SCHEMA}.procrastinate_workers WHERE last_heartbeat > now() - interval '1 minute')
           AS workers,
       current_setting('max_connections')::int AS connections_limit
""")
_STUDIES = text("SELECT state, count(*) FROM study GROUP BY state")
_LEASES = text("SELECT state, count(*) FROM assignment WHERE state IN ('shown', 'next') GROUP BY state")
_JOBS = text(f"SELECT task_name, status::text, count(*) FROM {SCHEMA}.procrastinate_jobs GROUP BY 1, 2")
_JOB_AGES = text(f"""
SELECT j.task_name, j.status::text, extract(epoch FROM now() - min(e.at))
FROM {SCHEMA}.procrastinate_jobs j JOIN LATERAL (
    SELECT max(at) AS at FROM {SCHEMA}.procrastinate_events
    WHERE job_id = j.id AND type = CASE j.status WHEN 'doing' THEN 'started' ELSE 'deferred' END
        ::{SCHEMA}.procrastinate_job_event_type
) AS e ON true
WHERE j.status IN ('todo', 'doing') GROUP BY 1, 2 HAVING min(e.at) IS NOT NULL
""")
_JOB_SECONDS = text(f"""
SELECT j.task_name, avg(extract(epoch FROM ended.at - started.at))
FROM {SCHEMA}.procrastinate_jobs j
JOIN {SCHEMA}.procrastinate_events started ON started.job_id = j.id AND started.type = 'started'
JOIN {SCHEMA}.procrastinate_events ended ON ended.job_id = j.id AND ended.type IN ('succeeded', 'failed', 'aborted')
WHERE ended.at > started.at GROUP BY 1
""")
_CONNECTIONS = text("""
SELECT coalesce(nullif(application_name, ''), 'unnamed'), coalesce(state, 'unknown'), count(*)
FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1, 2
""")


def figures(session: Session) -> Figures:
    """All of them, by a few queries that cost milliseconds whatever the house's size."""
    totals = session.execute(_TOTALS).one()
    queries = {
        "studies": _STUDIES,
        "leases": _LEASES,
        "jobs": _JOBS,
        "job_ages": _JOB_AGES,
        "job_seconds": _JOB_SECONDS,
        "connections": _CONNECTIONS,
    }
    by_labels: dict[str, ByLabels] = {
        name: {tuple(map(str, labels)): float(value) for *labels, value in session.execute(query)}
        for name, query in queries.items()
    }
    return Figures(
        claims=float(totals.claims or 0),
        verdicts=float(totals.verdicts or 0),
        workers=float(totals.workers),
        connections_limit=float(totals.connections_limit),
        **by_labels,
    )
