"""Whole continuations with what was said of them, in the order of their numbers, for programs and commands."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.analysis.texts import CHOSEN_TEXTS, TextChoice, consensus_of, verdicts_of
from app.models import Study
from metrics.consensus import Consensus
from metrics.preference import Verdicts

_AFTER = text(f"""
{CHOSEN_TEXTS}
AND continuation_id > :after AND (CAST(:passage AS bigint) IS NULL OR passage_id = :passage)
ORDER BY continuation_id LIMIT :limit
""")


@dataclass(frozen=True)
class JudgedText:
    """A continuation in one scenario; `is_recall` where it is the original, `overlap` in tokens of the training set."""

    id: int
    passage_id: int
    dataset: str
    system: str
    context: str
    text: str
    ttr: float
    verdicts: Verdicts
    consensus: Consensus | None
    is_recall: bool
    overlap: int


def page_of_texts(
    session: Session, study: Study, wanted: TextChoice, *, after: int = 0, limit: int, passage: int | None = None
) -> list[JudgedText]:
    """Continuations that are wanted and whose number is above `after`, of one passage if asked."""
    names = TextChoice.model_fields
    asked = wanted.model_dump(include=set(names)) | {"study": study.id, "after": after, "limit": limit}
    return [
        JudgedText(
            id=row.continuation_id,
            passage_id=row.passage_id,
            dataset=row.dataset,
            system=row.system,
            context=row.context,
            text=row.text,
            ttr=row.ttr,
            verdicts=verdicts_of(row),
            consensus=consensus_of(row),
            is_recall=row.is_recall,
            overlap=row.overlap,
        )
        for row in session.execute(_AFTER, asked | {"passage": passage})
    ]
