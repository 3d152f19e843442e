"""Checkpoints on their way to the store, and the files of those that are there."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt


class Upload(Base):
    """A checkpoint that somebody is sending; its id is random, and `touched_at` moves with each part that came."""

    __tablename__ = "upload"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoint.id"), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[CreatedAt]
    touched_at: Mapped[CreatedAt]


class UploadFile(Base):
    """A file of an upload. `received` bytes are on disk for good; `sha256` is set once all were compared with it.

    `modified` is when the sender's file last changed, in milliseconds: it tells a changed file of the same size.
    """

    __tablename__ = "upload_file"
    __table_args__ = (
        CheckConstraint("received BETWEEN 0 AND size", name="received_within_size"),
        CheckConstraint("sha256 IS NULL OR received = size", name="hashed_when_complete"),
    )

    upload_id: Mapped[UUID] = mapped_column(ForeignKey("upload.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int]
    modified: Mapped[int | None]
    received: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[str | None] = mapped_column(String(64))


class CheckpointFile(Base):
    """A file of a checkpoint, as it was when the checkpoint was made or came."""

    __tablename__ = "checkpoint_file"

    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoint.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
