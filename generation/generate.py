"""Write the continuations that a system lacks, batch by batch, each committed when it is there.

Whoever writes for a system holds its advisory lock, on the very connection that it publishes on: a connection that is
lost takes lock and transaction with it. Killed at any moment, at most the batch in hand is lost, and nothing doubles.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from app.db import make_engine
from app.domain.continuations import record_continuation, release
from app.domain.generation_queue import count_missing, count_written, generation_lock, missing_passages
from app.domain.reference_tokens import ReferenceTokenizer
from app.domain.studies import reference_tokenizer
from app.domain.study_lock import lock_study
from app.errors import ToprankError
from app.models import Checkpoint, Passage, Study, System, TrainingTexts
from app.models.checkpoint import CheckpointState
from app.models.study import StudyState
from app.models.system import GenerationState
from generation.engines.base import OutOfMemoryError
from generation.loaded import Loaded
from generation.writing import Writer, prepare_writer

LOG = logging.getLogger("toprank.generation")


@dataclass(frozen=True)
class Order:
    """What to generate, where and how; the first batch is small so that the first comparison is soon there."""

    database_url: str
    system_id: int
    engine: str = "auto"
    first_batch: int = 8
    batch: int = 32


@dataclass(frozen=True)
class Progress:
    """How far a system is, and how fast the last batch was."""

    system: str
    written: int
    total: int
    tokens_per_second: float

    def __str__(self) -> str:
        return f"{self.system}: {self.written} of {self.total} passages, {self.tokens_per_second:.0f} tokens/s"


class Outcome(IntEnum):
    """How an order ended; a child process answers by the number."""

    DONE = 0
    FAILED = 1  # the system says why
    BUSY = 2  # somebody else is at it, or whom it needs is away: the job comes back
    ANOTHER = 3  # the process has another checkpoint loaded: the order is for a new one


class NotReadyError(ToprankError):
    """The study or the checkpoint is not in a state to generate."""


def generate(order: Order, report: Callable[[Progress], None], loaded: Loaded) -> Outcome:
    """Write everything that the order's system lacks; a reason that a person can act on goes to the system's row.

    What it loaded stays so, until its owner closes it. Raises AnotherCheckpointError where `loaded` is never another.
    """
    with session_holding(order.database_url, generation_lock(order.system_id)) as session:
        if session is None:
            return Outcome.BUSY
        try:
            _fill(session, order, report, loaded)
        except ToprankError as error:
            session.rollback()
            mark(session, order.system_id, GenerationState.FAILED, reason=str(error))
            return Outcome.FAILED
        return Outcome.DONE


@contextmanager
def session_holding(database_url: str, lock: str) -> Iterator[Session | None]:
    """A session on a connection that holds an advisory lock until it closes; None when somebody else holds it."""
    key = func.hashtextextended(lock, 0)
    engine = make_engine(database_url, pool_size=1)
    try:
        with engine.connect() as connection, Session(connection, expire_on_commit=False) as session:
            is_ours = session.scalar(select(func.pg_try_advisory_lock(key)))
            session.commit()
            yield session if is_ours else None
    finally:
        engine.dispose()


def mark(
    session: Session,
    system_id: int,
    state: GenerationState,
    *,
    reason: str | None = None,
    unless_done: bool = False,
) -> None:
    """Commit where the generation of a system stands; what is done may stay so."""
    system = session.get(System, system_id)
    if system is not None and not (unless_done and system.state is GenerationState.DONE):
        system.state, system.reason = state, reason
    session.commit()


def _fill(session: Session, order: Order, report: Callable[[Progress], None], loaded: Loaded) -> None:
    system = session.get(System, order.system_id)
    if system is None or system.paused or _finish(session, system):
        return
    checkpoint, reference = _check(session, system)
    texts = (
        session.get(TrainingTexts, system.training_texts_sha256, options=[undefer(TrainingTexts.texts)])
        if system.training_texts_sha256
        else None
    )
    mark(session, system.id, GenerationState.RUNNING)
    writer = prepare_writer(system, checkpoint, texts, engine=order.engine, reference=reference, loaded=loaded)
    _write_all(session, system, writer, order, report)


def _write_all(
    session: Session, system: System, writer: Writer, order: Order, report: Callable[[Progress], None]
) -> None:
    size, largest = order.first_batch, order.batch
    while not _finish(session, system):
        passages = missing_passages(session, system, limit=size)
        session.commit()
        if not passages:
            continue
        try:
            report(_write_batch(session, system, writer, passages))
        except OutOfMemoryError:
            if len(passages) == 1:
                raise
            largest = len(passages) // 2
            LOG.warning("%s: out of memory with %d texts at a time; now %d.", system.name, len(passages), largest)
        size = largest


def _check(session: Session, system: System) -> tuple[Checkpoint, ReferenceTokenizer]:
    """The checkpoint and the study's tokenizer. Raises NotReadyError."""
    checkpoint = session.get_one(Checkpoint, system.checkpoint_id)
    study = session.get_one(Study, system.study_id)
    if checkpoint.state is not CheckpointState.READY:
        raise NotReadyError(f"The checkpoint {checkpoint.name} is {checkpoint.state}; only a ready one generates.")
    if study.state is StudyState.CLOSED:
        raise NotReadyError(f"The study {study.slug} is closed; nothing is added to it any more.")
    return checkpoint, reference_tokenizer(session, study)


def _write_batch(session: Session, system: System, writer: Writer, passages: list[Passage]) -> Progress:
    began = time.monotonic()
    continuations = writer.write(passages)
    seconds = time.monotonic() - began
    study = lock_study(session, system.study_id)
    for passage, written in zip(passages, continuations, strict=True):
        record_continuation(
            session,
            written,
            system=system,
            passage=passage,
            reference=writer.reference,
            own_tokens_are_reference=writer.own_tokens_are_reference,
        )
    release(session, study)
    tokens = sum(len(written.token_ids) for written in continuations)
    system.generated_tokens += tokens
    system.generation_seconds += seconds
    session.commit()
    return _progress(session, system, tokens / max(seconds, 1e-9))


def _progress(session: Session, system: System, tokens_per_second: float) -> Progress:
    missing = count_missing(session, system)
    written = count_written(session, system)
    session.commit()
    return Progress(system.name, written, written + missing, tokens_per_second)


def _finish(session: Session, system: System) -> bool:
    """Done, unless passages were accepted meanwhile; whoever queues more holds the study while looking, as we do."""
    lock_study(session, system.study_id)
    is_done = count_missing(session, system) == 0
    if is_done:
        system.state, system.reason, system.generated_at = GenerationState.DONE, None, func.now()
    session.commit()
    return is_done
