"""What was done, by whom."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt, Id


class AuditEntry(Base):
    """Something that somebody did to something; append-only by a trigger, which lets only old entries go.

    `actor_id` is null for what a command or a rule did. `detail` holds no e-mail address and no name, so that erasing a
    person's identity need not touch what cannot be changed.
    """

    __tablename__ = "audit"
    __table_args__ = (
        CheckConstraint("action ~ '^[a-z_]+[.][a-z_]+$'", name="action_is_plain"),
        CheckConstraint("(subject_type IS NULL) = (subject_id IS NULL)", name="subject_is_whole"),
        Index("ix_audit_action", "action", "id"),
        Index("ix_audit_actor", "actor_id", "id"),
        Index("ix_audit_subject", "subject_type", "subject_id", "id"),
    )

    id: Mapped[Id]
    at: Mapped[CreatedAt]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    action: Mapped[str] = mapped_column(String(64))
    subject_type: Mapped[str | None] = mapped_column(String(63))
    subject_id: Mapped[int | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
