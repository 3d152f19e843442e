"""An annotator's own answers, newest first: the texts as they were shown, what was chosen, and nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.annotation.page import Pair, with_pictures
from app.models import Study
from app.models.annotation import VerdictShown

PAGE = 20


@dataclass(frozen=True)
class OwnAnswer:
    """One answer; `is_fast` where it took less than the study's reading floor."""

    pair: Pair
    answered_at: datetime
    took: timedelta
    is_fast: bool


@dataclass(frozen=True)
class Answers:
    """One page of answers, and whether there are later and earlier ones."""

    answers: list[OwnAnswer]
    page: int
    has_more: bool


_ANSWERS = text("""
SELECT a.claim, p.context,
       CASE WHEN a.candidate_first THEN c.candidate_text ELSE c.reference_text END AS first,
       CASE WHEN a.candidate_first THEN c.reference_text ELSE c.candidate_text END AS second,
       n.verdict_shown, n.answered_at, n.duration_ms,
       n.duration_ms < coalesce(s.min_reading_ms, 0) AS is_fast
FROM annotation n
JOIN assignment a ON a.id = n.assignment_id
JOIN study s ON s.id = n.study_id
JOIN comparison c ON c.id = n.comparison_id
JOIN passage p ON p.id = a.passage_id
WHERE n.annotator_id = :annotator AND n.study_id = :study AND n.status NOT IN ('superseded', 'training')
ORDER BY n.answered_at DESC, n.id DESC LIMIT :limit OFFSET :offset
""")


def own_answers(session: Session, study: Study, annotator_id: int, *, page: int) -> Answers:
    """A page of the annotator's answers in the study; the first page is 1."""
    parameters = {"annotator": annotator_id, "study": study.id, "limit": PAGE + 1, "offset": (page - 1) * PAGE}
    rows = session.execute(_ANSWERS, parameters).all()
    answers = [
        OwnAnswer(
            with_pictures(
                session, study, Pair(row.claim, row.context, row.first, row.second, VerdictShown(row.verdict_shown))
            ),
            row.answered_at,
            timedelta(milliseconds=row.duration_ms),
            row.is_fast,
        )
        for row in rows[:PAGE]
    ]
    return Answers(answers, page, len(rows) > PAGE)
