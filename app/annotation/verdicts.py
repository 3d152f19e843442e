"""Keeping what annotators say: answers, revisions and skips.

An acknowledged answer is never lost and a late one never refused; a second answer to the same claim returns the first.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotation.leases import lock_claim
from app.db import Statement
from app.domain.reviews import pause_if_below
from app.errors import ConflictError, NotFoundError
from app.models import Study
from app.models.annotation import AnnotationStatus, AssignmentState, SkipReason, Verdict, VerdictShown
from app.models.comparison import Kind
from app.models.review import Decision
from app.models.study import StudyState
from app.wording import N_

NO_SUCH_CLAIM = N_("There is no such comparison among yours. Open the annotation page again to go on.")
NOT_THE_LAST = N_("Only your last answer can be changed, and you have gone on since. Nothing was changed.")


@dataclass(frozen=True)
class Answer:
    """A verdict as it came in: what was chosen, and for how long the comparison was visible (milliseconds)."""

    verdict: VerdictShown
    duration_ms: int = 0


@dataclass(frozen=True)
class Outcome:
    """Where an answer or skip went: its study, by the version of its row, and what was stored (None for a skip)."""

    study_id: int
    study_version: str
    annotation_id: int | None
    status: AnnotationStatus | None


_MINE = Statement("""
SELECT a.id, a.study_id, a.comparison_id, a.kind, a.slot, a.state, a.candidate_first, a.shown_at,
       concat_ws('/', s.xmin, s.ctid) AS study_version, s.state AS study_state, s.min_reading_ms,
       coalesce((SELECT max(version) FROM guidelines_reading g
                  WHERE g.study_id = a.study_id AND g.annotator_id = a.annotator_id),
                s.guidelines_version) AS guidelines_version,
       (SELECT decision FROM review r WHERE r.annotator_id = a.annotator_id AND r.study_id = a.study_id
         ORDER BY r.id DESC LIMIT 1) AS decision,
       n.id AS annotation_id, n.status, n.verdict_shown
FROM assignment a
JOIN study s ON s.id = a.study_id
LEFT JOIN annotation n ON n.assignment_id = a.id AND n.status <> 'superseded'
WHERE a.claim = :claim AND a.annotator_id = :annotator
""")

_TAKE_FREE_SLOT = Statement("""
UPDATE comparison c SET taken = c.taken + 1
WHERE c.id = :comparison AND NOT c.withdrawn AND c.taken < c.quota
RETURNING (SELECT min(s) FROM generate_series(1, c.quota) s
           WHERE NOT EXISTS (SELECT FROM assignment a WHERE a.comparison_id = c.id AND a.slot = s)) AS slot
""")

_GIVE_BACK = Statement("UPDATE comparison SET taken = taken - 1 WHERE id = :comparison")

_END = Statement("""
UPDATE assignment
SET state = 'skipped', slot = NULL, skip_reason = :reason, ended_at = now(), shown_at = coalesce(shown_at, now())
WHERE id = :assignment
""")

# No longer than since it was claimed: what waits in the page may be read before the server hears of it.
_INSERT = """
INSERT INTO annotation (study_id, assignment_id, comparison_id, annotator_id, slot, candidate_first,
                        verdict_shown, verdict, status, supersedes_id, guidelines_version, duration_ms)
SELECT a.study_id, a.id, a.comparison_id, a.annotator_id, CAST(:slot AS smallint), a.candidate_first,
       :verdict_shown, :verdict, CAST(:status AS text), CAST(:supersedes AS bigint), :guidelines_version,
       greatest(0, least(:duration_ms, extract(epoch FROM now() - a.claimed_at) * 1000))::bigint
"""

_ANSWER = Statement(f"""
WITH counted AS (
    UPDATE comparison SET answered = answered + 1 WHERE id = :comparison AND CAST(:status AS text) = 'counted'
), ended AS (
    UPDATE assignment
    SET state = 'answered', slot = CAST(:slot AS smallint), ended_at = now(), shown_at = coalesce(shown_at, now())
    WHERE id = :assignment
)
{_INSERT} FROM assignment a WHERE a.id = :assignment
RETURNING id
""")

_SUPERSEDE = Statement("UPDATE annotation SET status = 'superseded', slot = NULL WHERE id = :supersedes")

_REVISE = Statement(f"{_INSERT} FROM assignment a WHERE a.id = :assignment RETURNING id")

_IS_LAST = Statement("""
SELECT NOT EXISTS (SELECT FROM assignment b WHERE b.annotator_id = :annotator AND b.study_id = :study
                   AND b.state IN ('answered', 'skipped') AND (b.ended_at, b.id) > (a.ended_at, a.id)) AS is_last
