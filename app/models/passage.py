"""Texts, cut to the study's length."""

from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.columns import CreatedAt, Id, Timestamp, text_enum
from app.models.study import Dataset


class PassageState(StrEnum):
    """A person's verdict on a text's quality; only accepted passages get continuations.

    *Reserved* passages were accepted and serve comparisons whose answer is known: no annotator meets them otherwise.
    *Edited* ones were mended by hand and accepted, and are left out until a researcher says that they count.
    """

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RESERVED = "reserved"
    EDITED = "edited"


class Passage(Base):
    """256 reference tokens: `context` (32) and `original` (224), whose texts join to the passage's own.

    One with a `width` is a square image of so many pixels a side, its context the first quarter of them, row by row.
    An `unjudged` passage only feeds automatic metrics: systems continue it, nobody is shown it. `full_text` is what it
    was cut from, at character `start`, where that is longer; `unedited` is its text before somebody mended it;
    `suspicions` are what automatic checks found, null before they looked.
    """

    __tablename__ = "passage"
    __table_args__ = (
        UniqueConstraint("study_id", "content_hash"),
        UniqueConstraint("study_id", "id"),
        ForeignKeyConstraint(["study_id", "dataset_id"], ["dataset.study_id", "dataset.id"]),
        CheckConstraint(
            "cardinality(token_ids) = CASE WHEN width IS NULL THEN 256 ELSE width * width END",
            name="is_text_or_image",
        ),
        CheckConstraint("start >= 0", name="start_not_negative"),
        CheckConstraint("state <> 'edited' OR unedited IS NOT NULL", name="edited_has_its_text"),
        Index("ix_passage_pending", "study_id", "dataset_id", "id", postgresql_where=sql("state = 'pending'")),
    )

    id: Mapped[Id]
    study_id: Mapped[int]
    dataset_id: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64))
    token_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    context: Mapped[str]
    original: Mapped[str]
    source: Mapped[str | None]
    width: Mapped[int | None] = mapped_column(SmallInteger)
    state: Mapped[PassageState] = mapped_column(text_enum(PassageState, "state"), default=PassageState.PENDING)
    unjudged: Mapped[bool] = mapped_column(default=False)
    full_text: Mapped[str | None] = mapped_column(deferred=True)
    start: Mapped[int] = mapped_column(default=0, server_default="0")
    unedited: Mapped[str | None]
    suspicions: Mapped[list[str] | None] = mapped_column(ARRAY(String(64)))
    reason: Mapped[str | None] = mapped_column(String(200))
    validated_at: Mapped[Timestamp | None]
    validated_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[CreatedAt]

    dataset: Mapped[Dataset] = relationship(lazy="raise")

    @property
    def continuation_tokens(self) -> int:
        """How many reference tokens its original has, and so a continuation of it."""
        return len(self.token_ids) - (32 if self.width is None else len(self.token_ids) // 4)

    @property
    def text(self) -> str:
        """The whole passage."""
        return self.context + self.original

    @property
    def is_edited(self) -> bool:
        """Whether somebody mended it by hand."""
        return self.unedited is not None
