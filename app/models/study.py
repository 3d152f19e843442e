"""A study, its datasets and the tokenizer that its lengths are counted in."""

import secrets
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, Numeric, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.columns import CreatedAt, Id, Timestamp, text_enum
from app.models.protocol import Stopping

DEFAULT_GUIDELINES = """\
Read the context, then both continuations. Choose the continuation you prefer as a reader: the one that goes on more
naturally, makes more sense and is better written. If neither is better, choose *equal*. There is no right answer;
your own judgement is what counts.
"""


IMAGE_GUIDELINES = """\
Look at the given rows, then at both images, which begin with them. Choose the image you prefer: the one that goes on
more naturally and looks more like something. If neither is better, choose *equal*. There is no right answer; your own
judgement is what counts.
"""


class StudyState(StrEnum):
    """Annotators get comparisons only while a study is open."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


class Modality(StrEnum):
    """What a study's passages are; systems, continuations, comparisons and annotations are of their study's."""

    TEXT = "text"
    IMAGE = "image"


class Release(StrEnum):
    """When a passage's comparisons may be judged: once all its systems have a continuation, or one by one."""

    COMPLETE = "complete"
    AS_READY = "as_ready"


class Withdrawal(StrEnum):
    """What becomes of a withdrawn annotator's answers: they go on counting, or others judge in their place."""

    KEEP = "keep"
    REPLACE = "replace"


class ReferenceTokens(Base):
    """A tokenizer.json, kept by its hash: what a study counts lengths in."""

    __tablename__ = "reference_tokens"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str]
    tokenizer_json: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class Study(Base):
    """One evaluation; `comparisons` counts its released comparisons and hands out their dense numbers.

    `gold_share` and `repeat_share` are of all assignments, `max_share` is what one annotator may fill of the study. A
    threshold without a value pauses nobody. `stop_at` and `stop_after` belong to the stopping rules that need them.
    """

    __tablename__ = "study"
    __table_args__ = (
        CheckConstraint("quota BETWEEN 1 AND 99", name="quota_in_range"),
        CheckConstraint("comparisons >= 0", name="comparisons_not_negative"),
        CheckConstraint("lease_minutes BETWEEN 1 AND 1440", name="lease_in_range"),
        CheckConstraint("max_exposures >= 1", name="max_exposures_positive"),
        CheckConstraint(
            "gold_share >= 0 AND repeat_share >= 0 AND gold_share + repeat_share <= 0.5", name="most_is_study"
        ),
        CheckConstraint("max_share > 0 AND max_share <= 1", name="max_share_in_range"),
        CheckConstraint("min_gold_accuracy BETWEEN 0 AND 1", name="min_gold_accuracy_in_range"),
        CheckConstraint("min_self_consistency BETWEEN 0 AND 1", name="min_self_consistency_in_range"),
        CheckConstraint("min_reading_ms > 0", name="min_reading_positive"),
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug_is_plain"),
        CheckConstraint("consent_version >= 0", name="consent_version_not_negative"),
        CheckConstraint(
            "pass_mark >= 0 AND attempts >= 1 AND retry_minutes >= 0 AND break_minutes >= 0",
            name="annotator_rules_in_range",
        ),
        CheckConstraint(
            "(stopping = 'date') = (stop_at IS NOT NULL) AND (stopping = 'annotations') = (stop_after IS NOT NULL)",
            name="stopping_complete",
        ),
        CheckConstraint("stop_after >= 1", name="stop_after_positive"),
    )

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    title: Mapped[str]
    state: Mapped[StudyState] = mapped_column(text_enum(StudyState, "state"), default=StudyState.DRAFT)
    quota: Mapped[int] = mapped_column(SmallInteger, default=3)
    comparisons: Mapped[int] = mapped_column(default=0)
    guidelines: Mapped[str] = mapped_column(default=DEFAULT_GUIDELINES)
    guidelines_version: Mapped[int] = mapped_column(default=1)
    hourly_rate: Mapped[float] = mapped_column(Numeric(8, 2, asdecimal=False), default=10.0)
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    seed: Mapped[int] = mapped_column(default=0)
    secret: Mapped[bytes] = mapped_column(LargeBinary, default=lambda: secrets.token_bytes(32))
    reference_tokens_sha256: Mapped[str] = mapped_column(ForeignKey("reference_tokens.sha256"))
    modality: Mapped[Modality] = mapped_column(
        text_enum(Modality, "modality"), default=Modality.TEXT, server_default=Modality.TEXT
    )
    release: Mapped[Release] = mapped_column(text_enum(Release, "release"), default=Release.COMPLETE)
    open_to_look: Mapped[bool] = mapped_column(default=False)
    lease_minutes: Mapped[int] = mapped_column(SmallInteger, default=20)
    pause_seconds: Mapped[int] = mapped_column(SmallInteger, default=300)
    max_exposures: Mapped[int] = mapped_column(SmallInteger, default=1)
    exposure_gap: Mapped[int] = mapped_column(SmallInteger, default=100)
    gold_share: Mapped[float] = mapped_column(default=0.0)
    repeat_share: Mapped[float] = mapped_column(default=0.0)
    max_share: Mapped[float] = mapped_column(default=1.0)
    min_gold_accuracy: Mapped[float | None]
    min_self_consistency: Mapped[float | None]
    min_reading_ms: Mapped[int | None]
    withdrawal: Mapped[Withdrawal] = mapped_column(text_enum(Withdrawal, "withdrawal"), default=Withdrawal.REPLACE)
    stopping: Mapped[Stopping] = mapped_column(text_enum(Stopping, "stopping"), default=Stopping.QUOTA)
    stop_at: Mapped[Timestamp | None]
    stop_after: Mapped[int | None]
    # What it asks of annotators before their first comparison; by default nothing.
    consent_version: Mapped[int] = mapped_column(default=0)  # 0: no consent form
    asks_english: Mapped[bool] = mapped_column(default=False)
    guidelines_first: Mapped[bool] = mapped_column(default=False)
    pass_mark: Mapped[int] = mapped_column(SmallInteger, default=0)  # 0: no qualification
    attempts: Mapped[int] = mapped_column(SmallInteger, default=2)
    retry_minutes: Mapped[int] = mapped_column(SmallInteger, default=0)
    break_minutes: Mapped[int] = mapped_column(SmallInteger, default=0)  # 0: no reminder
    created_at: Mapped[CreatedAt]
    opened_at: Mapped[Timestamp | None]
    closed_at: Mapped[Timestamp | None]

    reference_tokens: Mapped[ReferenceTokens] = relationship(lazy="raise")
    datasets: Mapped[list["Dataset"]] = relationship(lazy="raise", order_by="Dataset.id", back_populates="study")


class Dataset(Base):
    """Where some of a study's passages come from."""

    __tablename__ = "dataset"
    __table_args__ = (
        UniqueConstraint("study_id", "name"),
        UniqueConstraint("study_id", "id"),
        CheckConstraint("name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'", name="name_is_plain"),
    )

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    name: Mapped[str] = mapped_column(String(63))

    study: Mapped[Study] = relationship(lazy="raise", back_populates="datasets")


class Look(Base):
    """A researcher looked at results by system before the study closed; numbered, never deleted."""

    __tablename__ = "look"
    __table_args__ = (UniqueConstraint("study_id", "number"),)

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    looked_at: Mapped[CreatedAt]
