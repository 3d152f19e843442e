"""Hyperfitting as the database knows it: ordering a run, and what it leads to."""

import hashlib
import re
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.hyperfit_plan import HyperfitPlan, Text, check_texts
from app.domain.registry import make_ready, note_files
from app.domain.store import STORED
from app.domain.studies import keep_tokenizer
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Checkpoint, HyperfitRun, HyperfitTexts, Passage, Person
from app.models.checkpoint import CheckpointState
from app.models.passage import PassageState
from app.queue import HYPERFIT, defer, is_queued


def order_training(session: Session, plan: HyperfitPlan, folder: Path, *, by: Person | None = None) -> Checkpoint:
    """Register the checkpoint as being trained into the folder, and queue the job that does it; see `add_trained`."""
    checkpoint = add_trained(session, plan, folder, by=by)
    queue_training(session, checkpoint)
    return checkpoint


def add_trained(session: Session, plan: HyperfitPlan, folder: Path, *, by: Person | None = None) -> Checkpoint:
    """Register a checkpoint that a worker will train into the folder, once that is queued.

    Raises ConflictError when the name is taken, NotFoundError for an unknown base, ToprankError for unusable texts.
    """
    base = find_checkpoint(session, plan.base)
    check_texts(plan.texts)
    if session.scalar(select(Checkpoint.id).where(Checkpoint.name == plan.name)):
        raise ConflictError(f"There is a checkpoint {plan.name!r} already; choose another name.")
    statement = insert(HyperfitTexts).values(
        sha256=plan.texts_sha256,
        name=plan.texts_name,
        documents=[{"text": one.text, "source": one.source} for one in plan.texts],
    )
    session.execute(statement.on_conflict_do_nothing())
    made = _add(session, plan, folder, base_id=base.id, texts_sha256=plan.texts_sha256)
    _note(session, made, plan, by)
    return made


def trained_folder(store: Path, name: str) -> Path:
    """Where a worker trains a checkpoint of this name; no two names share a folder.

    >>> trained_folder(Path("store"), "My model!").name
    'My-model-8bbe44c7'
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60]
    return store.resolve() / "trained" / f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def follow_training(session: Session, plan: HyperfitPlan, folder: Path) -> Checkpoint:
    """Register a run that somebody starts, without a job; one that goes on keeps its rows.

    Raises ConflictError when the name belongs to another checkpoint.
    """
    known = session.scalar(select(Checkpoint).where(Checkpoint.name == plan.name))
    if known is None:
        base = session.scalar(select(Checkpoint.id).where(Checkpoint.name == plan.base))
        made = _add(session, plan, folder, base_id=base, texts_sha256=None)
        _note(session, made, plan, None)
        return made
    if known.source != str(folder):
        raise ConflictError(f"There is a checkpoint {plan.name!r} already, in {known.source}; choose another --name.")
    if known.state is not CheckpointState.READY:
        known.state, known.reason = CheckpointState.TRAINING, None
    return known


def _add(
    session: Session, plan: HyperfitPlan, folder: Path, *, base_id: int | None, texts_sha256: str | None
) -> Checkpoint:
    if not plan.name.strip() or len(plan.name) > 200:
        raise ToprankError("A checkpoint's name has 1 to 200 characters.")
    checkpoint = Checkpoint(name=plan.name, source=str(folder), state=CheckpointState.TRAINING)
    base = session.get(Checkpoint, base_id) if base_id is not None else None
    if base is not None:  # as large as its base, so it is loaded as that is
        checkpoint.engine_settings = dict(base.engine_settings)
    session.add(checkpoint)
    session.flush()
    session.add(
        HyperfitRun(
            checkpoint_id=checkpoint.id,
            base_id=base_id,
            texts_sha256=texts_sha256,
            image_tokens_sha256=keep_tokenizer(session, plan.image_tokens, plan.base) if plan.image_tokens else None,
            config=plan.config,
            total_updates=plan.total_updates,
        )
    )
    session.flush()
    return checkpoint


def _note(session: Session, made: Checkpoint, plan: HyperfitPlan, by: Person | None) -> None:
    record(session, by, "checkpoint.hyperfit", made, name=made.name, base=plan.base, texts_sha256=plan.texts_sha256)


def continue_training(session: Session, checkpoint: Checkpoint, *, by: Person | None = None) -> bool:
    """Let a run that failed go on from its last saved state; whether there was something to queue."""
    is_due = queue_training(session, checkpoint)
    if is_due:
        record(session, by, "checkpoint.continue_hyperfit", checkpoint, name=checkpoint.name)
    return is_due


def queue_training(session: Session, checkpoint: Checkpoint) -> bool:
    """Queue the job of a run that is not finished, unless it waits or runs already; a failed one goes on.

    What is in the store was trained to its end, and can only fail to be used.
    """
    lock = training_lock(checkpoint.id)
    is_due = checkpoint.state in (CheckpointState.TRAINING, CheckpointState.FAILED)
    if not is_due or checkpoint.source.startswith(STORED) or is_queued(session, lock):
        return False
    checkpoint.state, checkpoint.reason = CheckpointState.TRAINING, None
    defer(session, HYPERFIT, lock=lock, checkpoint_id=checkpoint.id)
    return True


def training_lock(checkpoint_id: int) -> str:
    """Names the job that may train a checkpoint, one at a time."""
    return f"hyperfit:{checkpoint_id}"


def find_checkpoint(session: Session, name: str) -> Checkpoint:
    """The checkpoint of this name. Raises NotFoundError."""
    checkpoint = session.scalar(select(Checkpoint).where(Checkpoint.name == name))
    if checkpoint is None:
        known = ", ".join(session.scalars(select(Checkpoint.name).order_by(Checkpoint.name))) or "none yet"
        raise NotFoundError(f"There is no checkpoint {name!r} (checkpoints: {known}).")
    return checkpoint


def check_base_is_ready(base: Checkpoint) -> None:
    """Raises ToprankError for a base that is not there yet, or cannot be used."""
    if base.state is not CheckpointState.READY:
        because = f" ({base.reason})" if base.reason else ""
        raise ToprankError(
            f"The base {base.name} is {base.state}{because}; only a ready one is trained. Wait for it, have it tried "
            f"again by `toprank checkpoint retry {base.name}`, or choose another."
        )


def accepted_passages(session: Session) -> list[Text]:
    """The texts that people judge, in any study."""
    query = select(Passage.context, Passage.original, Passage.source).where(Passage.state == PassageState.ACCEPTED)
    return [Text(context + original, source) for context, original, source in session.execute(query)]


def finish_training(session: Session, checkpoint_id: int, lineage: dict[str, Any]) -> None:
    """The checkpoint is ready: what studies were waiting for it generate now."""
    checkpoint = session.get_one(Checkpoint, checkpoint_id)
    run = session.get_one(HyperfitRun, checkpoint_id)
    run.lineage, run.finished_at = lineage, func.now()
    note_files(session, checkpoint, Path(checkpoint.source))
    make_ready(session, checkpoint)


def fail_training(session: Session, checkpoint_id: int, reason: str) -> None:
    """The run ended without a checkpoint; the reason says what to do, after which it goes on."""
    checkpoint = session.get(Checkpoint, checkpoint_id)
    if checkpoint is not None:
        checkpoint.state, checkpoint.reason = CheckpointState.FAILED, reason
