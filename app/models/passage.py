"""Texts, cut to the study's length."""

from enum import StrEnum

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.columns import CreatedAt, Id, text_enum
from app.models.study import Dataset


class PassageState(StrEnum):
    """A person's verdict on a text's quality; only accepted passages get continuations.

    *Reserved* passages were accepted and serve comparisons whose answer is known: no annotator meets them otherwise.
    """

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RESERVED = "reserved"


class Passage(Base):
    """256 reference tokens: `context` (32) and `original` (224), whose texts join to the passage's own.

    An `unjudged` passage only feeds automatic metrics: systems continue it, nobody is shown it.
    """

    __tablename__ = "passage"
    __table_args__ = (
        UniqueConstraint("study_id", "content_hash"),
        UniqueConstraint("study_id", "id"),
        ForeignKeyConstraint(["study_id", "dataset_id"], ["dataset.study_id", "dataset.id"]),
        CheckConstraint("cardinality(token_ids) = 256", name="has_256_tokens"),
    )

    id: Mapped[Id]
    study_id: Mapped[int]
    dataset_id: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64))
    token_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    context: Mapped[str]
    original: Mapped[str]
    source: Mapped[str | None]
    state: Mapped[PassageState] = mapped_column(text_enum(PassageState, "state"), default=PassageState.PENDING)
    unjudged: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[CreatedAt]

    dataset: Mapped[Dataset] = relationship(lazy="raise")
