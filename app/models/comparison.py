"""What is judged: two texts after one context."""

from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.columns import CreatedAt, Id, text_enum
from app.models.passage import Passage


class Kind(StrEnum):
    """Why somebody gets a comparison; only *study* has slots and counts."""

    STUDY = "study"
    GOLD = "gold"
    REPEAT = "repeat"
    TRAINING = "training"


class Comparison(Base):
    """A candidate text against a reference text, keyed by what is shown, so that equal texts share their annotations.

    `number` is dense within the study and given at release; `taken` counts the slots in use (leased or answered) and
    never passes the quota; `answered` counts the annotations that count.
    """

    __tablename__ = "comparison"
    __table_args__ = (
        UniqueConstraint("passage_id", "scenario", "kind", "texts_hash"),
        UniqueConstraint("id", "quota"),
        UniqueConstraint("study_id", "number"),
        ForeignKeyConstraint(["study_id", "passage_id"], ["passage.study_id", "passage.id"]),
        CheckConstraint("taken BETWEEN 0 AND quota", name="taken_within_quota"),
        CheckConstraint("answered BETWEEN 0 AND taken", name="answered_within_taken"),
        CheckConstraint("scenario IN (128, 256)", name="scenario_known"),
        CheckConstraint("number IS NULL OR kind = 'study'", name="only_study_is_numbered"),
        Index(
            "ix_comparison_free",
            "study_id",
            "passage_id",
            postgresql_where=text("number IS NOT NULL AND NOT withdrawn AND taken < quota"),
        ),
        Index("ix_comparison_gold", "study_id", postgresql_where=text("kind = 'gold'")),
        {"postgresql_with": {"fillfactor": "70", "autovacuum_vacuum_scale_factor": "0.05"}},
    )

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    passage_id: Mapped[int]
    scenario: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[Kind] = mapped_column(text_enum(Kind, "kind"), default=Kind.STUDY)
    number: Mapped[int | None]
    quota: Mapped[int] = mapped_column(SmallInteger)
    taken: Mapped[int] = mapped_column(SmallInteger, default=0)
    answered: Mapped[int] = mapped_column(SmallInteger, default=0)
    withdrawn: Mapped[bool] = mapped_column(default=False)
    candidate_text: Mapped[str]
    reference_text: Mapped[str]
    texts_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[CreatedAt]

    passage: Mapped[Passage] = relationship(lazy="raise", viewonly=True)


class Candidacy(Base):
    """A system's continuation stands in a scenario by this comparison; without one it equals the original (recall)."""

    __tablename__ = "candidacy"

    continuation_id: Mapped[int] = mapped_column(ForeignKey("continuation.id"), primary_key=True)
    scenario: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    comparison_id: Mapped[int | None] = mapped_column(ForeignKey("comparison.id"), index=True)
