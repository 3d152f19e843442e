"""Model weights with their tokenizer."""

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, false
from sqlalchemy.dialects.postgresql import JSONB
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
    """A checkpoint by name; `source` is a hub id, a folder, or `stored:` and the hash of its files in the store.

    An `instruct` one was tuned to follow instructions. `person_id` is who uploaded it, and `lineage` what its own
    record says, which nobody here has checked.
    """

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
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    parameters: Mapped[int | None]
    lineage: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]
