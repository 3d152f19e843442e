"""What annotators read, agree to and pass before their first comparison, and what they tell the researchers."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.annotation import Verdict
from app.models.columns import CreatedAt, Id, Timestamp, text_enum


class ConsentForm(Base):
    """One version of what a study's annotators agree to; append-only, so that what somebody agreed to can be shown.

    Each part has a column of its own, so that none can be left out.
    """

    __tablename__ = "consent_form"
    __table_args__ = (
        UniqueConstraint("study_id", "version"),
        CheckConstraint("version >= 1", name="version_positive"),
        CheckConstraint(
            "'' NOT IN (purpose, publication, content_warning, pay, contact, review_board, withdrawal)",
            name="nothing_left_out",
        ),
    )

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    version: Mapped[int]
    purpose: Mapped[str]
    publication: Mapped[str]
    content_warning: Mapped[str]
    pay: Mapped[str]
    contact: Mapped[str]
    review_board: Mapped[str]
    withdrawal: Mapped[str]
    created_at: Mapped[CreatedAt]


class Consent(Base):
    """An annotator agreed to a version of the study's consent form."""

    __tablename__ = "consent"
    __table_args__ = (
        UniqueConstraint("study_id", "annotator_id", "version"),
        ForeignKeyConstraint(["study_id", "version"], ["consent_form.study_id", "consent_form.version"]),
    )

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    version: Mapped[int]
    given_at: Mapped[CreatedAt]


class EnglishMethod(StrEnum):
    """How somebody's English was verified."""

    PLATFORM = "platform"
    TEST = "test"
    INTERVIEW = "interview"


class EnglishCheck(Base):
    """How an annotator's English was verified, by whom and when; the newest row holds, earlier ones stay on record.

    `recorded_by_id` is the annotator for a statement of their own, else the researcher or admin who knows.
    """

    __tablename__ = "english_check"
    __table_args__ = (
        Index("ix_english_check_annotator", "annotator_id", "id"),
        CheckConstraint("'' NOT IN (first_language, verified_by)", name="nothing_left_out"),
    )

    id: Mapped[Id]
    annotator_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    first_language: Mapped[str] = mapped_column(String(100))
    method: Mapped[EnglishMethod] = mapped_column(text_enum(EnglishMethod, "method"))
    verified_by: Mapped[str] = mapped_column(String(200))
    verified_on: Mapped[date]
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    recorded_at: Mapped[CreatedAt]


class GuidelinesText(Base):
    """One version of a study's guidelines (Markdown); append-only. The study carries the newest."""

    __tablename__ = "guidelines_text"
    __table_args__ = (UniqueConstraint("study_id", "version"),)

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    version: Mapped[int]
    text: Mapped[str]
    created_at: Mapped[CreatedAt]


class GuidelinesReading(Base):
    """An annotator read a version of the guidelines, and for how long (paid)."""

    __tablename__ = "guidelines_reading"
    __table_args__ = (
        UniqueConstraint("study_id", "annotator_id", "version"),
        CheckConstraint("duration_ms >= 0", name="duration_not_negative"),
    )

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    version: Mapped[int]
    duration_ms: Mapped[int]
    read_at: Mapped[CreatedAt]


class Fault(StrEnum):
    """What makes a training comparison's answer unarguable; `same` has two equal texts."""

    SHUFFLED = "shuffled"
    FOREIGN = "foreign"
    LOOP = "loop"
    SAME = "same"


class TrainingComparison(Base):
    """A comparison of kind *training*: its place in the qualification, its fault and its right verdict."""

    __tablename__ = "training_comparison"
    __table_args__ = (
        UniqueConstraint("study_id", "number"),
        CheckConstraint("(fault = 'same') = (right_verdict = 'equal')", name="verdict_follows_fault"),
    )

    comparison_id: Mapped[int] = mapped_column(ForeignKey("comparison.id"), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    fault: Mapped[Fault] = mapped_column(text_enum(Fault, "fault"))
    right_verdict: Mapped[Verdict] = mapped_column(text_enum(Verdict, "right_verdict"))


class Qualification(Base):
    """One attempt at a study's training comparisons; `correct` and `passed` are set when the last is answered."""

    __tablename__ = "qualification"
    __table_args__ = (
        UniqueConstraint("study_id", "annotator_id", "attempt"),
        CheckConstraint("attempt >= 1", name="attempt_positive"),
        CheckConstraint(
            "(ended_at IS NULL) = (correct IS NULL) AND (ended_at IS NULL) = (passed IS NULL)",
            name="ended_has_a_result",
        ),
    )

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    attempt: Mapped[int] = mapped_column(SmallInteger)
    started_at: Mapped[CreatedAt]
    ended_at: Mapped[Timestamp | None]
    correct: Mapped[int | None] = mapped_column(SmallInteger)
    passed: Mapped[bool | None]


class Flag(Base):
    """An annotator tells the researchers something about a comparison; it changes nothing about its judgement."""

    __tablename__ = "flag"
    __table_args__ = (CheckConstraint("note <> ''", name="note_not_empty"),)

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    note: Mapped[str]
    created_at: Mapped[CreatedAt]
