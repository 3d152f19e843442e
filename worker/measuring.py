"""The job that measures a study's systems, in a child process, so that heartbeats go on while it computes."""

import json
import os
import sys
import time

from procrastinate import Blueprint, JobContext
from procrastinate.exceptions import JobAborted
from sqlalchemy.orm import Session

from app.db import make_engine
from app.lifeline import die_with_parent, start_child
from app.models import Study
from app.models.system import GenerationState
from app.queue import MODELS_QUEUE
from generation.tasks import LaterOn

POLL_S = 0.2

tasks = Blueprint()


@tasks.task(name="measure", pass_context=True, queue=MODELS_QUEUE, retry=LaterOn())
def measure(context: JobContext, *, study_id: int) -> None:
    """Measure what changed; repeated, it finds nothing to do. What was measured before an end stays measured."""
    database_url = context.additional_context["orders"]["database_url"]
    order = json.dumps({"database_url": database_url, "study_id": study_id})
    with start_child([sys.executable, "-m", "worker.measuring"], first_line=order, environment=os.environ) as child:
        try:
            while child.poll() is None:
                if context.should_abort():
                    _mark(database_url, study_id, GenerationState.QUEUED)
                    raise JobAborted
                time.sleep(POLL_S)
        finally:
            child.kill()
    if child.returncode != 0:
        reason = f"The process that measures ended with exit code {child.returncode}; the worker's log says why."
        _mark(database_url, study_id, GenerationState.FAILED, reason=reason)


def _mark(database_url: str, study_id: int, state: GenerationState, *, reason: str | None = None) -> None:
    from app.analysis.measuring import mark_measuring

    engine = make_engine(database_url, pool_size=1)
    try:
        with Session(engine) as session, session.begin():
            mark_measuring(session, study_id, state, done=0, total=0, reason=reason)
    finally:
        engine.dispose()


def main() -> None:
    """Entry of the child."""
    from app.analysis.measuring import measure_study

    order = json.loads(die_with_parent())
    engine = make_engine(order["database_url"], pool_size=1)
    try:
        with Session(engine, expire_on_commit=False) as session:
            measure_study(session, session.get_one(Study, order["study_id"]), lambda line: print(line, flush=True))  # noqa: T201
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
