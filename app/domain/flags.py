"""Notes from annotators to researchers about single comparisons; they change nothing about a judgement."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.errors import NotFoundError, ToprankError
from app.models import Flag, Study
from app.wording import N_

LONGEST_NOTE = 2000


@dataclass(frozen=True)
class FlaggedComparison:
    """A note, who wrote it (the study's pseudonym), when, and the comparison it is about."""

    id: int
    flagged_at: datetime
    note: str
    annotator: str
    comparison_id: int
    scenario: int
    context: str
    candidate: str
    reference: str


# The same note again is a retry, not a second flag.
_FLAG = text("""
WITH mine AS (
    SELECT id, study_id FROM assignment WHERE claim = :claim AND annotator_id = :annotator
), added AS (
    INSERT INTO flag (study_id, assignment_id, annotator_id, note)
    SELECT study_id, id, :annotator, CAST(:note AS text) FROM mine
    WHERE NOT EXISTS (SELECT FROM flag f WHERE f.assignment_id = mine.id AND f.note = CAST(:note AS text))
)
SELECT study_id FROM mine
""")

_FLAGS = text("""
SELECT f.id, f.created_at, f.note, left(encode(sha256(s.secret || int8send(f.annotator_id)), 'hex'), 12) AS annotator,
       c.id AS comparison_id, c.scenario, p.context, c.candidate_text, c.reference_text
FROM flag f
JOIN study s ON s.id = f.study_id
JOIN assignment a ON a.id = f.assignment_id
JOIN comparison c ON c.id = a.comparison_id
JOIN passage p ON p.id = a.passage_id
WHERE f.study_id = :study AND f.id > :after ORDER BY f.id LIMIT :limit
""")


def flag(session: Session, annotator_id: int, claim: UUID, note: str) -> int:
    """Keep a note about one of the annotator's comparisons; returns its study.

    Raises NotFoundError when the claim is not theirs, ToprankError when the note is empty.
    """
    # A database text cannot hold a zero byte.
    note = note.replace("\x00", "").strip()
    if not note:
        raise ToprankError(N_("The note is empty, so nothing was sent. Say what the researchers should look at."))
    parameters = {"claim": claim, "annotator": annotator_id, "note": note}
    study_id: int | None = session.execute(_FLAG, parameters).scalar_one_or_none()
    if study_id is None:
        raise NotFoundError(N_("There is no such comparison among yours. Open the annotation page again to go on."))
    return study_id


def flagged(session: Session, study: Study, *, after: int = 0, limit: int | None = None) -> list[FlaggedComparison]:
    """The study's notes whose number is above `after`, the oldest first."""
    asked = {"study": study.id, "after": after, "limit": limit}
    return [FlaggedComparison(*row) for row in session.execute(_FLAGS, asked)]


def count_flags(session: Session, study: Study) -> int:
    """How many notes the study has."""
    return session.scalar(select(func.count()).where(Flag.study_id == study.id)) or 0
