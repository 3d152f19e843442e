"""What checkpoints reach on downstream tasks, as lm-evaluation-harness finds it."""

from typing import Any

from sqlalchemy import ARRAY, REAL, CheckConstraint, ForeignKey, Integer, SmallInteger, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.checkpoint import Checkpoint
from app.models.columns import CreatedAt, Id, Timestamp, text_enum
from app.models.system import GenerationState


class DownstreamRun(Base):
    """One evaluation of a checkpoint: which tasks, at which shots, on how many questions of each.

    `tasks` are names as they were asked for; `failures` has an object with `part` and `reason` for each part that could
    not be evaluated. A run whose parts all failed is `failed`, any other with an end is `done`.
    """

    __tablename__ = "downstream_run"
    __table_args__ = (
        CheckConstraint("cardinality(tasks) > 0 AND cardinality(shots) > 0", name="asks_something"),
        CheckConstraint("question_limit > 0", name="question_limit_positive"),
    )

    id: Mapped[Id]
    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoint.id"), index=True)
    tasks: Mapped[list[str]] = mapped_column(ARRAY(Text))
    shots: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    question_limit: Mapped[int | None]
    seed: Mapped[int]
    task_folder: Mapped[str | None]
    state: Mapped[GenerationState] = mapped_column(text_enum(GenerationState, "state"), default=GenerationState.IDLE)
    reason: Mapped[str | None]
    failures: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    harness: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[Timestamp | None]

    checkpoint: Mapped[Checkpoint] = relationship(lazy="raise")


class DownstreamScore(Base):
    """One metric of one task or group of tasks; `part` is what of a run it came with, evaluated and kept together.

    `each` has the metric's value for every question, in the harness's order, where the metric is their mean.
    """

    __tablename__ = "downstream_score"
    __table_args__ = (
        UniqueConstraint("run_id", "part", "task", "metric"),
        CheckConstraint("shots >= 0 AND questions > 0", name="counts_in_range"),
        CheckConstraint('cardinality("each") = questions', name="one_value_each"),
    )

    id: Mapped[Id]
    run_id: Mapped[int] = mapped_column(ForeignKey("downstream_run.id"))
    part: Mapped[str]
    task: Mapped[str]
    shots: Mapped[int] = mapped_column(SmallInteger)
    metric: Mapped[str]
    value: Mapped[float]
    stderr: Mapped[float | None]
    questions: Mapped[int] = mapped_column(Integer)
    each: Mapped[list[float] | None] = mapped_column(ARRAY(REAL), deferred=True)
