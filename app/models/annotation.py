"""Who was shown what, and what they said."""

from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt, Id, Timestamp, text_enum
from app.models.comparison import Kind


class AssignmentState(StrEnum):
    """A lease's life: `next` waits in the page, `shown` is being read; the other three are over."""

    NEXT = "next"
    SHOWN = "shown"
    ANSWERED = "answered"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class VerdictShown(StrEnum):
    """What the annotator chose, by position."""

    FIRST = "first"
    SECOND = "second"
    EQUAL = "equal"


class Verdict(StrEnum):
    """What the choice means, whichever side it stood on."""

    CANDIDATE = "candidate"
    REFERENCE = "reference"
    EQUAL = "equal"


class AnnotationStatus(StrEnum):
    """Whether an annotation counts, and if not, why."""

    COUNTED = "counted"
    SUPERSEDED = "superseded"
    SURPLUS = "surplus"
    GOLD = "gold"
    REPEAT = "repeat"
    TRAINING = "training"
    WITHDRAWN = "withdrawn"


class SkipReason(StrEnum):
    """Why somebody could not judge a comparison."""

    CANNOT_READ = "cannot_read"
    HARMFUL = "harmful"
    BROKEN = "broken"
    OTHER = "other"


class Assignment(Base):
    """A comparison leased to one annotator, its display order fixed; never deleted, so it proves who was shown what.

    The composite key (comparison_id, quota) with `slot BETWEEN 1 AND quota` and the unique (comparison_id, slot) make
    more holders than the quota impossible, whatever the code does. `ordinal` counts what the annotator was ever given
    in the study, from 1.
    """

    __tablename__ = "assignment"
    __table_args__ = (
        ForeignKeyConstraint(["comparison_id", "quota"], ["comparison.id", "comparison.quota"], onupdate="CASCADE"),
        UniqueConstraint("annotator_id", "comparison_id", "occasion"),
        UniqueConstraint("annotator_id", "study_id", "ordinal"),
        UniqueConstraint("id", "slot"),
        CheckConstraint("slot BETWEEN 1 AND quota", name="slot_within_quota"),
        CheckConstraint("slot IS NULL OR kind = 'study'", name="only_study_has_a_slot"),
        CheckConstraint(
            "CASE WHEN state IN ('next', 'shown') THEN kind <> 'study' OR slot IS NOT NULL"
            " WHEN state IN ('expired', 'skipped') THEN slot IS NULL ELSE true END",
            name="slot_follows_state",
        ),
        CheckConstraint("state NOT IN ('shown', 'answered') OR shown_at IS NOT NULL", name="shown_has_a_time"),
        CheckConstraint("(state = 'skipped') = (skip_reason IS NOT NULL)", name="skip_has_a_reason"),
        Index(
            "uq_assignment_slot",
            "comparison_id",
            "slot",
            unique=True,
            postgresql_where=text("slot IS NOT NULL"),
        ),
        Index(
            "uq_assignment_shown",
            "annotator_id",
            "study_id",
            unique=True,
            postgresql_where=text("state = 'shown'"),
        ),
        Index(
            "uq_assignment_next",
            "annotator_id",
            "study_id",
            unique=True,
            postgresql_where=text("state = 'next'"),
        ),
        Index("ix_assignment_exposure", "annotator_id", "passage_id"),
        Index(
            "ix_assignment_lease",
            "study_id",
            "lease_expires_at",
            postgresql_where=text("state IN ('shown', 'next')"),
        ),
    )

    id: Mapped[Id]
    claim: Mapped[UUID] = mapped_column(unique=True, default=uuid4)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    comparison_id: Mapped[int]
    passage_id: Mapped[int] = mapped_column(ForeignKey("passage.id"))
    kind: Mapped[Kind] = mapped_column(text_enum(Kind, "kind"), default=Kind.STUDY)
    occasion: Mapped[int] = mapped_column(SmallInteger, default=0)
    ordinal: Mapped[int] = mapped_column(Integer)
    quota: Mapped[int] = mapped_column(SmallInteger)
    slot: Mapped[int | None] = mapped_column(SmallInteger)
    candidate_first: Mapped[bool]
    passage_exposure: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[AssignmentState] = mapped_column(text_enum(AssignmentState, "state"))
    skip_reason: Mapped[SkipReason | None] = mapped_column(text_enum(SkipReason, "skip_reason"))
    claimed_at: Mapped[CreatedAt]
    shown_at: Mapped[Timestamp | None]
    lease_expires_at: Mapped[Timestamp]
    ended_at: Mapped[Timestamp | None]


class Annotation(Base):
    """A verdict as shown and as resolved; append-only: a revision supersedes, it never overwrites.

    A counted annotation carries the slot of its assignment, and a slot carries one counted annotation.
    """

    __tablename__ = "annotation"
    __table_args__ = (
        ForeignKeyConstraint(["assignment_id", "slot"], ["assignment.id", "assignment.slot"]),
        CheckConstraint("(status = 'counted') = (slot IS NOT NULL)", name="counted_has_a_slot"),
        CheckConstraint("duration_ms >= 0", name="duration_not_negative"),
        CheckConstraint(
            "(verdict = 'equal') = (verdict_shown = 'equal')"
            " AND (verdict = 'equal' OR (verdict = 'candidate') = ((verdict_shown = 'first') = candidate_first))",
            name="verdict_matches_order",
        ),
        Index(
            "uq_annotation_slot",
            "comparison_id",
            "slot",
            unique=True,
            postgresql_where=text("slot IS NOT NULL"),
        ),
        Index(
            "uq_annotation_current",
            "assignment_id",
            unique=True,
            postgresql_where=text("status <> 'superseded'"),
        ),
        Index("ix_annotation_annotator", "annotator_id", "study_id", "answered_at"),
        Index("ix_annotation_study", "study_id", "status"),
    )

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"))
    comparison_id: Mapped[int] = mapped_column(ForeignKey("comparison.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    slot: Mapped[int | None] = mapped_column(SmallInteger)
    candidate_first: Mapped[bool]
    verdict_shown: Mapped[VerdictShown] = mapped_column(text_enum(VerdictShown, "verdict_shown"))
    verdict: Mapped[Verdict] = mapped_column(text_enum(Verdict, "verdict"))
    status: Mapped[AnnotationStatus] = mapped_column(text_enum(AnnotationStatus, "status"))
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("annotation.id"), unique=True)
    guidelines_version: Mapped[int]
    duration_ms: Mapped[int] = mapped_column(Integer)
    answered_at: Mapped[CreatedAt]
