"""What checkpoints predict, token by token, when they read a study's passages."""

from sqlalchemy import (
    ARRAY,
    REAL,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt, Id, text_enum
from app.models.system import GenerationState

ALTERNATIVES = 5


class Score(Base):
    """A checkpoint's predictions over one passage, teacher-forced: one for each, so a repeated job doubles nothing.

    `token_ids` is what the checkpoint read in its own tokens, the first `beginning` of them being special. It predicted
    the last `predicted` of them: all of the text, but for the first token where nothing stands before it. The arrays
    have one entry for each predicted token: its log-probability and the entropy there in nats, and the ids and
    probabilities of the 5 likeliest tokens, likeliest first. Entropy and masses beside them are means over these
    positions. `context_*` are sums over the context read by itself, `*_bytes` the UTF-8 bytes of what was predicted.
    """

    __tablename__ = "score"
    __table_args__ = (
        UniqueConstraint("checkpoint_id", "passage_id"),
        ForeignKeyConstraint(["study_id", "passage_id"], ["passage.study_id", "passage.id"]),
        CheckConstraint("predicted > 0 AND context_predicted > 0", name="predicts_something"),
        CheckConstraint("predicted = cardinality(token_ids) - greatest(beginning, 1)", name="predicts_its_text"),
        CheckConstraint(
            "cardinality(log_probs) = predicted AND cardinality(entropies) = predicted", name="one_value_each"
        ),
        CheckConstraint(
            "cardinality(top_ids) = 5 * predicted AND cardinality(top_probs) = 5 * predicted",
            name="five_alternatives_each",
        ),
    )

    id: Mapped[Id]
    study_id: Mapped[int]
    passage_id: Mapped[int]
    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoint.id"))
    tokenizer_sha256: Mapped[str] = mapped_column(ForeignKey("reference_tokens.sha256"))
    precision: Mapped[str]
    beginning: Mapped[int] = mapped_column(SmallInteger)
    token_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    context_predicted: Mapped[int]
    context_nll: Mapped[float]
    context_bytes: Mapped[int]
    predicted: Mapped[int]
    nll: Mapped[float]
    predicted_bytes: Mapped[int]
    entropy: Mapped[float]
    top1_mass: Mapped[float]
    top3_mass: Mapped[float]
    top5_mass: Mapped[float]
    log_probs: Mapped[list[float]] = mapped_column(ARRAY(REAL), deferred=True)
    entropies: Mapped[list[float]] = mapped_column(ARRAY(REAL), deferred=True)
    top_ids: Mapped[list[list[int]]] = mapped_column(ARRAY(Integer, dimensions=2), deferred=True)
    top_probs: Mapped[list[list[float]]] = mapped_column(ARRAY(REAL, dimensions=2), deferred=True)
    created_at: Mapped[CreatedAt]


class Scoring(Base):
    """Where the scoring of a study's passages by a checkpoint stands; `failed` comes with a reason."""

    __tablename__ = "scoring"

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), primary_key=True)
    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoint.id"), primary_key=True)
    state: Mapped[GenerationState] = mapped_column(text_enum(GenerationState, "state"))
    reason: Mapped[str | None] = mapped_column(String)
