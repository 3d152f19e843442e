"""What a system wrote."""

from sqlalchemy import ARRAY, ForeignKeyConstraint, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt, Id


class Continuation(Base):
    """What a system generated from a passage's context: one for each, so that a repeated job doubles nothing.

    `token_ids` are the system's own; `ttr_128` and `ttr_256` are over tokens 1-96 and 129-224; `eos_position` is where
    the end-of-sequence token would have come first (0-based), null when it never would have. `citation_matches` counts
    the steps whose last five tokens stand in the training set, `citation_blocks` those where the token that would have
    been taken was banned; both are null for a system that blocks nothing.
    """

    __tablename__ = "continuation"
    __table_args__ = (
        UniqueConstraint("system_id", "passage_id"),
        ForeignKeyConstraint(["study_id", "system_id"], ["system.study_id", "system.id"]),
        ForeignKeyConstraint(["study_id", "passage_id"], ["passage.study_id", "passage.id"]),
    )

    id: Mapped[Id]
    study_id: Mapped[int]
    system_id: Mapped[int]
    passage_id: Mapped[int]
    token_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    text: Mapped[str]
    eos_position: Mapped[int | None]
    ttr_128: Mapped[float]
    ttr_256: Mapped[float]
    engine: Mapped[str]
    citation_matches: Mapped[int | None]
    citation_blocks: Mapped[int | None]
    created_at: Mapped[CreatedAt]
