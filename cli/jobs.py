"""`toprank jobs`: what workers do."""

import json
from typing import Annotated

import typer

from cli.connection import DataDir, transaction


def jobs(
    study: Annotated[str | None, typer.Option(help="Only of this study.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that ended as well.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each job.")] = False,
) -> None:
    """Print the jobs that wait or run, the oldest first."""
    from dataclasses import asdict

    from app.domain.jobs import page_of_jobs
    from app.domain.studies import find_study

    with transaction(data_dir) as session:
        found = find_study(session, study) if study is not None else None
        rows = page_of_jobs(session, study=found, waiting=not everything, limit=limit)
    for job in rows:
        about = " ".join(filter(None, (job.study, job.subject)))
        since = job.ended_at or job.began_at or job.queued_at
        words = (f"{job.id:>8}", f"{job.work:10}", f"{job.status:9}", f"{since:%Y-%m-%d %H:%M}" if since else "", about)
        print(json.dumps(asdict(job), default=str) if as_json else "  ".join(words).rstrip())
    if not rows and not as_json:
        print("There is no job." if everything else "No job waits or runs.")
