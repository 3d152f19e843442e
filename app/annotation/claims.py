"""What an annotator holds in a study: one comparison that is shown, and one that waits in the page behind it."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.annotation.drawing import Drawn, draw_at_random, draw_exactly
from app.annotation.leases import NEXT_MARGIN, expire_leases, lease_of, lock_annotator, renew_leases
from app.annotation.order import candidate_is_first
from app.models import Study
from app.models.annotation import AssignmentState
from app.models.study import StudyState

# With fewer comparisons left than this, what one annotator holds in reserve another waits for.
NEAR_THE_END = 8


@dataclass(frozen=True)
class Held:
    """The claims of what is shown and of what comes next; None where there is nothing."""

    shown: UUID | None
    next: UUID | None


_HELD = text("""
SELECT state, claim FROM assignment
WHERE annotator_id = :annotator AND study_id = :study AND state IN ('shown', 'next')
""")

_PROMOTE = text("""
UPDATE assignment SET state = 'shown', shown_at = now(), lease_expires_at = now() + :lease
WHERE annotator_id = :annotator AND study_id = :study AND state = 'next'
RETURNING claim
""")

# What somebody was last given and did not answer comes back to them, if nobody else has taken the slot.
_LAPSED = text("""
SELECT a.id, (SELECT min(s) FROM generate_series(1, c.quota) s
               WHERE NOT EXISTS (SELECT FROM assignment b WHERE b.comparison_id = c.id AND b.slot = s)) AS slot
FROM assignment a JOIN comparison c ON c.id = a.comparison_id
WHERE a.annotator_id = :annotator AND a.study_id = :study AND a.state = 'expired' AND a.kind = 'study'
  AND NOT c.withdrawn AND c.taken < c.quota
ORDER BY a.shown_at IS NULL, a.id DESC LIMIT 1
FOR NO KEY UPDATE OF c SKIP LOCKED
""")

_REVIVE = text("""
WITH revived AS (
    UPDATE assignment
    SET state = 'shown', slot = :slot, ended_at = NULL, shown_at = coalesce(shown_at, now()),
        lease_expires_at = now() + :lease
    WHERE id = :id RETURNING claim, comparison_id
), taken AS (
    UPDATE comparison c SET taken = c.taken + 1 FROM revived WHERE c.id = revived.comparison_id RETURNING 1
)
SELECT claim FROM revived, taken
""")

_LEASE = text("""
WITH taken AS (
    UPDATE comparison SET taken = taken + 1 WHERE id = :comparison RETURNING 1
)
INSERT INTO assignment (claim, study_id, annotator_id, comparison_id, passage_id, kind, occasion, quota, slot,
                        candidate_first, passage_exposure, state, shown_at, lease_expires_at)
SELECT :claim, :study, :annotator, :comparison, :passage, 'study', 0, :quota, :slot,
       :candidate_first, :exposure, CAST(:state AS text), CASE :state WHEN 'shown' THEN now() END, now() + :lease
FROM taken
""")


def hold(session: Session, study: Study, annotator_id: int) -> Held:
    """What the annotator holds after this: the same as before if anything, else something newly drawn.

    Loading the page any number of times, in any number of tabs, changes nothing. The annotator must be locked.
    """
    parameters = {"annotator": annotator_id, "study": study.id}
    held: dict[str, UUID] = {row.state: row.claim for row in session.execute(_HELD, parameters)}
    shown, following = held.get(AssignmentState.SHOWN), held.get(AssignmentState.NEXT)
    if study.state != StudyState.OPEN:
        return Held(shown, None)
    if shown is None and following is not None:
        shown = session.execute(_PROMOTE, parameters | {"lease": lease_of(study)}).scalar_one_or_none()
        following = None
    if shown is None:
        shown = _revive(session, study, annotator_id) or _lease_shown(session, study, annotator_id)
    if shown is not None and following is None:
        following = _lease_next(session, study, annotator_id)
    return Held(shown, following)


def claim(session: Session, study: Study, annotator_id: int) -> Held:
    """Lock the annotator, renew what they hold and return it, or lease a uniformly random eligible comparison."""
    lock_annotator(session, annotator_id)
    renew_leases(session, study, annotator_id)
    return hold(session, study, annotator_id)


def _lease_shown(session: Session, study: Study, annotator_id: int) -> UUID | None:
    drawn = draw_at_random(session, study, annotator_id)
    if drawn is None:
        expire_leases(session, study.id)
        drawn = draw_exactly(session, study, annotator_id)
    return _lease(session, study, annotator_id, drawn, AssignmentState.SHOWN) if drawn else None


def _lease_next(session: Session, study: Study, annotator_id: int) -> UUID | None:
    drawn = draw_at_random(session, study, annotator_id)
    if drawn is None or drawn.eligible < NEAR_THE_END:
        return None
    return _lease(session, study, annotator_id, drawn, AssignmentState.NEXT)


def _lease(session: Session, study: Study, annotator_id: int, drawn: Drawn, state: AssignmentState) -> UUID:
    claim = uuid4()
    margin = NEXT_MARGIN if state == AssignmentState.NEXT else timedelta()
    session.execute(
        _LEASE,
        {
            "claim": claim,
            "study": study.id,
            "annotator": annotator_id,
            "comparison": drawn.comparison_id,
            "passage": drawn.passage_id,
            "quota": drawn.quota,
            "slot": drawn.slot,
            "exposure": drawn.exposure,
            "state": state.value,
            "lease": lease_of(study) + margin,
            "candidate_first": candidate_is_first(
                study.secret, comparison_id=drawn.comparison_id, annotator_id=annotator_id, occasion=0
            ),
        },
    )
    return claim


def _revive(session: Session, study: Study, annotator_id: int) -> UUID | None:
    lapsed = session.execute(_LAPSED, {"annotator": annotator_id, "study": study.id}).one_or_none()
    if lapsed is None:
        return None
    parameters = {"id": lapsed.id, "slot": lapsed.slot, "lease": lease_of(study)}
    claim: UUID = session.execute(_REVIVE, parameters).scalar_one()
    return claim
