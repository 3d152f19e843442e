"""What an annotator holds in a study: one comparison that is shown, and one that waits in the page behind it."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from app.annotation.drawing import Drawn, draw_at_random, draw_exactly
from app.annotation.kinds import Check, draw_check
from app.annotation.leases import NEXT_MARGIN, expire_leases, lease_of, renew_leases
from app.annotation.order import candidate_is_first
from app.db import Statement
from app.domain.annotator_lock import lock_annotator
from app.domain.reviews import OUT
from app.domain.staffing import is_at_cap
from app.models import Study
from app.models.annotation import AssignmentState
from app.models.comparison import Kind
from app.models.study import StudyState

# With fewer comparisons left than this, what one annotator holds in reserve another waits for.
NEAR_THE_END = 8


@dataclass(frozen=True)
class Held:
    """The claims of what is shown and of what comes next; None where there is nothing."""

    shown: UUID | None
    next: UUID | None


# One row, whatever the annotator holds; each part finds its row by an index of its own. What is next is shown from now
# on if nothing else is and the annotator may go on.
_HELD = Statement("""
WITH review AS MATERIALIZED (
    SELECT decision FROM review WHERE annotator_id = :annotator AND study_id = :study ORDER BY id DESC LIMIT 1
), promoted AS (
    UPDATE assignment SET state = 'shown', shown_at = now(), lease_expires_at = now() + :lease
    WHERE annotator_id = :annotator AND study_id = :study AND state = 'next' AND :is_open
      AND NOT EXISTS (SELECT FROM review WHERE decision IN ('paused', 'withdrawn'))
      AND NOT EXISTS (SELECT FROM assignment shown WHERE shown.annotator_id = :annotator
                      AND shown.study_id = :study AND shown.state = 'shown')
    RETURNING claim
)
SELECT last.ordinal, review.decision, coalesce(shown.claim, promoted.claim) AS shown,
       CASE WHEN promoted.claim IS NULL THEN next.claim END AS next
FROM (SELECT coalesce(max(ordinal), 0) AS ordinal FROM assignment
      WHERE annotator_id = :annotator AND study_id = :study) last
LEFT JOIN review ON true
LEFT JOIN promoted ON true
LEFT JOIN assignment shown
  ON shown.annotator_id = :annotator AND shown.study_id = :study AND shown.state = 'shown'
LEFT JOIN assignment next
  ON next.annotator_id = :annotator AND next.study_id = :study AND next.state = 'next'
""")

# What somebody was last given and did not answer comes back to them, if nobody else has taken the slot.
_LAPSED = Statement("""
SELECT a.id
FROM assignment a JOIN comparison c ON c.id = a.comparison_id
WHERE a.annotator_id = :annotator AND a.study_id = :study AND a.state = 'expired'
  AND NOT c.withdrawn AND (a.kind IN ('gold', 'repeat') OR a.kind = 'study' AND c.taken < c.quota)
ORDER BY a.shown_at IS NULL, a.id DESC LIMIT 1
FOR NO KEY UPDATE OF c SKIP LOCKED
""")

# The comparison is locked by now, so a slot that is free in this statement's snapshot stays free.
_SLOT = """
CASE WHEN {kind} = 'study' THEN (SELECT min(s) FROM generate_series(1, c.quota) s
    WHERE NOT EXISTS (SELECT FROM assignment b WHERE b.comparison_id = c.id AND b.slot = s)) END
"""

_REVIVE = Statement(f"""
WITH revived AS (
    UPDATE assignment a
    SET state = 'shown', slot = {_SLOT.format(kind="a.kind")}, ended_at = NULL, shown_at = coalesce(shown_at, now()),
        lease_expires_at = now() + :lease
    FROM comparison c WHERE a.id = :id AND c.id = a.comparison_id RETURNING a.claim, a.comparison_id, a.slot
), taken AS (
    UPDATE comparison c SET taken = c.taken + 1
    FROM revived WHERE c.id = revived.comparison_id AND revived.slot IS NOT NULL
)
SELECT claim FROM revived
""")

_LEASE = Statement(f"""
WITH taken AS (
    UPDATE comparison SET taken = taken + 1 WHERE id = :comparison AND CAST(:kind AS text) = 'study'
)
INSERT INTO assignment (claim, study_id, annotator_id, comparison_id, passage_id, kind, occasion, ordinal, quota, slot,
                        candidate_first, passage_exposure, state, shown_at, lease_expires_at)
