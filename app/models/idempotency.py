"""What the API answered to a write, so that a program which asks again gets the same and changes nothing."""

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt


class KeptAnswer(Base):
    """An answer by person and key; `fingerprint` is of the request that it belongs to.

    Written in the write's own transaction: `answer` is null only while that runs.
    """

    __tablename__ = "kept_answer"
    __table_args__ = (Index("ix_kept_answer_created_at", "created_at"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str | None]
    created_at: Mapped[CreatedAt]
