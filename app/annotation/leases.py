"""Leases: who holds what until when, and what becomes of it when nobody answers.

The order of locks, everywhere: the annotator (advisory), then a comparison, then its assignments.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.db import Statement
from app.domain.annotator_lock import ANNOTATOR_LOCKS
from app.models import Study

LEAVING = timedelta(seconds=60)
# `next` outlives `shown` a little, so that it is still there when the answer comes at the last moment.
NEXT_MARGIN = timedelta(minutes=1)
# A page left open cannot renew its lease for ever.
LONGEST_LEASES = 3

# The comparison is locked before its assignment is read, or a lease could expire in between and lose its slot. The
# annotator is locked first, whatever the plan: a row is locked only after the join has found it.
_LOCK_CLAIM = Statement("""
WITH annotator AS MATERIALIZED (SELECT pg_advisory_xact_lock(:key))
SELECT c.id FROM annotator, comparison c
WHERE c.id = (SELECT comparison_id FROM assignment WHERE claim = :claim AND annotator_id = :annotator)
FOR NO KEY UPDATE OF c
""")

_EXPIRE = Statement("""
WITH stale AS MATERIALIZED (
    SELECT id FROM comparison
    WHERE id IN (SELECT comparison_id FROM assignment
                 WHERE study_id = :study AND state IN ('shown', 'next') AND lease_expires_at < now()
                 LIMIT 500)
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
), ended AS (
    UPDATE assignment a SET state = 'expired', slot = NULL, ended_at = now()
    FROM stale
    WHERE a.comparison_id = stale.id AND a.state IN ('shown', 'next') AND a.lease_expires_at < now()
    RETURNING a.comparison_id, a.kind
), freed AS (
    SELECT comparison_id, count(*) FILTER (WHERE kind = 'study') AS slots FROM ended GROUP BY comparison_id
), given_back AS (
    UPDATE comparison c SET taken = c.taken - freed.slots FROM freed WHERE c.id = freed.comparison_id RETURNING 1
)
SELECT count(*) AS leases FROM ended
""")

_RENEW = Statement("""
UPDATE assignment
SET lease_expires_at = CASE state WHEN 'shown' THEN now() + :lease ELSE now() + :lease + :margin END
WHERE annotator_id = :annotator AND study_id = :study AND state IN ('shown', 'next')
""")

_KEEP = Statement("""
UPDATE assignment a
SET lease_expires_at = least(now() + s.lease_minutes * interval '1 minute',
                             a.shown_at + :longest * s.lease_minutes * interval '1 minute')
FROM study s
WHERE s.id = a.study_id AND a.claim = :claim AND a.annotator_id = :annotator AND a.state = 'shown'
""")

_SHORTEN = Statement("""
UPDATE assignment SET lease_expires_at = least(lease_expires_at, now() + :leaving)
WHERE annotator_id = :annotator AND state IN ('shown', 'next')
  AND study_id = (SELECT study_id FROM assignment WHERE claim = :claim AND annotator_id = :annotator)
""")


def lock_claim(session: Session, annotator_id: int, claim: UUID) -> None:
    """Lock the annotator, then the comparison behind their claim, if there is one."""
    _LOCK_CLAIM.run(session, key=ANNOTATOR_LOCKS + annotator_id, annotator=annotator_id, claim=claim)


def lease_of(study: Study) -> timedelta:
    """How long a comparison may be looked at before somebody else gets it."""
    return timedelta(minutes=study.lease_minutes)


def expire_leases(session: Session, study_id: int) -> int:
    """End leases that ran out and free their slots; returns how many. What others work on waits."""
    ended: int = _EXPIRE.one(session, study=study_id).leases
    return ended


def renew_leases(session: Session, study: Study, annotator_id: int) -> None:
    """Start the annotator's leases anew, since they are here."""
    _RENEW.run(session, annotator=annotator_id, study=study.id, lease=lease_of(study), margin=NEXT_MARGIN)


def keep_lease(session: Session, annotator_id: int, claim: UUID) -> None:
    """Renew what is shown while the page stays open, up to three leases after it was first shown."""
    _KEEP.run(session, annotator=annotator_id, claim=claim, longest=LONGEST_LEASES)


def shorten_leases(session: Session, annotator_id: int, claim: UUID) -> None:
    """The page was left: let the leases end in a minute, yet not at once, since a reload leaves the page too."""
    _SHORTEN.run(session, annotator=annotator_id, claim=claim, leaving=LEAVING)
