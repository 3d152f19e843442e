"""Whether a study has reached the stopping rule of its protocol, and the closing of those that have.

A study that stops at a date or after a number of annotations would go on collecting, so it is closed. One whose quota
is full collects nothing more: people close it, who may have passages to add.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.domain.studies import MOVES, move_study
from app.models import Annotation, Study
from app.models.annotation import AnnotationStatus
from app.models.protocol import Stopping
from app.models.study import StudyState


class Fill(NamedTuple):
    """Comparisons that are released; and what a full study has none of: comparisons with a free slot, those not
    released, continuations not written."""

    released: int
    unfilled: int
    unreleased: int
    unwritten: int

    @property
    def is_full(self) -> bool:
        """Whether every comparison that the study will ever have has its annotations."""
        return self.released > 0 and not (self.unfilled or self.unreleased or self.unwritten)


_FILL = text("""
SELECT
  (SELECT count(*) FROM comparison c
   WHERE c.study_id = :study AND c.number IS NOT NULL AND NOT c.withdrawn) AS released,
  (SELECT count(*) FROM comparison c
   WHERE c.study_id = :study AND c.number IS NOT NULL AND NOT c.withdrawn AND c.answered < c.quota) AS unfilled,
  (SELECT count(*) FROM comparison c JOIN passage p ON p.id = c.passage_id
   WHERE c.study_id = :study AND c.kind = 'study' AND c.number IS NULL AND NOT c.withdrawn
     AND p.state = 'accepted' AND NOT p.unjudged) AS unreleased,
  (SELECT count(*) FROM passage p CROSS JOIN system s
   WHERE p.study_id = :study AND s.study_id = :study AND p.state = 'accepted' AND NOT p.unjudged AND NOT EXISTS (
     SELECT FROM continuation t WHERE t.system_id = s.id AND t.passage_id = p.id)) AS unwritten
""")


def fill_of(session: Session, study: Study) -> Fill:
    """What is released, and what is missing."""
    return Fill(*session.execute(_FILL, {"study": study.id}).one())


def has_reached_its_rule(session: Session, study: Study) -> bool:
    """Whether the protocol stops the study by now, or by the time at which it was closed."""
    if study.stop_at is not None:
        return study.stop_at <= (study.closed_at or datetime.now(UTC))
    if study.stop_after is not None:
        return counted_annotations(session, study) >= study.stop_after
    return fill_of(session, study).is_full


def counted_annotations(session: Session, study: Study) -> int:
    """How many annotations count, in all comparisons together."""
    counted = (Annotation.study_id == study.id, Annotation.status == AnnotationStatus.COUNTED)
    return session.scalar(select(func.count()).select_from(Annotation).where(*counted)) or 0


def rule_in_words(study: Study) -> str:
    """When the study stops, to follow "stops"."""
    if study.stop_at is not None:
        return f"at {study.stop_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if study.stop_after is not None:
        return f"after {study.stop_after:,} annotations"
    return "when every comparison has its annotations"


def close_what_is_to_stop(session: Session) -> list[Study]:
    """Close the studies that have reached their date or their number of annotations; the log names the rule."""
    running = (Study.state.in_(MOVES[StudyState.CLOSED]), Study.stopping != Stopping.QUOTA)
    locked = select(Study).where(*running).order_by(Study.id).with_for_update(key_share=True, skip_locked=True)
    studies = [study for study in session.scalars(locked) if has_reached_its_rule(session, study)]
    for study in studies:
        move_study(session, study, StudyState.CLOSED, rule=rule_in_words(study))
    return studies
