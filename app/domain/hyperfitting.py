"""Hyperfitting as the database knows it: ordering a run, following it, and what it leads to."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.registry import make_ready, note_files
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Checkpoint, HyperfitPoint, HyperfitRun, HyperfitTexts, Passage, Person
from app.models.checkpoint import CheckpointState
from app.models.passage import PassageState
from app.queue import HYPERFIT, defer, is_queued

MOST_CHARACTERS = 64_000_000


@dataclass(frozen=True)
class Text:
    """A text to train on or to keep out of training, and where it is from if that is known."""

    text: str
    source: str | None = None


@dataclass(frozen=True)
class HyperfitPlan:
    """A checkpoint to be made of a base. `config` holds choices of the trainer's; those missing are its defaults."""

    name: str
    base: str
    texts_name: str
    texts: Sequence[Text]
    config: dict[str, Any]
    total_updates: int

    @property
    def texts_sha256(self) -> str:
        """Identity of the texts, in their order."""
        digest = hashlib.sha256()
        for one in self.texts:
            digest.update(hashlib.sha256(one.text.encode()).digest())
        return digest.hexdigest()


@dataclass(frozen=True)
class Hyperfitting:
    """Everything about a checkpoint's run that its page shows."""

    run: HyperfitRun
    base: str | None
    points: list[HyperfitPoint]

    @property
    def share(self) -> float:
        """How much is done, in [0, 1]; all of it once finished, even where a run stopped at a loss."""
        return 1.0 if self.run.finished_at else self.run.updates / self.run.total_updates

    @property
    def shown_updates(self) -> int:
        """Where a picture of the run ends: at its last update once it is finished, else at the last it may have."""
        return (self.run.finished_at and self.run.updates) or self.run.total_updates


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
    _check(plan.texts)
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
    """Queue the job of a run that is not finished, unless it waits or runs already; a failed one goes on."""
    lock = training_lock(checkpoint.id)
    if checkpoint.state not in (CheckpointState.TRAINING, CheckpointState.FAILED) or is_queued(session, lock):
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


def trained_checkpoint(session: Session, checkpoint_id: int) -> Checkpoint:
    """A checkpoint that was or is trained here. Raises NotFoundError for any other."""
    checkpoint = session.get(Checkpoint, checkpoint_id)
    if checkpoint is None or session.get(HyperfitRun, checkpoint_id) is None:
        raise NotFoundError("There is no such run.")
    return checkpoint


def trained_ids(session: Session) -> set[int]:
    """Which checkpoints were or are trained here."""
    return set(session.scalars(select(HyperfitRun.checkpoint_id)))


def hyperfitting_of(session: Session, checkpoint: Checkpoint) -> Hyperfitting | None:
    """A checkpoint's run with its curve; None where it was not trained here."""
    run = session.get(HyperfitRun, checkpoint.id, populate_existing=True)
    if run is None:
        return None
    points = select(HyperfitPoint).where(HyperfitPoint.checkpoint_id == checkpoint.id).order_by(HyperfitPoint.update)
    base = session.get(Checkpoint, run.base_id) if run.base_id else None
    known = base.name if base else (run.lineage or {}).get("base")
    return Hyperfitting(run, known, list(session.scalars(points)))


def accepted_passages(session: Session) -> list[Text]:
    """The texts that people judge, in any study."""
    query = select(Passage.context, Passage.original, Passage.source).where(Passage.state == PassageState.ACCEPTED)
    return [Text(context + original, source) for context, original, source in session.execute(query)]


def record_updates(session: Session, checkpoint_id: int, updates: int, tokens_per_second: float | None) -> None:
    """How far a run is. Nothing for a checkpoint whose run is gone."""
    run = session.get(HyperfitRun, checkpoint_id)
    if run is not None:
        run.updates, run.tokens_per_second = min(updates, run.total_updates), tokens_per_second


def record_point(session: Session, checkpoint_id: int, point: dict[str, Any]) -> None:
    """Keep a validation; one that is measured again after a crash replaces itself."""
    # a model may write a NUL, which Postgres cannot keep
    texts = [{kind: text.replace("\0", "") for kind, text in one.items()} for one in point["texts"]]
    values = {"checkpoint_id": checkpoint_id, **point, "texts": texts}
    statement = insert(HyperfitPoint).values(values)
    session.execute(
        statement.on_conflict_do_update(index_elements=["checkpoint_id", "update"], set_=dict(statement.excluded))
    )


def forget_points_after(session: Session, checkpoint_id: int, update: int) -> None:
    """Drop what a run that goes on from an earlier update will measure again."""
    session.execute(
        delete(HyperfitPoint).where(HyperfitPoint.checkpoint_id == checkpoint_id, HyperfitPoint.update > update)
    )


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


def _check(texts: Sequence[Text]) -> None:
    if sum(len(one.text) for one in texts) > MOST_CHARACTERS:
        raise ToprankError(
            f"The texts have more than {MOST_CHARACTERS:,} characters; a run learns a few of them by heart. Give less, "
            "or run `toprank hyperfit` where the file is."
        )
    if any("\0" in one.text for one in texts):
        raise ToprankError("A text holds a NUL character; it is no text file.")
