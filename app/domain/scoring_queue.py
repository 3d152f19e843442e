"""Which passages a study's checkpoints have not scored yet, and queueing the jobs that score them."""

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.study_lock import lock_study
from app.models import Checkpoint, Passage, Person, Score, Scoring, Study, System
from app.models.passage import PassageState
from app.models.system import GenerationState
from app.queue import SCORE, defer, is_queued

# Nobody waits for scores as they wait for something to judge.
AFTER_GENERATION = -1


def unscored_passages(
    session: Session, study_id: int, checkpoint_id: int, *, limit: int | None = None
) -> list[Passage]:
    """Judged passages that the checkpoint has not read yet, oldest first."""
    done = exists().where(Score.checkpoint_id == checkpoint_id, Score.passage_id == Passage.id)
    query = select(Passage).where(*_judged(study_id), ~done)
    return list(session.scalars(query.order_by(Passage.id).limit(limit)))


def count_scored(session: Session, study_id: int, checkpoint_id: int) -> tuple[int, int]:
    """How many judged passages the checkpoint has read, of how many."""
    done = exists().where(Score.checkpoint_id == checkpoint_id, Score.passage_id == Passage.id)
    query = select(func.count().filter(done), func.count()).select_from(Passage).where(*_judged(study_id))
    scored, total = session.execute(query).one()
    return scored, total


def checkpoints_of(session: Session, study: Study) -> list[Checkpoint]:
    """What the study's systems are made of, in the order they were added."""
    used = select(System.checkpoint_id).where(System.study_id == study.id)
    return list(session.scalars(select(Checkpoint).where(Checkpoint.id.in_(used)).order_by(Checkpoint.id)))


def queue_scoring(session: Session, study: Study, *, by: Person | None = None) -> list[Checkpoint]:
    """Queue a job for each checkpoint of the study that has passages to read; returns those.

    A checkpoint whose job waits already, or is running and will look again before it ends, gets no second one.
    """
    lock_study(session, study.id)
    queued = [one for one in checkpoints_of(session, study) if _queue(session, study.id, one.id)]
    if queued:
        record(session, by, "study.queue_scoring", study, checkpoints=[one.name for one in queued])
    return queued


def queue_scoring_by(session: Session, study_id: int, checkpoint_id: int) -> bool:
    """Queue a job for one checkpoint; whether there was something to queue."""
    lock_study(session, study_id)
    return _queue(session, study_id, checkpoint_id)


def scoring_lock(study_id: int, checkpoint_id: int) -> str:
    """Names the job that may score a study's passages by a checkpoint, one at a time."""
    return f"score:{study_id}:{checkpoint_id}"


def set_scoring(
    session: Session, study_id: int, checkpoint_id: int, state: GenerationState, *, reason: str | None = None
) -> None:
    """Keep where the scoring stands."""
    values = {"state": state, "reason": reason}
    statement = insert(Scoring).values(study_id=study_id, checkpoint_id=checkpoint_id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["study_id", "checkpoint_id"], set_=values))


def _judged(study_id: int) -> tuple[ColumnElement[bool], ...]:
    return Passage.study_id == study_id, Passage.state == PassageState.ACCEPTED, ~Passage.unjudged


def _queue(session: Session, study_id: int, checkpoint_id: int) -> bool:
    if not unscored_passages(session, study_id, checkpoint_id, limit=1):
        return False
    lock = scoring_lock(study_id, checkpoint_id)
    scoring = session.get(Scoring, (study_id, checkpoint_id), populate_existing=True)
    is_running = scoring is not None and scoring.state is GenerationState.RUNNING
    if is_queued(session, lock, statuses=("todo",)) or (is_running and is_queued(session, lock, statuses=("doing",))):
        return False
    defer(session, SCORE, lock=lock, priority=AFTER_GENERATION, study_id=study_id, checkpoint_id=checkpoint_id)
    set_scoring(session, study_id, checkpoint_id, GenerationState.QUEUED)
    return True
