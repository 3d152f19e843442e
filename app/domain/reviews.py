"""Who may go on annotating in a study, and who decided so: append-only, with reasons.

A study's thresholds pause somebody for a person to look at; only people resume or withdraw them. What is measured
starts afresh when somebody is resumed, or the same answers would pause them again at once.
"""

from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.domain.annotator_lock import lock_annotator
from app.domain.audit import record
from app.domain.pseudonyms import pseudonym
from app.errors import ConflictError
from app.models import Review, Study
from app.models.review import Decision

# Fewer answers than these say nothing about a person.
ENOUGH_CHECKS = 5
ENOUGH_READINGS = 20
OUT = (Decision.PAUSED, Decision.WITHDRAWN)
_DEEDS = {Decision.PAUSED: "pause", Decision.RESUMED: "resume", Decision.WITHDRAWN: "withdraw"}


@dataclass(frozen=True)
class Standing:
    """An annotator's answers that thresholds look at, since they were last resumed."""

    gold: int
    gold_right: int
    repeats: int
    repeats_same: int
    readings: int
    median_reading_ms: float | None


# Of the reading times only the latest, so that somebody who starts to hurry is noticed.
_STANDING = text("""
WITH since AS (
    SELECT coalesce(max(decided_at), '-infinity') AS at FROM review
    WHERE annotator_id = :annotator AND study_id = :study AND decision = 'resumed'
), mine AS MATERIALIZED (
    SELECT n.comparison_id, n.verdict, n.status, n.duration_ms, n.answered_at, n.id
    FROM annotation n, since
    WHERE n.annotator_id = :annotator AND n.study_id = :study AND n.status <> 'superseded'
      AND n.answered_at > since.at
), latest AS (
    SELECT duration_ms FROM mine ORDER BY answered_at DESC, id DESC LIMIT :readings
)
SELECT count(*) FILTER (WHERE status = 'gold') AS gold,
       count(*) FILTER (WHERE status = 'gold' AND verdict = 'reference') AS gold_right,
       count(*) FILTER (WHERE status = 'repeat') AS repeats,
       count(*) FILTER (WHERE status = 'repeat' AND verdict = (
           SELECT f.verdict FROM annotation f JOIN assignment a ON a.id = f.assignment_id
           WHERE a.annotator_id = :annotator AND a.comparison_id = mine.comparison_id AND a.occasion = 0
             AND f.status <> 'superseded')) AS repeats_same,
       (SELECT count(*) FROM latest) AS readings,
       (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) FROM latest) AS median_reading_ms
FROM mine
""")


def last_decision(session: Session, study: Study, annotator_id: int) -> Review | None:
    """The decision that holds; None when there never was one."""
    mine = select(Review).where(Review.study_id == study.id, Review.annotator_id == annotator_id)
    return session.scalar(mine.order_by(Review.id.desc()).limit(1))


def is_out(session: Session, study: Study, annotator_id: int) -> bool:
    """Whether the annotator is paused or withdrawn, and so gets nothing new."""
    decision = last_decision(session, study, annotator_id)
    return decision is not None and decision.decision in OUT


def pause_if_below(session: Session, study: Study, annotator_id: int) -> Review | None:
    """Pause the annotator for review if one of the study's thresholds says so; None if none does, or they are out."""
    if is_out(session, study, annotator_id):
        return None
    row = session.execute(_STANDING, {"annotator": annotator_id, "study": study.id, "readings": ENOUGH_READINGS}).one()
    reasons = shortfalls(study, Standing(*row))
    if not reasons:
        return None
    return record_decision(session, study, annotator_id, Decision.PAUSED, reason=" ".join(reasons))


def shortfalls(study: Study, standing: Standing) -> list[str]:
    """Each of the study's thresholds that the answers miss, as a sentence; empty while there are too few to tell."""
    reasons = []
    if _is_below(standing.gold_right, standing.gold, study.min_gold_accuracy):
        found = f"{standing.gold_right} of {standing.gold} gold comparisons right"
        reasons.append(f"{found}, under {study.min_gold_accuracy:.0%}.")
    if _is_below(standing.repeats_same, standing.repeats, study.min_self_consistency):
        found = f"{standing.repeats_same} of {standing.repeats} repeats judged as before"
        reasons.append(f"{found}, under {study.min_self_consistency:.0%}.")
    median, floor = standing.median_reading_ms, study.min_reading_ms
    if median is not None and floor is not None and standing.readings >= ENOUGH_READINGS and median < floor:
        found = f"Median reading time {median / 1000:.1f} s in the last {standing.readings}"
        reasons.append(f"{found}, under {floor / 1000:.1f} s.")
    return reasons


def _is_below(good: int, total: int, threshold: float | None) -> bool:
    return threshold is not None and total >= ENOUGH_CHECKS and good < threshold * total


def pause(session: Session, study: Study, annotator_id: int, *, by_id: int | None, reason: str) -> Review:
    """Give the annotator nothing new in this study until somebody resumes them.

    Raises ConflictError when they are paused or withdrawn already.
    """
    lock_annotator(session, annotator_id)
    if is_out(session, study, annotator_id):
        raise ConflictError("This annotator is paused or withdrawn already.")
    return record_decision(session, study, annotator_id, Decision.PAUSED, reason=reason, by_id=by_id)


def resume(session: Session, study: Study, annotator_id: int, *, by_id: int | None, reason: str = "") -> Review:
    """Let a paused annotator go on. Raises ConflictError for everybody else; a withdrawal is final."""
    lock_annotator(session, annotator_id)
    decision = last_decision(session, study, annotator_id)
    if decision is None or decision.decision != Decision.PAUSED:
        raise ConflictError("This annotator is not paused, so there is nothing to resume.")
    return record_decision(session, study, annotator_id, Decision.RESUMED, reason=reason, by_id=by_id)


def record_decision(
    session: Session, study: Study, annotator_id: int, decision: Decision, *, reason: str, by_id: int | None = None
) -> Review:
    """Write the decision down, its reason here alone; whether it may be taken is for the caller to know."""
    review = Review(study_id=study.id, annotator_id=annotator_id, decision=decision, reason=reason, by_id=by_id)
    session.add(review)
    record(session, by_id, f"study.{_DEEDS[decision]}_annotator", study, annotator=pseudonym(study, annotator_id))
    return review
