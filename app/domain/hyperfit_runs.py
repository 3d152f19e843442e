"""Every run of the trainer at a glance: what of which base, how far it is, and what it reached last."""

from dataclasses import dataclass

from sqlalchemy import select, true
from sqlalchemy.orm import Session, aliased

from app.domain.hyperfit_curves import base_of
from app.models import Checkpoint, HyperfitPoint, HyperfitRun


@dataclass(frozen=True)
class RunStanding:
    """A run with the checkpoint that it makes, and the losses of its last validation; None before the first."""

    checkpoint: Checkpoint
    run: HyperfitRun
    base: str | None
    train_loss: float | None
    validation_loss: float | None

    @property
    def id(self) -> int:
        """The checkpoint's number, by which runs are listed."""
        return self.checkpoint.id


def page_of_hyperfittings(session: Session, *, after: int = 0, limit: int | None = None) -> list[RunStanding]:
    """Runs whose checkpoint's number is above `after`, the oldest first."""
    base = aliased(Checkpoint)
    last = (
        select(HyperfitPoint.train_loss, HyperfitPoint.validation_loss)
        .where(HyperfitPoint.checkpoint_id == HyperfitRun.checkpoint_id)
        .order_by(HyperfitPoint.update.desc())
        .limit(1)
        .lateral()
    )
    query = (
        select(Checkpoint, HyperfitRun, base.name, last.c.train_loss, last.c.validation_loss)
        .join(HyperfitRun, HyperfitRun.checkpoint_id == Checkpoint.id)
        .outerjoin(base, base.id == HyperfitRun.base_id)
        .outerjoin(last, true())
        .where(Checkpoint.id > after)
        .order_by(Checkpoint.id)
        .limit(limit)
    )
    rows = session.execute(query)
    return [RunStanding(checkpoint, run, base_of(run, name), *losses) for checkpoint, run, name, *losses in rows]
