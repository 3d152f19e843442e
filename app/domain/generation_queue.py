"""Which systems still lack continuations, and queueing the jobs that write them."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.study_lock import lock_study
from app.errors import NotFoundError
from app.models import Checkpoint, Continuation, Passage, Person, Study, System
from app.models.checkpoint import CheckpointState
from app.models.passage import PassageState
from app.models.system import GenerationState
from app.queue import GENERATE, defer, is_queued, stop_jobs

# Systems of such checkpoints are queued when these are ready.
_IN_THE_MAKING = (CheckpointState.TRAINING, CheckpointState.UPLOADING, CheckpointState.VALIDATING)
_UNDER_WAY = (GenerationState.QUEUED, GenerationState.RUNNING)


def missing_passages(session: Session, system: System, *, limit: int | None = None) -> list[Passage]:
    """Accepted passages that the system has not continued yet: those that people judge first, then oldest first."""
    query = select(Passage).where(*_missing(system)).order_by(Passage.unjudged, Passage.id)
    return list(session.scalars(query.limit(limit)))


def count_missing(session: Session, system: System) -> int:
    """How many accepted passages the system has not continued yet."""
    return session.scalars(select(func.count()).select_from(Passage).where(*_missing(system))).one()


def count_written(session: Session, system: System) -> int:
    """How many passages the system has continued."""
    return session.scalars(select(func.count()).where(Continuation.system_id == system.id)).one()


def queue_generation(
    session: Session, study: Study, names: Collection[str] = (), *, engine: str = "auto", by: Person | None = None
) -> list[System]:
    """Queue a job for each of the named systems, or all, that lacks continuations, and return those.

    Systems of one checkpoint follow each other, in the order they were added, so that a worker loads it once.

    A system whose job waits already, or is running and will look again before it ends, gets no second one; a paused
    one waits until it is retried.
    """
    systems = named_systems(session, study, names)
    queued = [system for system in systems if not system.paused and _queue(session, system, engine)]
    _note(session, study, "queue", queued, by)
    return queued


def retry_systems(
    session: Session, study: Study, names: Collection[str] = (), *, engine: str = "auto", by: Person | None = None
) -> list[System]:
    """Queue the named systems, or all, also those that were paused; returns those that lacked something."""
    systems = named_systems(session, study, names)
    for system in systems:
        system.paused = False
    _note(session, study, "retry", systems, by)
    return [system for system in systems if _queue(session, system, engine)]


def stop_systems(
    session: Session, study: Study, names: Collection[str] = (), *, pause: bool, by: Person | None = None
) -> list[System]:
    """Take the named systems, or all, out of the queue, and stop those that are being written; what is there stays.

    Paused ones are left alone by `queue_generation` until somebody retries them.
    """
    systems = named_systems(session, study, names)
    for system in systems:
        system.paused = system.paused or pause
        stop_jobs(session, generation_lock(system.id))
        if not is_queued(session, generation_lock(system.id)) and system.state in _UNDER_WAY:
            system.state = GenerationState.IDLE
    session.flush()
    _note(session, study, "pause" if pause else "cancel", systems, by)
    return systems


def named_systems(session: Session, study: Study, names: Collection[str] = ()) -> list[System]:
    """The study's systems of these names, or all, locked, those of a checkpoint together in the order they were added.

    Raises NotFoundError, which names those there are.
    """
    systems = _locked_systems(session, study)
    unknown = sorted(set(names) - {system.name for system in systems})
    if unknown:
        known = ", ".join(system.name for system in systems) or "none yet"
        raise NotFoundError(f"The study {study.slug!r} has no system {unknown[0]!r} (systems: {known}).")
    named = [system for system in systems if not names or system.name in names]
    return sorted(named, key=lambda system: system.checkpoint_id)


def incomplete_systems(session: Session, study: Study, names: Collection[str] = ()) -> list[System]:
    """Those of the named systems, or all, that lack continuations and are not paused, one checkpoint after another."""
    systems = named_systems(session, study, names)
    return [system for system in systems if not system.paused and _can_write(session, system)]


def generation_lock(system_id: int) -> str:
    """Names the job that may write a system's continuations, one at a time."""
    return f"generate:{system_id}"


def _locked_systems(session: Session, study: Study) -> list[System]:
    lock_study(session, study.id)
    query = select(System).where(System.study_id == study.id).order_by(System.id).with_for_update(key_share=True)
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def _note(session: Session, study: Study, deed: str, systems: Collection[System], by: Person | None) -> None:
    """What was done about writing, for which systems; nothing where it was for none."""
    if systems:
        record(session, by, f"study.{deed}_generation", study, systems=[system.name for system in systems])


def _missing(system: System) -> tuple[ColumnElement[bool], ...]:
    done = exists().where(Continuation.system_id == system.id, Continuation.passage_id == Passage.id)
    return Passage.study_id == system.study_id, Passage.state == PassageState.ACCEPTED, ~done


def _can_write(session: Session, system: System) -> bool:
    """Whether something is missing and there are weights to write it, or something to say about them."""
    state = session.scalars(select(Checkpoint.state).where(Checkpoint.id == system.checkpoint_id)).one()
    return state not in _IN_THE_MAKING and count_missing(session, system) > 0


def _queue(session: Session, system: System, engine: str) -> bool:
    if not _can_write(session, system):
        return False
    lock = generation_lock(system.id)
    is_running = system.state is GenerationState.RUNNING and is_queued(session, lock, statuses=("doing",))
    if is_running or is_queued(session, lock, statuses=("todo",)):
        return False
    defer(session, GENERATE, lock=lock, system_id=system.id, engine=engine)
    system.state, system.reason = GenerationState.QUEUED, None
    session.flush()
    return True
