"""Ordering evaluations on downstream tasks (paper B.4), following and stopping them, and what they found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.downstream_plan import DownstreamPlan, parts_of
from app.errors import NotFoundError, ToprankError
from app.models import Checkpoint, DownstreamRun, Person
from app.models.checkpoint import CheckpointState
from app.models.system import GenerationState
from app.queue import DOWNSTREAM, SCHEMA, defer, is_queued, stop_jobs


@dataclass(frozen=True)
class FollowedRun:
    """A run, whose it is, and how many of its parts are evaluated or failed; `is_stopping` while a worker ends."""

    run: DownstreamRun
    checkpoint: str
    done: int
    is_stopping: bool

    @property
    def id(self) -> int:
        """The run's number."""
        return self.run.id

    @property
    def total(self) -> int:
        """How many parts it has."""
        return len(parts_of(self.run.tasks, self.run.shots))

    @property
    def is_under_way(self) -> bool:
        """Whether it waits for a worker or has one."""
        return self.run.state in _UNDER_WAY

    @property
    def can_go_on(self) -> bool:
        """Whether there is something left that a worker could evaluate."""
        return not self.is_under_way and (self.run.state is not GenerationState.DONE or bool(self.run.failures))


class Found(NamedTuple):
    """A score of one task or group of tasks, with what the interval of a difference needs."""

    checkpoint_id: int
    checkpoint: str
    part: str
    task: str
    shots: int
    metric: str
    value: float
    stderr: float | None
    questions: int
    each: list[float] | None
    settings: str
    harness: str | None


# The newest run that evaluated something is the one that is shown.
_SCORES = text("""
SELECT DISTINCT ON (r.checkpoint_id, s.task, s.part, s.metric)
       r.checkpoint_id, k.name, s.part, s.task, s.shots, s.metric, s.value, s.stderr, s.questions, s."each",
       concat_ws('/', r.question_limit, r.seed, r.task_folder) AS settings, r.harness
FROM downstream_score s
JOIN downstream_run r ON r.id = s.run_id
JOIN checkpoint k ON k.id = r.checkpoint_id
WHERE r.checkpoint_id = ANY(:checkpoints)
ORDER BY r.checkpoint_id, s.task, s.part, s.metric, r.id DESC
""")
_PROGRESS = text(f"""
SELECT r.id, (SELECT count(DISTINCT s.part) FROM downstream_score s WHERE s.run_id = r.id) AS evaluated,
       EXISTS (SELECT FROM {SCHEMA}.procrastinate_jobs j
               WHERE j.lock = 'downstream:' || r.id AND j.status = 'doing' AND j.abort_requested) AS is_stopping
FROM downstream_run r WHERE r.id = ANY(:runs)
""")
_UNDER_WAY = (GenerationState.QUEUED, GenerationState.RUNNING)
_ORIGINALS = text("""
SELECT checkpoint_id, base_id FROM hyperfit_run
WHERE base_id IS NOT NULL AND checkpoint_id = ANY(:checkpoints) AND base_id = ANY(:checkpoints)
""")


def find_checkpoints(session: Session, names: Sequence[str]) -> list[Checkpoint]:
    """The checkpoints of these names, in this order. Raises NotFoundError for the first that there is none of."""
    known = {one.name: one for one in session.scalars(select(Checkpoint).order_by(Checkpoint.name))}
    for name in names:
        if name not in known:
            raise NotFoundError(f"There is no checkpoint {name!r} (checkpoints: {', '.join(known) or 'none yet'}).")
    return [known[name] for name in dict.fromkeys(names)]


def order_downstream(
    session: Session, names: Sequence[str], plan: DownstreamPlan, *, by: Person | None = None
) -> list[DownstreamRun]:
    """The run of each of these checkpoints, left to a worker unless it is complete.

    Raises NotFoundError for an unknown name, ToprankError for none, or for a checkpoint that is not ready.
    """
    if not names:
        raise ToprankError("Name at least one checkpoint.")
    runs = [find_or_make_run(session, one, plan) for one in find_checkpoints(session, names)]
    for run in runs:
        queue_downstream(session, run, by=by)
    return runs


def find_or_make_run(session: Session, checkpoint: Checkpoint, plan: DownstreamPlan) -> DownstreamRun:
    """The checkpoint's run of this plan; what it evaluated already stays.

    Raises ToprankError for a checkpoint that is not ready.
    """
    if checkpoint.state is not CheckpointState.READY:
        raise ToprankError(f"The checkpoint {checkpoint.name} is {checkpoint.state}; only a ready one is evaluated.")
    values = {
        "tasks": list(plan.tasks),
        "shots": sorted(set(plan.shots)),
        "question_limit": plan.question_limit,
        "seed": plan.seed,
        "task_folder": plan.task_folder,
    }
    same = [getattr(DownstreamRun, name).is_not_distinct_from(value) for name, value in values.items()]
    query = select(DownstreamRun).where(DownstreamRun.checkpoint_id == checkpoint.id, *same)
    run = session.scalars(query.order_by(DownstreamRun.id.desc())).first()
    if run is None:
        run = DownstreamRun(checkpoint_id=checkpoint.id, **values)
        session.add(run)
        session.flush()
    return run