FROM assignment a WHERE a.id = :assignment
""")


def resolve(verdict_shown: VerdictShown, *, candidate_first: bool) -> Verdict:
    """What the choice of a position means.

    >>> resolve(VerdictShown.SECOND, candidate_first=True)
    <Verdict.REFERENCE: 'reference'>
    """
    if verdict_shown == VerdictShown.EQUAL:
        return Verdict.EQUAL
    return Verdict.CANDIDATE if (verdict_shown == VerdictShown.FIRST) == candidate_first else Verdict.REFERENCE


def record_verdict(session: Session, annotator_id: int, claim: UUID, answer: Answer) -> Outcome:
    """Store an answer in the claim's slot, in a free one if the lease ran out, else as surplus.

    Raises NotFoundError when the claim is not this annotator's.
    """
    mine = _find(session, annotator_id, claim)
    if mine.annotation_id is not None:
        return Outcome(mine.study_id, mine.study_version, mine.annotation_id, AnnotationStatus(mine.status))
    if mine.state == AssignmentState.SKIPPED:
        return Outcome(mine.study_id, mine.study_version, None, None)
    status, slot = _settle(session, mine)
    annotation_id = _ANSWER.one(session, **_values(mine, answer, status, slot)).id
    if _says_something(mine, answer):
        pause_if_below(session, session.get_one(Study, mine.study_id), annotator_id)
    return Outcome(mine.study_id, mine.study_version, annotation_id, status)


def revise_verdict(session: Session, annotator_id: int, claim: UUID, answer: Answer) -> Outcome:
    """Replace the annotator's last answer in the study by another; the first one is kept as superseded.

    The slot stays taken throughout, so nobody else can come between. Raises NotFoundError when the claim is not this
    annotator's or was never answered, ConflictError when another answer or skip came after it.
    """
    mine = _find(session, annotator_id, claim)
    if mine.annotation_id is None:
        raise NotFoundError(NO_SUCH_CLAIM)
    status = AnnotationStatus(mine.status)
    if mine.verdict_shown == answer.verdict:
        return Outcome(mine.study_id, mine.study_version, mine.annotation_id, status)
    if not _IS_LAST.one(session, annotator=annotator_id, study=mine.study_id, assignment=mine.id).is_last:
        raise ConflictError(NOT_THE_LAST)
    values = _values(mine, answer, status, mine.slot if status == AnnotationStatus.COUNTED else None)
    _SUPERSEDE.run(session, **values)
    return Outcome(mine.study_id, mine.study_version, _REVISE.one(session, **values).id, status)


def skip(session: Session, annotator_id: int, claim: UUID, reason: SkipReason) -> Outcome:
    """Give a comparison back with a reason: it never counts and never returns to this annotator.

    A claim that was answered or skipped before stays as it is. Raises NotFoundError when it is not this annotator's.
    """
    mine = _find(session, annotator_id, claim)
    if mine.annotation_id is not None or mine.state == AssignmentState.SKIPPED:
        return Outcome(mine.study_id, mine.study_version, mine.annotation_id, mine.status)
    if mine.slot is not None:
        _GIVE_BACK.run(session, comparison=mine.comparison_id)
    _END.run(session, assignment=mine.id, reason=reason.value)
    return Outcome(mine.study_id, mine.study_version, None, None)


def _find(session: Session, annotator_id: int, claim: UUID) -> Any:
    lock_claim(session, annotator_id, claim)
    mine = _MINE.first(session, claim=claim, annotator=annotator_id)
    if mine is None:
        raise NotFoundError(NO_SUCH_CLAIM)
    return mine


def _settle(session: Session, mine: Any) -> tuple[AnnotationStatus, int | None]:
    """Whether an answer counts, and in which slot."""
    if mine.kind != Kind.STUDY:
        return AnnotationStatus(mine.kind), None
    if mine.decision == Decision.WITHDRAWN:
        return AnnotationStatus.WITHDRAWN, None
    if mine.study_state == StudyState.CLOSED:
        if mine.slot is not None:
            _GIVE_BACK.run(session, comparison=mine.comparison_id)
        return AnnotationStatus.SURPLUS, None
    if mine.slot is not None:
        return AnnotationStatus.COUNTED, mine.slot
    taken = _TAKE_FREE_SLOT.first(session, comparison=mine.comparison_id)
    return (AnnotationStatus.COUNTED, taken.slot) if taken else (AnnotationStatus.SURPLUS, None)


def _says_something(mine: Any, answer: Answer) -> bool:
    """Whether a threshold can be missed now that was not before: after a check, and after a hasty answer."""
    is_check = mine.kind in (Kind.GOLD, Kind.REPEAT)
    return is_check or (mine.min_reading_ms is not None and answer.duration_ms < mine.min_reading_ms)


def _values(mine: Any, answer: Answer, status: AnnotationStatus, slot: int | None) -> dict[str, str | int | None]:
    verdict = resolve(answer.verdict, candidate_first=mine.candidate_first)
    return {
        "assignment": mine.id,
        "comparison": mine.comparison_id,
        "slot": slot,
        "verdict_shown": answer.verdict.value,
        "verdict": verdict.value,
        "status": status.value,
        "supersedes": mine.annotation_id,
        "guidelines_version": mine.guidelines_version,
        "duration_ms": answer.duration_ms,
    }
