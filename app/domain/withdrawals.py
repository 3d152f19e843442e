"""Withdrawing an annotator from a study: for good, in one transaction, by the rule that its protocol locked.

Nothing is deleted. Under *keep* the answers go on counting and their slots stay taken. Under *replace* they get the
status `withdrawn`, which the export shows, and their slots are free for others at once. Either way the annotator gets
nothing new, what they hold goes back, and what still comes in from them is kept as `withdrawn`.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.annotator_lock import lock_annotator
from app.domain.reviews import last_decision, record_decision
from app.errors import ConflictError
from app.models import Study
from app.models.review import Decision
from app.models.study import Withdrawal


@dataclass(frozen=True)
class Withdrawn:
    """What a withdrawal did: answers that counted until now, and how many slots are free because of it."""

    rule: Withdrawal
    answers: int
    reopened: int


# Lock order: the annotator, then comparisons by id, then their assignments.
_LOCK_COMPARISONS = text("""
SELECT id FROM comparison
WHERE id IN (SELECT comparison_id FROM assignment
             WHERE annotator_id = :annotator AND study_id = :study AND (slot IS NOT NULL OR state IN ('shown', 'next')))
ORDER BY id FOR NO KEY UPDATE
""")

_COUNTED = text("""
SELECT count(*) FROM annotation WHERE annotator_id = :annotator AND study_id = :study AND status = 'counted'
""")

_END_LEASES = text("""
WITH held AS (
    SELECT id, comparison_id, slot FROM assignment
    WHERE annotator_id = :annotator AND study_id = :study AND state IN ('shown', 'next')
), ended AS (
    UPDATE assignment a SET state = 'expired', slot = NULL, ended_at = now() FROM held WHERE a.id = held.id
)
UPDATE comparison c SET taken = c.taken - 1 FROM held WHERE c.id = held.comparison_id AND held.slot IS NOT NULL
""")

_TAKE_BACK = text("""
UPDATE annotation SET status = 'withdrawn', slot = NULL
WHERE annotator_id = :annotator AND study_id = :study AND status = 'counted'
""")

_REOPEN = text("""
WITH answered AS (
    UPDATE assignment SET slot = NULL
    WHERE annotator_id = :annotator AND study_id = :study AND state = 'answered' AND slot IS NOT NULL
    RETURNING comparison_id
)
UPDATE comparison c SET taken = c.taken - 1, answered = c.answered - 1
FROM answered WHERE c.id = answered.comparison_id
""")


def withdraw(session: Session, study: Study, annotator_id: int, *, by_id: int | None, reason: str) -> Withdrawn:
    """Withdraw the annotator from the study. Raises ConflictError when they are withdrawn already."""
    parameters = {"annotator": annotator_id, "study": study.id}
    lock_annotator(session, annotator_id)
    last = last_decision(session, study, annotator_id)
    if last is not None and last.decision == Decision.WITHDRAWN:
        raise ConflictError("This annotator is withdrawn from the study already.")
    session.execute(_LOCK_COMPARISONS, parameters)
    answers: int = session.execute(_COUNTED, parameters).scalar_one()
    session.execute(_END_LEASES, parameters)
    reopened = answers if study.withdrawal == Withdrawal.REPLACE else 0
    if reopened:
        session.execute(_TAKE_BACK, parameters)
        session.execute(_REOPEN, parameters)
    record_decision(session, study, annotator_id, Decision.WITHDRAWN, reason=reason, by_id=by_id)
    return Withdrawn(study.withdrawal, answers, reopened)