def queue_downstream(session: Session, run: DownstreamRun, *, by: Person | None = None) -> bool:
    """Leave the run to a worker, unless it is complete or a worker has it; says whether it was queued."""
    _lock(session, run)
    is_complete = run.state is GenerationState.DONE and not run.failures
    if is_complete or is_queued(session, downstream_lock(run.id)):
        return False
    defer(session, DOWNSTREAM, lock=downstream_lock(run.id), run_id=run.id)
    run.state, run.reason, run.failures = GenerationState.QUEUED, None, []
    _note(session, run, "queue", by)
    return True


def stop_downstream(session: Session, run: DownstreamRun, *, by: Person | None = None) -> None:
    """Take a run out of the queue, or tell its worker to stop; what is evaluated stays, and it can go on later."""
    _lock(session, run)
    stop_jobs(session, downstream_lock(run.id))
    if run.state in _UNDER_WAY and not is_queued(session, downstream_lock(run.id)):
        run.state = GenerationState.IDLE
    _note(session, run, "cancel", by)


def _note(session: Session, run: DownstreamRun, deed: str, by: Person | None) -> None:
    checkpoint = session.get_one(Checkpoint, run.checkpoint_id)
    record(session, by, f"checkpoint.{deed}_downstream", checkpoint, name=checkpoint.name, tasks=run.tasks)


def _lock(session: Session, run: DownstreamRun) -> None:
    """Nobody else queues or stops the run meanwhile."""
    session.flush()
    session.refresh(run, with_for_update=True)


def find_run(session: Session, run_id: int) -> DownstreamRun:
    """The run of this number. Raises NotFoundError."""
    run = session.get(DownstreamRun, run_id)
    if run is None:
        raise NotFoundError(f"There is no run {run_id} on downstream tasks.")
    return run


def downstream_lock(run_id: int) -> str:
    """Names the job that evaluates a run, one at a time."""
    return f"downstream:{run_id}"


def runs_of(session: Session, checkpoint_ids: Sequence[int]) -> list[FollowedRun]:
    """The checkpoints' runs, the newest first."""
    query = _followed().where(DownstreamRun.checkpoint_id.in_(checkpoint_ids)).order_by(DownstreamRun.id.desc())
    return _with_progress(session, query)


def page_of_runs(session: Session, *, after: int, limit: int) -> list[FollowedRun]:
    """Runs whose number is above `after`, the oldest first."""
    query = _followed().where(DownstreamRun.id > after).order_by(DownstreamRun.id).limit(limit)
    return _with_progress(session, query)


def followed(session: Session, run: DownstreamRun) -> FollowedRun:
    """Where a run stands."""
    return _with_progress(session, _followed().where(DownstreamRun.id == run.id))[0]


def _followed() -> Select[DownstreamRun, str]:
    return select(DownstreamRun, Checkpoint.name).join(Checkpoint, Checkpoint.id == DownstreamRun.checkpoint_id)


def _with_progress(session: Session, query: Select[DownstreamRun, str]) -> list[FollowedRun]:
    found = [(run, name) for run, name in session.execute(query)]
    progress = {row.id: row for row in session.execute(_PROGRESS, {"runs": [run.id for run, _ in found]})}
    return [
        FollowedRun(run, name, progress[run.id].evaluated + len(run.failures), progress[run.id].is_stopping)
        for run, name in found
    ]


def evaluated_checkpoints(session: Session) -> list[int]:
    """Those that were evaluated, or are to be."""
    return list(session.scalars(select(DownstreamRun.checkpoint_id).distinct().order_by(DownstreamRun.checkpoint_id)))


def downstream_scores(session: Session, checkpoint_ids: Sequence[int]) -> list[Found]:
    """The newest scores of these checkpoints."""
    return [Found(*row) for row in session.execute(_SCORES, {"checkpoints": list(checkpoint_ids)})]


def originals_of(session: Session, checkpoint_ids: Sequence[int]) -> dict[int, int]:
    """By hyperfitted checkpoint, what it was made of, where both are among these."""
    rows = session.execute(_ORIGINALS, {"checkpoints": list(checkpoint_ids)})
    return {row.checkpoint_id: row.base_id for row in rows}
