"""What competes: a checkpoint and how it decodes."""

from enum import StrEnum

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, SmallInteger, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.checkpoint import Checkpoint
from app.models.columns import CreatedAt, Id, Timestamp, text_enum

SCENARIOS = (128, 256)
WHOLE = 256  # of a text all 224 tokens, of an image all pixels


class Strategy(StrEnum):
    """How the next token is chosen."""

    GREEDY = "greedy"
    NUCLEUS = "nucleus"


class GenerationState(StrEnum):
    """Where the generation of a system stands; `failed` comes with a reason that a person can act on."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class System(Base):
    """A checkpoint with a decoding, judged in one or both scenarios; its throughput is kept for the progress page.

    Nothing is queued for a `paused` system until somebody resumes it. With a `chat_template` the checkpoint's own makes
    a prompt of each context, as of what a user says; the paper applies none.
    """

    __tablename__ = "system"
    __table_args__ = (
        UniqueConstraint("study_id", "name"),
        UniqueConstraint("study_id", "id"),
        CheckConstraint("top_p > 0 AND top_p <= 1", name="top_p_in_range"),
        CheckConstraint("temperature > 0 AND temperature < 'Infinity'", name="temperature_positive"),
        CheckConstraint("top_k >= 0", name="top_k_not_negative"),
        CheckConstraint(
            "repetition_penalty > 0 AND repetition_penalty < 'Infinity'", name="repetition_penalty_positive"
        ),
        CheckConstraint("training_texts_sha256 IS NULL OR block_citations", name="training_texts_are_blocked"),
        CheckConstraint("cardinality(scenarios) > 0 AND scenarios <@ '{128,256}'", name="scenarios_known"),
    )

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    name: Mapped[str] = mapped_column(String(200))
    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoint.id"))
    strategy: Mapped[Strategy] = mapped_column(text_enum(Strategy, "strategy"))
    top_p: Mapped[float] = mapped_column(default=0.9)
    temperature: Mapped[float] = mapped_column(default=0.7)
    top_k: Mapped[int] = mapped_column(default=50)
    seed: Mapped[int] = mapped_column(default=0)
    repetition_penalty: Mapped[float] = mapped_column(default=1.0)
    chat_template: Mapped[bool] = mapped_column(default=False, server_default=false())
    block_citations: Mapped[bool] = mapped_column(default=False)
    training_texts_sha256: Mapped[str | None] = mapped_column(ForeignKey("training_texts.sha256"))
    scenarios: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), default=lambda: list(SCENARIOS))
    state: Mapped[GenerationState] = mapped_column(text_enum(GenerationState, "state"), default=GenerationState.IDLE)
    reason: Mapped[str | None]
    paused: Mapped[bool] = mapped_column(default=False)
    generated_tokens: Mapped[int] = mapped_column(default=0)
    generation_seconds: Mapped[float] = mapped_column(default=0.0)
    generated_at: Mapped[Timestamp | None]
    created_at: Mapped[CreatedAt]

    checkpoint: Mapped[Checkpoint] = relationship(lazy="raise")
