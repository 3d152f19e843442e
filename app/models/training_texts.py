"""What a model was trained on, where a study needs to know it."""

from sqlalchemy import ARRAY, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import CreatedAt


class TrainingTexts(Base):
    """The texts of a training set, by their hash, so that every worker can index what must not be repeated."""

    __tablename__ = "training_texts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str]
    texts: Mapped[list[str]] = mapped_column(ARRAY(Text), deferred=True)
    created_at: Mapped[CreatedAt]
