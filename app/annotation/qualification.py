"""Taking a study's qualification: attempts, one training comparison after another, with an explanation after each.

An answer is an annotation like any other, of status *training*; what somebody first said is what counts here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from app.annotation.leases import expire_leases
from app.annotation.order import candidate_is_first
from app.annotation.page import Pair
from app.domain.annotator_lock import lock_annotator
from app.errors import ConflictError
from app.models import Qualification, Study
from app.models.annotation import Verdict, VerdictShown
from app.models.taking_part import Fault
from app.wording import N_

NO_MORE_ATTEMPTS = N_(
    "You have used every attempt at this qualification. Ask the researchers if you think it went wrong."
)


@dataclass(frozen=True)
class Explained:
    """The training comparison that was answered last, what was chosen, what is right and why."""

    pair: Pair
    is_right: bool
    right_shown: VerdictShown
    fault: Fault


@dataclass(frozen=True)
class Qualifying:
    """Where somebody stands: what to judge now, else what was explained last, else nothing begun yet."""

    comparisons: int
    done: int
    attempt: Qualification | None
    asked: Pair | None
    explained: Explained | None
    attempts_left: int
    next_attempt_at: datetime | None

    @property
    def may_go_on(self) -> bool:
        """Whether there is another comparison or attempt to ask for."""
        under_way = self.attempt is not None and self.attempt.ended_at is None
        return under_way or (self.attempts_left > 0 and self.next_attempt_at is None)


_PLACE = text("""
SELECT t.comparison_id, t.fault, t.right_verdict, a.claim, a.state, a.candidate_first, p.context,
       CASE WHEN a.candidate_first THEN c.candidate_text ELSE c.reference_text END AS first,
       CASE WHEN a.candidate_first THEN c.reference_text ELSE c.candidate_text END AS second,
       n.verdict_shown, n.verdict
FROM training_comparison t
JOIN comparison c ON c.id = t.comparison_id
JOIN passage p ON p.id = c.passage_id
LEFT JOIN assignment a ON a.comparison_id = c.id AND a.annotator_id = :annotator AND a.occasion = :attempt
LEFT JOIN annotation n ON n.assignment_id = a.id AND n.supersedes_id IS NULL
WHERE t.study_id = :study ORDER BY t.number
""")

_LET_GO = text("""
UPDATE assignment SET lease_expires_at = now() - interval '1 second'
WHERE annotator_id = :annotator AND study_id = :study AND state IN ('shown', 'next') AND kind <> 'training'
""")

# Shown for a day, and again after that when somebody comes back later.
_ASK = text("""
INSERT INTO assignment (claim, study_id, annotator_id, comparison_id, passage_id, kind, occasion, ordinal, quota,
                        candidate_first, passage_exposure, state, shown_at, lease_expires_at)
SELECT :claim, c.study_id, :annotator, c.id, c.passage_id, 'training', :attempt,
       (SELECT coalesce(max(ordinal), 0) + 1 FROM assignment WHERE annotator_id = :annotator AND study_id = c.study_id),
       c.quota, :candidate_first, :attempt, 'shown', now(), now() + interval '1 day'
FROM comparison c WHERE c.id = :comparison
ON CONFLICT (annotator_id, comparison_id, occasion) DO UPDATE
SET state = 'shown', ended_at = NULL, lease_expires_at = now() + interval '1 day'
WHERE assignment.state = 'expired'
""")

_RETRY_AT = text("""
SELECT CASE WHEN ended_at + :minutes * interval '1 minute' > now() THEN ended_at + :minutes * interval '1 minute' END
FROM qualification WHERE id = :id
""")


def qualifying(session: Session, study: Study, annotator_id: int) -> Qualifying:
    """Where the annotator stands in the study's qualification; changes nothing."""
    attempt = _newest(session, study, annotator_id)
    number = attempt.attempt if attempt else 0
    places = session.execute(_PLACE, {"study": study.id, "annotator": annotator_id, "attempt": number}).all()
    done = [place for place in places if place.state in ("answered", "skipped")]
    asked = next((place for place in places if place.state == "shown"), None)
    last = next((place for place in reversed(done) if place.verdict is not None), None)
    return Qualifying(
        comparisons=len(places),
        done=len(done),
        attempt=attempt,
        asked=Pair(asked.claim, asked.context, asked.first, asked.second) if asked else None,
        explained=_explained(last) if last and not asked else None,
        attempts_left=study.attempts - number,
        next_attempt_at=_retry_at(session, study, attempt),
    )


