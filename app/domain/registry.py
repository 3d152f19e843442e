"""The registry of checkpoints: what each consists of, and when it may be used."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.checkpoint_names import ALLOWED
from app.domain.generation_queue import queue_generation
from app.domain.store import STORED
from app.errors import NotFoundError
from app.models import Checkpoint, CheckpointFile, Person, Study, System
from app.models.checkpoint import CheckpointState
from app.models.study import StudyState
from app.queue import VALIDATE, defer, is_queued

# Somebody waits for it, and it takes seconds.
FIRST = 1
BLOCK = 4 * 2**20


def find_with_files(session: Session, checkpoint_id: int) -> tuple[Checkpoint, list[CheckpointFile]]:
    """A checkpoint and what is known of its files, by name. Raises NotFoundError."""
    checkpoint = session.get(Checkpoint, checkpoint_id)
    if checkpoint is None:
        raise NotFoundError("There is no such checkpoint.")
    query = select(CheckpointFile).where(CheckpointFile.checkpoint_id == checkpoint_id).order_by(CheckpointFile.name)
    return checkpoint, list(session.scalars(query))


def files_in(folder: Path) -> dict[str, int]:
    """Name and size of what a checkpoint's folder consists of; nothing for a folder that is not on this machine."""
    names = sorted(name for name in (*ALLOWED, *_shards(folder)) if (folder / name).is_file())
    return {name: (folder / name).stat().st_size for name in names}


def note_files(
    session: Session,
    checkpoint: Checkpoint,
    folder: Path,
    report: Callable[[str, int], None] = lambda _name, _done: None,
) -> None:
    """Keep what a checkpoint's folder consists of; `report` hears a file's name and how much of it was read."""
    session.execute(delete(CheckpointFile).where(CheckpointFile.checkpoint_id == checkpoint.id))
    for name, size in files_in(folder).items():
        sha256 = _hash(folder / name, partial(report, name))
        session.add(CheckpointFile(checkpoint_id=checkpoint.id, name=name, size=size, sha256=sha256))
    session.flush()


def _hash(file: Path, report: Callable[[int], None]) -> str:
    digest, done = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
            done += len(block)
            report(done)
    return digest.hexdigest()


def sizes_of_checkpoints(session: Session) -> dict[int, int]:
    """Bytes of each checkpoint whose files are known."""
    query = select(CheckpointFile.checkpoint_id, func.sum(CheckpointFile.size)).group_by(CheckpointFile.checkpoint_id)
    return {checkpoint_id: int(size) for checkpoint_id, size in session.execute(query)}


def _shards(folder: Path) -> list[str]:
    return [file.name for file in folder.glob("*.safetensors")]


def validation_lock(checkpoint_id: int) -> str:
    """Names the job that may try a checkpoint, one at a time."""
    return f"validate:{checkpoint_id}"


def queue_validation(session: Session, checkpoint: Checkpoint) -> bool:
    """Let a worker try a checkpoint that is in the store, unless its job waits or runs; whether it was queued."""
    lock = validation_lock(checkpoint.id)
    is_due = checkpoint.state in (CheckpointState.VALIDATING, CheckpointState.FAILED)
    if not (is_due and checkpoint.source.startswith(STORED)) or is_queued(session, lock):
        return False
    checkpoint.state, checkpoint.reason = CheckpointState.VALIDATING, None
    defer(session, VALIDATE, lock=lock, priority=FIRST, checkpoint_id=checkpoint.id)
    return True


def validate_again(session: Session, checkpoint: Checkpoint, *, by: Person | None = None) -> bool:
    """Let a worker try a checkpoint once more that failed; whether there was something to queue."""
    is_due = queue_validation(session, checkpoint)
    if is_due:
        record(session, by, "checkpoint.validate", checkpoint, name=checkpoint.name)
    return is_due


def make_ready(session: Session, checkpoint: Checkpoint) -> None:
    """From now on the checkpoint may be used: what studies were waiting for it is generated."""
    checkpoint.state, checkpoint.reason = CheckpointState.READY, None
    session.flush()
    waiting = select(System.study_id).where(System.checkpoint_id == checkpoint.id)
    studies = select(Study).where(Study.id.in_(waiting), Study.state != StudyState.CLOSED).order_by(Study.id)
    for study in session.scalars(studies).all():
        queue_generation(session, study)


def fail_validation(checkpoint: Checkpoint, reason: str) -> None:
    """A worker could not use the checkpoint; the reason says what to do."""
    checkpoint.state, checkpoint.reason = CheckpointState.FAILED, reason
