"""What a study decides before its results are seen, and the copy of it that opening the study locks."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt, Id


class Stopping(StrEnum):
    """When a study is to close: when every comparison has its annotations, at a date, or after so many of them."""

    QUOTA = "quota"
    DATE = "date"
    ANNOTATIONS = "annotations"


class Contrast(Base):
    """A pair of systems whose preference ratios the study sets out to compare; `position` orders them from 1."""

    __tablename__ = "contrast"
    __table_args__ = (
        UniqueConstraint("study_id", "system_id", "against_id"),
        ForeignKeyConstraint(["study_id", "system_id"], ["system.study_id", "system.id"]),
        ForeignKeyConstraint(["study_id", "against_id"], ["system.study_id", "system.id"]),
        CheckConstraint("system_id <> against_id", name="of_two_systems"),
        CheckConstraint("position >= 1", name="position_positive"),
    )

    id: Mapped[Id]
    study_id: Mapped[int]
    system_id: Mapped[int]
    against_id: Mapped[int]
    position: Mapped[int]


class LockedProtocol(Base):
    """The protocol as it was when the study first opened; written once, never changed."""

    __tablename__ = "locked_protocol"

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    locked_at: Mapped[CreatedAt]
