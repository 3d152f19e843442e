"""What the annotation page shows: two comparisons at most, stripped of everything but their texts."""

import hashlib
import hmac
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.annotation.claims import Held
from app.annotation.pictures import Pictures, draw
from app.db import Statement
from app.domain.reviews import OUT, last_decision
from app.domain.staffing import is_at_cap
from app.errors import NotFoundError
from app.models import Assignment, Study
from app.models.annotation import VerdictShown
from app.models.review import Decision
from app.models.study import Modality, StudyState
from app.wording import N_


@dataclass(frozen=True)
class Pair:
    """One comparison as an annotator sees it."""

    claim: UUID
    context: str
    first: str
    second: str
    verdict: VerdictShown | None = None
    pictures: Pictures | None = None


@dataclass(frozen=True)
class Page:
    """What an annotator has before them, what waits behind it, and how many they judged since midnight (UTC)."""

    shown: Pair | None
    following: Pair | None
    judged_today: int


class Standing(StrEnum):
    """Why there is nothing to judge."""

    PREPARING = "preparing"
    PAUSED = "paused"
    COMPLETE = "complete"
    REVIEW = "review"
    WITHDRAWN = "withdrawn"
    WAITING = "waiting"
    EXHAUSTED = "exhausted"


# Always a row, since what was judged today is shown with nothing to judge as well. The claims are named one by one: for
# an array of unknown length, Postgres would plan the statement anew each time.
_PAGE = Statement("""
SELECT today.judged, a.claim, p.context,
       CASE WHEN a.candidate_first THEN c.candidate_text ELSE c.reference_text END AS first,
       CASE WHEN a.candidate_first THEN c.reference_text ELSE c.candidate_text END AS second
FROM (SELECT count(*) AS judged FROM annotation
       WHERE annotator_id = :annotator AND study_id = :study AND status NOT IN ('superseded', 'training')
         AND answered_at >= date_trunc('day', now())) today
LEFT JOIN (assignment a JOIN comparison c ON c.id = a.comparison_id JOIN passage p ON p.id = a.passage_id)
  ON a.claim IN (CAST(:shown AS uuid), CAST(:next AS uuid))
""")

_LAST = text("""
SELECT a.claim, p.context,
       CASE WHEN a.candidate_first THEN c.candidate_text ELSE c.reference_text END AS first,
       CASE WHEN a.candidate_first THEN c.reference_text ELSE c.candidate_text END AS second,
       n.verdict_shown AS verdict
FROM assignment a JOIN comparison c ON c.id = a.comparison_id JOIN passage p ON p.id = a.passage_id
JOIN annotation n ON n.assignment_id = a.id AND n.status <> 'superseded'
WHERE a.annotator_id = :annotator AND a.study_id = :study AND a.kind <> 'training'
  AND a.state IN ('answered', 'skipped')
ORDER BY a.ended_at DESC, a.id DESC LIMIT 1
""")

_REMAINING = text("""
SELECT count(*) AS unfinished,
       count(*) FILTER (WHERE NOT EXISTS (
           SELECT FROM assignment a WHERE a.annotator_id = :annotator AND a.passage_id = c.passage_id)) AS for_me
FROM comparison c
WHERE c.study_id = :study AND c.number IS NOT NULL AND NOT c.withdrawn AND c.answered < c.quota
""")


def study_to_annotate(session: Session, annotator_id: int, slug: str | None) -> Study | None:
    """The study by its slug; without one, where the annotator worked last among those not closed, else the newest open.

    Raises NotFoundError for a slug that is unknown or still a draft; None when no study is open at all.
    """
    if slug is not None:
        study = session.scalar(select(Study).where(Study.slug == slug, Study.state != StudyState.DRAFT))
        if study is None:
            raise NotFoundError(N_("There is no such study. Ask whoever invited you for the right link."))
        return study
    last = select(Assignment.id).where(Assignment.annotator_id == annotator_id, Assignment.study_id == Study.id)
    last_id = last.order_by(Assignment.id.desc()).limit(1).scalar_subquery()
    ongoing = select(Study).where(Study.state.in_([StudyState.OPEN, StudyState.PAUSED]))
    return session.scalar(ongoing.order_by(last_id.desc().nulls_last(), Study.opened_at.desc()).limit(1))


def owner(key: bytes, annotator_id: int) -> str:
    """Names the annotator to their own browser, so that answers kept there are sent for nobody else."""
    return hmac.digest(key, f"outbox:{annotator_id}".encode(), hashlib.sha256).hex()[:16]


def read_page(session: Session, study: Study, annotator_id: int, held: Held) -> Page:
    """The texts of what is shown and of what comes next, in their display order, and what was done today."""
    rows = _PAGE.run(session, annotator=annotator_id, study=study.id, shown=held.shown, next=held.next).fetchall()
    pairs = {row.claim: Pair(row.claim, row.context, row.first, row.second) for row in rows if row.claim}
    if study.modality is Modality.IMAGE:
        pairs = {claim: with_pictures(session, study, pair) for claim, pair in pairs.items()}
    return Page(
        shown=pairs[held.shown] if held.shown else None,
        following=pairs[held.next] if held.next else None,
        judged_today=rows[0].judged,
    )


def last_answered(session: Session, study: Study, annotator_id: int) -> Pair | None:
    """The comparison whose verdict may still be changed; None before the first answer and after a skip."""
    row = session.execute(_LAST, {"annotator": annotator_id, "study": study.id}).one_or_none()
    if row is None:
        return None
    return with_pictures(session, study, Pair(row.claim, row.context, row.first, row.second, VerdictShown(row.verdict)))


def with_pictures(session: Session, study: Study, pair: Pair) -> Pair:
    """The pair, with what is to be seen of it where the study is about images."""
    if study.modality is not Modality.IMAGE:
        return pair
    return replace(pair, pictures=draw(session, study, (pair.context, pair.first, pair.second)))


def standing(session: Session, study: Study, annotator_id: int) -> Standing:
    """Why this annotator has nothing to judge in the study."""
    if study.state == StudyState.PAUSED:
        return Standing.PAUSED
    if study.state == StudyState.CLOSED:
        return Standing.COMPLETE
    decision = last_decision(session, study, annotator_id)
    if decision is not None and decision.decision in OUT:
        return Standing.WITHDRAWN if decision.decision == Decision.WITHDRAWN else Standing.REVIEW
    if study.comparisons == 0:
        return Standing.PREPARING
    remaining = session.execute(_REMAINING, {"annotator": annotator_id, "study": study.id}).one()
    if remaining.unfinished == 0:
        return Standing.COMPLETE
    if is_at_cap(session, study, annotator_id) or not remaining.for_me:
        return Standing.EXHAUSTED
    return Standing.WAITING
