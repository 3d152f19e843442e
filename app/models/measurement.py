"""Metrics that take too long for a page: computed by a job, kept, and computed again only when their inputs changed."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt, text_enum
from app.models.system import GenerationState


class Measurement(Base):
    """One system's texts against each other and against the training set; `inputs` is a hash of all that decides it."""

    __tablename__ = "measurement"
    __table_args__ = (ForeignKeyConstraint(["study_id", "system_id"], ["system.study_id", "system.id"]),)

    system_id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(index=True)
    inputs: Mapped[str] = mapped_column(String(64))
    found: Mapped[dict[str, Any]] = mapped_column(JSONB)
    measured_at: Mapped[CreatedAt]


class Measuring(Base):
    """How far the job is that measures a study's systems; `failed` comes with a reason."""

    __tablename__ = "measuring"
    __table_args__ = (CheckConstraint("done BETWEEN 0 AND total", name="done_within_total"),)

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), primary_key=True)
    state: Mapped[GenerationState] = mapped_column(text_enum(GenerationState, "state"))
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None]
