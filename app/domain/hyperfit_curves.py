"""Runs of the trainer and their curves, as they are watched: while they go on here, or as an upload brings them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.curve_file import CurvePoint
from app.domain.images import Palette
from app.domain.studies import keep_tokenizer, kept_palette
from app.errors import NotFoundError
from app.models import Checkpoint, HyperfitPoint, HyperfitRun

LONGEST = 200
MOST_SAMPLES = 10**9


@dataclass(frozen=True)
class Hyperfitting:
    """Everything about a checkpoint's run that its page shows."""

    run: HyperfitRun
    base: str | None
    points: list[HyperfitPoint]
    palette: Palette | None = None

    @property
    def ended(self) -> str | None:
        """How it ended, in its own record's words."""
        said = (self.run.lineage or {}).get("ended")
        return said[:LONGEST] if isinstance(said, str) else None

    @property
    def share(self) -> float:
        """How much is done, in [0, 1]; all of it once finished, even where a run stopped at a loss."""
        return 1.0 if self.run.finished_at else self.run.updates / self.run.total_updates

    @property
    def shown_updates(self) -> int:
        """Where a picture of the run ends: at its last update once it is finished, else at the last it may have."""
        return (self.run.finished_at and self.run.updates) or self.run.total_updates


def trained_checkpoint(session: Session, checkpoint_id: int) -> Checkpoint:
    """A checkpoint that has a run, made here or elsewhere. Raises NotFoundError for any other."""
    checkpoint = session.get(Checkpoint, checkpoint_id)
    if checkpoint is None or session.get(HyperfitRun, checkpoint_id) is None:
        raise NotFoundError("There is no such run.")
    return checkpoint


def trained_ids(session: Session) -> set[int]:
    """Which checkpoints have a run with its curve."""
    return set(session.scalars(select(HyperfitRun.checkpoint_id)))


def hyperfitting_of(session: Session, checkpoint: Checkpoint) -> Hyperfitting | None:
    """A checkpoint's run with its curve; None where nobody knows of one."""
    run = session.get(HyperfitRun, checkpoint.id, populate_existing=True)
    if run is None:
        return None
    points = select(HyperfitPoint).where(HyperfitPoint.checkpoint_id == checkpoint.id).order_by(HyperfitPoint.update)
    base = session.get(Checkpoint, run.base_id) if run.base_id else None
    known = base_of(run, base.name if base else None)
    return Hyperfitting(run, known, list(session.scalars(points)), kept_palette(session, run.image_tokens_sha256))


def trained_with_curve(session: Session, checkpoint_id: int) -> tuple[Checkpoint, Hyperfitting]:
    """A checkpoint and its run with its curve. Raises NotFoundError where either is unknown."""
    checkpoint = session.get(Checkpoint, checkpoint_id)
    found = hyperfitting_of(session, checkpoint) if checkpoint else None
    if checkpoint is None or found is None:
        raise NotFoundError("There is no such run.")
    return checkpoint, found


def base_of(run: HyperfitRun, name: str | None) -> str | None:
    """What a run began with: the checkpoint of this name here, else what its own record says."""
    said = (run.lineage or {}).get("base")
    return name or (said[:LONGEST] if isinstance(said, str) else None)


def record_updates(session: Session, checkpoint_id: int, updates: int, tokens_per_second: float | None) -> None:
    """How far a run is. Nothing for a checkpoint whose run is gone."""
    run = session.get(HyperfitRun, checkpoint_id)
    if run is not None:
        run.updates, run.tokens_per_second = min(updates, run.total_updates), tokens_per_second


def record_point(session: Session, checkpoint_id: int, point: dict[str, Any]) -> None:
    """Keep a validation; one that is measured again after a crash replaces itself."""
    statement = insert(HyperfitPoint).values(_row(checkpoint_id, point))
    session.execute(
        statement.on_conflict_do_update(index_elements=["checkpoint_id", "update"], set_=dict(statement.excluded))
    )


def forget_points_after(session: Session, checkpoint_id: int, update: int) -> None:
    """Drop what a run that goes on from an earlier update will measure again."""
    session.execute(
        delete(HyperfitPoint).where(HyperfitPoint.checkpoint_id == checkpoint_id, HyperfitPoint.update > update)
    )


def keep_record(
    session: Session,
    checkpoint_id: int,
    lineage: dict[str, Any],
    curve: Sequence[CurvePoint],
    *,
    image_tokens: bytes | None = None,
) -> None:
    """Keep what a checkpoint that came says of how it was made; `image_tokens` is an image model's tokenizer.json.

    One that a worker sent has its run, and its points, already; for another one a run is made of its curve, if it has
    one, that refers to nothing here.
    """
    run = session.get(HyperfitRun, checkpoint_id)
    if run is not None:
        run.lineage, run.finished_at = lineage, func.now()
    elif curve:
        updates, config = curve[-1].update, _plain_choices(lineage.get("config"))
        run = HyperfitRun(checkpoint_id=checkpoint_id, config=config, lineage=lineage, updates=updates)
        run.total_updates, run.finished_at = max(1, updates), func.now()
        run.image_tokens_sha256 = keep_tokenizer(session, image_tokens, "images") if image_tokens else None
        session.add(run)
        session.flush()
        session.execute(insert(HyperfitPoint), [_row(checkpoint_id, point.model_dump()) for point in curve])


def forget_record(session: Session, checkpoint_id: int) -> None:
    """Drop what an earlier upload of a checkpoint said of how it was made."""
    for table in (HyperfitPoint, HyperfitRun):
        session.execute(delete(table).where(table.checkpoint_id == checkpoint_id))


def _row(checkpoint_id: int, point: dict[str, Any]) -> dict[str, Any]:
    # a model may write a NUL, which Postgres cannot keep
    texts = [{kind: text.replace("\0", "") for kind, text in one.items()} for one in point["texts"]]
    return {"checkpoint_id": checkpoint_id, **point, "texts": texts}


def _plain_choices(config: object) -> dict[str, Any]:
    """Of a stranger's configuration what results may rely on: plain values, and as many samples as there can be."""
    if not isinstance(config, dict):
        return {}
    plain = {key: value for key, value in config.items() if isinstance(value, str | int | float | bool | None)}
    samples = plain.get("samples")
    if type(samples) is not int or not 0 < samples <= MOST_SAMPLES:
        plain.pop("samples", None)
    return plain
