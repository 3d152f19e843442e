"""Carry out a run of downstream tasks, part by part, each committed when it is there; failures keep their reason.

In a process of its own: tasks are programs of whoever wrote them, and are not to touch a model that others go on with.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.downstream import downstream_lock
from app.domain.downstream_plan import Part, parts_of
from app.errors import ToprankError
from app.models import Checkpoint, DownstreamRun, DownstreamScore
from app.models.system import GenerationState
from generation.checkpoint_folder import checkpoint_folder
from generation.child import answer_orders
from generation.downstream.found import Metric
from generation.downstream.harness import Harness, TaskError, task_manager
from generation.generate import Outcome, session_holding

LOG = logging.getLogger("toprank.generation")


@dataclass(frozen=True)
class DownstreamOrder:
    """Which run to carry out, and how many questions are asked at a time."""

    database_url: str
    run_id: int
    batch: int = 32


@dataclass(frozen=True)
class DownstreamProgress:
    """How far a run is."""

    checkpoint: str
    part: str
    done: int
    total: int
    said: str

    def __str__(self) -> str:
        return f"{self.checkpoint}: {self.done} of {self.total} parts, {self.part} {self.said}"


def evaluate(order: DownstreamOrder, report: Callable[[DownstreamProgress], None]) -> Outcome:
    """Evaluate every part that has no score yet; a reason that a person can act on goes to the run's row."""
    with session_holding(order.database_url, downstream_lock(order.run_id)) as session:
        if session is None:
            return Outcome.BUSY
        try:
            return _fill(session, order, report)
        except ToprankError as error:
            session.rollback()
            mark_run(session, order.run_id, GenerationState.FAILED, reason=str(error))
            return Outcome.FAILED


def mark_run(
    session: Session, run_id: int, state: GenerationState, *, reason: str | None = None, unless_done: bool = False
) -> None:
    """Commit where a run stands; what is done may stay so."""
    run = session.get(DownstreamRun, run_id)
    if run is not None and not (unless_done and run.state is GenerationState.DONE):
        run.state, run.reason = state, reason
    session.commit()


def _fill(session: Session, order: DownstreamOrder, report: Callable[[DownstreamProgress], None]) -> Outcome:
    run = session.get(DownstreamRun, order.run_id)
    if run is None:
        return Outcome.DONE
    checkpoint = session.get_one(Checkpoint, run.checkpoint_id)
    parts = parts_of(run.tasks, run.shots)
    evaluated = set(session.scalars(select(DownstreamScore.part).where(DownstreamScore.run_id == run.id)))
    missing = [part for part in parts if str(part) not in evaluated]
    run.state, run.reason, run.failures = GenerationState.RUNNING, None, []
    session.commit()
    if missing:
        manager = task_manager([part.task for part in missing], run.task_folder)
        harness = Harness(
            checkpoint_folder(checkpoint.source),
            manager,
            limit=run.question_limit,
            seed=run.seed,
            batch=order.batch,
        )
        run.harness = harness.version
    for number, part in enumerate(missing, start=len(parts) - len(missing) + 1):
        said = _evaluate_part(session, run, harness, part)
        report(DownstreamProgress(checkpoint.name, str(part), number, len(parts), said))
    return _end(session, run, len(parts))


def _evaluate_part(session: Session, run: DownstreamRun, harness: Harness, part: Part) -> str:
    """Keeps what was found, or why nothing was; says how it went."""
    began = time.monotonic()
    try:
        found = harness.evaluate(part)
    except TaskError as error:
        run.failures = [*run.failures, {"part": str(part), "reason": str(error)}]
        session.commit()
        return f"failed: {error}"
    session.add_all(_score(run, part, metric) for metric in found)
    session.commit()
    return f"in {time.monotonic() - began:.0f} s"


def _score(run: DownstreamRun, part: Part, metric: Metric) -> DownstreamScore:
    return DownstreamScore(run_id=run.id, part=str(part), **metric._asdict())


def _end(session: Session, run: DownstreamRun, parts: int) -> Outcome:
    """A run of which nothing could be evaluated failed; any other is done, its failures named."""
    is_nothing = len(run.failures) == parts
    run.state = GenerationState.FAILED if is_nothing else GenerationState.DONE
    run.reason = str(run.failures[0]["reason"]) if is_nothing else None
    run.finished_at = func.now()
    session.commit()
    return Outcome.FAILED if is_nothing else Outcome.DONE


def main() -> None:
    """Entry of the child."""
    answer_orders(lambda values: evaluate(DownstreamOrder(**values), LOG.info))


if __name__ == "__main__":
    main()