def ask_next(session: Session, study: Study, annotator_id: int) -> None:
    """Show the next training comparison; begins an attempt when none is under way.

    Asking twice shows the same. Raises ConflictError when there is no attempt left, or the next one has to wait.
    """
    lock_annotator(session, annotator_id)
    standing = qualifying(session, study, annotator_id)
    if standing.asked is not None or (standing.attempt is not None and standing.attempt.passed):
        return
    attempt = standing.attempt
    if attempt is None or attempt.ended_at is not None:
        attempt = _begin(session, study, annotator_id, standing)
    _let_go(session, study, annotator_id)
    number = attempt.attempt
    places = session.execute(_PLACE, {"study": study.id, "annotator": annotator_id, "attempt": number})
    comparison_id = next(place.comparison_id for place in places if place.state in (None, "expired"))
    order = candidate_is_first(study.secret, comparison_id=comparison_id, annotator_id=annotator_id, occasion=number)
    session.execute(
        _ASK,
        {
            "claim": uuid4(),
            "annotator": annotator_id,
            "comparison": comparison_id,
            "attempt": number,
            "candidate_first": order,
        },
    )


def close_attempt(session: Session, study: Study, annotator_id: int) -> None:
    """End the attempt when every comparison of it was answered, and keep how many were right."""
    attempt = _newest(session, study, annotator_id)
    if attempt is None or attempt.ended_at is not None:
        return
    key = {"study": study.id, "annotator": annotator_id, "attempt": attempt.attempt}
    places = session.execute(_PLACE, key).all()
    if all(place.state in ("answered", "skipped") for place in places):
        attempt.correct = sum(place.verdict == place.right_verdict for place in places)
        attempt.passed = attempt.correct >= study.pass_mark
        attempt.ended_at = func.now()
        session.flush()


def _newest(session: Session, study: Study, annotator_id: int) -> Qualification | None:
    mine = select(Qualification).where(Qualification.study_id == study.id, Qualification.annotator_id == annotator_id)
    return session.scalar(mine.order_by(Qualification.attempt.desc()).limit(1))


def _begin(session: Session, study: Study, annotator_id: int, standing: Qualifying) -> Qualification:
    if standing.attempts_left <= 0:
        raise ConflictError(NO_MORE_ATTEMPTS)
    if standing.next_attempt_at is not None:
        raise ConflictError(f"The next attempt is possible from {standing.next_attempt_at:%Y-%m-%d %H:%M} UTC on.")
    number = 1 + (standing.attempt.attempt if standing.attempt else 0)
    attempt = Qualification(study_id=study.id, annotator_id=annotator_id, attempt=number)
    session.add(attempt)
    session.flush()
    return attempt


def _let_go(session: Session, study: Study, annotator_id: int) -> None:
    """Give back what the annotator held of the study itself, when a qualification was asked for in between."""
    session.execute(_LET_GO, {"study": study.id, "annotator": annotator_id})
    expire_leases(session, study.id)


def _retry_at(session: Session, study: Study, attempt: Qualification | None) -> datetime | None:
    if attempt is None or attempt.ended_at is None:
        return None
    at: datetime | None = session.execute(_RETRY_AT, {"id": attempt.id, "minutes": study.retry_minutes}).scalar_one()
    return at


def _explained(place: Row[Any]) -> Explained:
    pair = Pair(place.claim, place.context, place.first, place.second, VerdictShown(place.verdict_shown))
    right_shown = VerdictShown.EQUAL
    if place.right_verdict == Verdict.REFERENCE:
        right_shown = VerdictShown.SECOND if place.candidate_first else VerdictShown.FIRST
    return Explained(pair, place.verdict == place.right_verdict, right_shown, Fault(place.fault))
