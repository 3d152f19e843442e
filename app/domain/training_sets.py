"""The texts that a study's continuations are held against: what its checkpoints learned, and may not recite."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import HyperfitRun, HyperfitTexts, Study, System, TrainingTexts


@dataclass(frozen=True)
class TrainingSet:
    """Texts, and a hash that names them."""

    texts: tuple[str, ...]
    sha256: str

    @classmethod
    def of(cls, texts: Sequence[str]) -> "TrainingSet":
        """Texts that no study keeps, as files hold them."""
        return cls(tuple(texts), hashlib.sha256("\x00".join(texts).encode()).hexdigest())


def training_set_sha256(session: Session, study: Study) -> str | None:
    """Names the study's training set without reading it; None where no system has one."""
    names = _names(session, study)
    return hashlib.sha256("/".join(names).encode()).hexdigest() if names else None


def training_set(session: Session, study: Study) -> TrainingSet | None:
    """The union over the study's systems, so that blocked and unblocked ones are held against the same texts."""
    sha256 = training_set_sha256(session, study)
    if sha256 is None:
        return None
    names = _names(session, study)
    kept = session.scalars(select(TrainingTexts.texts).where(TrainingTexts.sha256.in_(names)))
    learned = session.scalars(select(HyperfitTexts.documents).where(HyperfitTexts.sha256.in_(names)))
    texts = {text for one in kept for text in one} | {str(document["text"]) for one in learned for document in one}
    return TrainingSet(tuple(sorted(texts)), sha256)


def _names(session: Session, study: Study) -> list[str]:
    """Of what systems are blocked from, and of what their checkpoints were hyperfitted on."""
    blocked = select(System.training_texts_sha256).where(System.study_id == study.id)
    learned = (
        select(HyperfitRun.texts_sha256)
        .join(System, System.checkpoint_id == HyperfitRun.checkpoint_id)
        .where(System.study_id == study.id)
    )
    return sorted({name for query in (blocked, learned) for name in session.scalars(query) if name})
