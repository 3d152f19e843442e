"""Model weights with their tokenizer."""

from enum import StrEnum

from sqlalchemy import JSON, String, false
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt, Id, text_enum


class CheckpointState(StrEnum):
    """Only ready checkpoints generate; `refused` and `failed` come with a reason."""

    TRAINING = "training"
    UPLOADING = "uploading"
    VALIDATING = "validating"
    READY = "ready"
    REFUSED = "refused"
    FAILED = "failed"


class Checkpoint(Base):
    """A checkpoint by name; `source` is a hub id or a folder. An `instruct` one was tuned to follow instructions."""

    __tablename__ = "checkpoint"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200), unique=True)
    source: Mapped[str]
    state: Mapped[CheckpointState] = mapped_column(text_enum(CheckpointState, "state"), default=CheckpointState.READY)
    reason: Mapped[str | None]
    engine_settings: Mapped[dict[str, int | float | str | bool]] = mapped_column(
        JSON, default=dict, server_default="{}"
    )
    instruct: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[CreatedAt]
