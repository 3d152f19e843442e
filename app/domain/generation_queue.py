"""Which systems still lack continuations, and queueing the jobs that write them."""

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.domain.continuations import lock_study
from app.models import Continuation, Passage, Study, System
from app.models.passage import PassageState
from app.models.system import GenerationState
from app.queue import GENERATE, defer, is_queued


def missing_passages(session: Session, system: System, *, limit: int | None = None) -> list[Passage]:
    """Accepted passages that the system has not continued yet, oldest first."""
    done = exists().where(Continuation.system_id == system.id, Continuation.passage_id == Passage.id)
    query = select(Passage).where(Passage.study_id == system.study_id, Passage.state == PassageState.ACCEPTED, ~done)
    return list(session.scalars(query.order_by(Passage.id).limit(limit)))


def count_missing(session: Session, system: System) -> int:
    """How many accepted passages the system has not continued yet."""
    done = exists().where(Continuation.system_id == system.id, Continuation.passage_id == Passage.id)
    query = select(func.count()).where(
        Passage.study_id == system.study_id, Passage.state == PassageState.ACCEPTED, ~done
    )
    return session.scalars(query).one()


def count_written(session: Session, system: System) -> int:
    """How many passages the system has continued."""
    return session.scalars(select(func.count()).where(Continuation.system_id == system.id)).one()


def queue_generation(session: Session, study: Study, *, engine: str = "transformers") -> list[System]:
    """Queue a job for each system of the study that lacks continuations, in the order they were added; returns those.

    A system whose job waits already, or is running and will look again before it ends, gets no second one.
    """
    lock_study(session, study.id)
    systems = session.scalars(
        select(System).where(System.study_id == study.id).order_by(System.id).with_for_update(key_share=True)
    )
    return [system for system in systems if _queue(session, system, engine)]


def incomplete_systems(session: Session, study: Study) -> list[System]:
    """The study's systems that lack continuations, in the order they were added."""
    systems = session.scalars(select(System).where(System.study_id == study.id).order_by(System.id))
    return [system for system in systems if count_missing(session, system)]


def generation_lock(system_id: int) -> str:
    """Names the job that may write a system's continuations, one at a time."""
    return f"generate:{system_id}"


def _queue(session: Session, system: System, engine: str) -> bool:
    if not count_missing(session, system):
        return False
    lock = generation_lock(system.id)
    is_running = system.state is GenerationState.RUNNING and is_queued(session, lock, statuses=("doing",))
    if is_running or is_queued(session, lock, statuses=("todo",)):
        return False
    defer(session, GENERATE, lock=lock, system_id=system.id, engine=engine)
    system.state, system.reason = GenerationState.QUEUED, None
    session.flush()
    return True
