"""Ordering evaluations on downstream tasks (paper B.4), and what they found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.errors import NotFoundError, ToprankError
from app.models import Checkpoint, DownstreamRun
from app.models.checkpoint import CheckpointState
from app.models.system import GenerationState
from app.queue import DOWNSTREAM, defer, is_queued

MMLU = "mmlu"
GLUE = "glue"
GLUE_TASKS = ("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2")
MOST_GLUE_SHOTS = 4
PERPLEXITY = "question_perplexity"


@dataclass(frozen=True)
class DownstreamPlan:
    """What to evaluate. `shots` are for every task but GLUE's, which take none, and the most that fit up to four."""

    tasks: tuple[str, ...] = (MMLU, GLUE)
    shots: tuple[int, ...] = (0, 1, 3, 5)
    question_limit: int | None = None
    seed: int = 1234
    task_folder: str | None = None

    def __post_init__(self) -> None:
        """Raises ToprankError for what makes no sense."""
        if not self.tasks or not all(name.strip() for name in self.tasks):
            raise ToprankError("Name at least one task, such as mmlu or glue.")
        if not self.shots or not all(0 <= shots <= 100 for shots in self.shots):
            raise ToprankError("Shots are numbers from 0 to 100.")
        if self.question_limit is not None and self.question_limit < 1:
            raise ToprankError(f"The limit is {self.question_limit} questions; it has to be 1 or more.")


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


def queue_downstream(session: Session, run: DownstreamRun) -> bool:
    """Leave the run to a worker, unless it is complete or a worker has it; says whether it was queued."""
    is_complete = run.state is GenerationState.DONE and not run.failures
    if is_complete or is_queued(session, downstream_lock(run.id)):
        return False
    defer(session, DOWNSTREAM, lock=downstream_lock(run.id), run_id=run.id)
    run.state, run.reason = GenerationState.QUEUED, None
    session.flush()
    return True


def downstream_lock(run_id: int) -> str:
    """Names the job that evaluates a run, one at a time."""
    return f"downstream:{run_id}"


def runs_of(session: Session, checkpoint_ids: Sequence[int]) -> list[tuple[DownstreamRun, str]]:
    """The checkpoints' runs and their names, the newest first."""
    query = (
        select(DownstreamRun, Checkpoint.name)
        .join(Checkpoint, Checkpoint.id == DownstreamRun.checkpoint_id)
        .where(DownstreamRun.checkpoint_id.in_(checkpoint_ids))
        .order_by(DownstreamRun.id.desc())
    )
    return [(run, name) for run, name in session.execute(query)]


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