SELECT :claim, :study, :annotator, c.id, c.passage_id, CAST(:kind AS text), :occasion, :ordinal, c.quota,
       {_SLOT.format(kind="CAST(:kind AS text)")}, :candidate_first, :exposure, CAST(:state AS text),
       CASE CAST(:state AS text) WHEN 'shown' THEN now() END, now() + :lease
FROM comparison c WHERE c.id = :comparison
""")


def hold(session: Session, study: Study, annotator_id: int) -> Held:
    """What the annotator holds after this: the same as before if anything, else something newly drawn.

    Loading the page any number of times, in any number of tabs, changes nothing. The annotator must be locked.
    """
    is_open = study.state == StudyState.OPEN
    held = _HELD.one(session, annotator=annotator_id, study=study.id, lease=lease_of(study), is_open=is_open)
    shown, following, ordinal = held.shown, held.next, held.ordinal
    if not is_open or held.decision in OUT:
        return Held(shown, None)
    if shown is None:
        shown = _revive(session, study, annotator_id)
    if shown is None:
        ordinal += 1
        shown = _lease_shown(session, study, annotator_id, ordinal)
    if shown is not None and following is None:
        following = _lease_next(session, study, annotator_id, ordinal + 1)
    return Held(shown, following)


def claim(session: Session, study: Study, annotator_id: int) -> Held:
    """Lock the annotator, renew what they hold and return it, or lease a uniformly random eligible comparison."""
    lock_annotator(session, annotator_id)
    renew_leases(session, study, annotator_id)
    return hold(session, study, annotator_id)


def _lease_shown(session: Session, study: Study, annotator_id: int, ordinal: int) -> UUID | None:
    if is_at_cap(session, study, annotator_id, given=ordinal - 1):
        return None
    drawn = draw_at_random(session, study, annotator_id)
    if drawn is None:
        expire_leases(session, study.id)
        drawn = draw_exactly(session, study, annotator_id)
    if drawn is None:
        return None
    return _lease(session, study, annotator_id, drawn, ordinal=ordinal, state=AssignmentState.SHOWN)


def _lease_next(session: Session, study: Study, annotator_id: int, ordinal: int) -> UUID | None:
    if is_at_cap(session, study, annotator_id, given=ordinal - 1):
        return None
    drawn = draw_at_random(session, study, annotator_id)
    if drawn is None or drawn.eligible < NEAR_THE_END:
        return None
    return _lease(session, study, annotator_id, drawn, ordinal=ordinal, state=AssignmentState.NEXT)


def _lease(
    session: Session, study: Study, annotator_id: int, drawn: Drawn, *, ordinal: int, state: AssignmentState
) -> UUID:
    """Lease what was drawn, or the check whose turn it is; the study must have something to judge either way."""
    claim = uuid4()
    margin = NEXT_MARGIN if state == AssignmentState.NEXT else timedelta()
    check = draw_check(session, study, annotator_id=annotator_id, ordinal=ordinal)
    leased = _values_of_check(check) if check else _values_of_drawn(study, annotator_id, drawn)
    held = {"study": study.id, "annotator": annotator_id, "ordinal": ordinal, "state": state.value}
    _LEASE.run(session, claim=claim, lease=lease_of(study) + margin, **held, **leased)
    return claim


def _values_of_drawn(study: Study, annotator_id: int, drawn: Drawn) -> dict[str, int | str | bool]:
    return {
        "comparison": drawn.comparison_id,
        "exposure": drawn.exposure,
        "kind": Kind.STUDY.value,
        "occasion": 0,
        "candidate_first": candidate_is_first(
            study.secret, comparison_id=drawn.comparison_id, annotator_id=annotator_id, occasion=0
        ),
    }


def _values_of_check(check: Check) -> dict[str, int | str | bool]:
    return {
        "comparison": check.comparison_id,
        "exposure": check.exposure,
        "kind": check.kind.value,
        "occasion": check.occasion,
        "candidate_first": check.candidate_first,
    }


def _revive(session: Session, study: Study, annotator_id: int) -> UUID | None:
    lapsed = _LAPSED.first(session, annotator=annotator_id, study=study.id)
    if lapsed is None:
        return None
    claim: UUID = _REVIVE.one(session, id=lapsed.id, lease=lease_of(study)).claim
    return claim
