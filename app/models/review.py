"""What was decided about an annotator in a study."""

from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt, Id, text_enum


class Decision(StrEnum):
    """An annotator is active until paused; who is paused may be resumed; who is withdrawn stays so."""

    PAUSED = "paused"
    RESUMED = "resumed"
    WITHDRAWN = "withdrawn"


class Review(Base):
    """One decision with its reason; append-only, the newest holds. `by_id` is null where a threshold decided."""

    __tablename__ = "review"
    __table_args__ = (Index("ix_review_annotator", "annotator_id", "study_id", "id"),)

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    decision: Mapped[Decision] = mapped_column(text_enum(Decision, "decision"))
    reason: Mapped[str]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[CreatedAt]
