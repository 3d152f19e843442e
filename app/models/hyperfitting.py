"""Hyperfitting runs: what a checkpoint was trained on, how far it is, and its curve."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.checkpoint import Checkpoint
from app.models.columns import CreatedAt, Timestamp


class HyperfitTexts(Base):
    """Texts to train on, as a worker on any machine needs them: a list of `text` and `source`, by their hash."""

    __tablename__ = "hyperfit_texts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str]
    documents: Mapped[list[dict[str, str | None]]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]


class HyperfitRun(Base):
    """How a checkpoint is or was hyperfitted; `lineage` is complete once it is finished.

    `base_id` and `texts_sha256` are null where a run was made elsewhere, from a folder and a file of its own.
    `image_tokens_sha256` names the tokens of an image model, by which its texts are drawn; null for one of texts.
    """

    __tablename__ = "hyperfit_run"
    __table_args__ = (
        CheckConstraint("updates BETWEEN 0 AND total_updates", name="updates_in_range"),
        CheckConstraint("total_updates > 0", name="total_updates_positive"),
    )

    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoint.id"), primary_key=True)
    base_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoint.id"))
    texts_sha256: Mapped[str | None] = mapped_column(ForeignKey("hyperfit_texts.sha256"))
    image_tokens_sha256: Mapped[str | None] = mapped_column(ForeignKey("reference_tokens.sha256"))
    config: Mapped[dict[str, Any]] = mapped_column(JSONB)
    lineage: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    updates: Mapped[int] = mapped_column(default=0)
    total_updates: Mapped[int]
    tokens_per_second: Mapped[float | None]
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[Timestamp | None]

    checkpoint: Mapped[Checkpoint] = relationship(lazy="raise", foreign_keys=[checkpoint_id])


class HyperfitPoint(Base):
    """One validation of a run: losses and entropy in nats, type-token ratios, and a few texts."""

    __tablename__ = "hyperfit_point"

    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("hyperfit_run.checkpoint_id"), primary_key=True)
    update: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[float]
    train_loss: Mapped[float | None]
    validation_loss: Mapped[float]
    entropy: Mapped[float]
    ttr_first_96: Mapped[float | None]
    ttr_last_96: Mapped[float | None]
    texts: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]
