"""Checks on the study itself: what has to hold before a result may be called final."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.domain.protocol import departures, locked_protocol, study_protocol
from app.models import Study
from app.models.protocol import Stopping
from app.models.study import Release, StudyState

# Two-sided chance of a fair coin beyond this many standard errors: 1 in 1,000.
UNLIKELY = 3.29
# Where the study names no threshold of its own.
MIN_GOLD_ACCURACY = 0.8


@dataclass(frozen=True)
class Check:
    """One condition: `passed` is None where the study has nothing to check it on, which is no failure."""

    name: str
    passed: bool | None
    found: str


_COUNTS = text("""
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

_ORDER = text("""
SELECT count(*) AS n, count(*) FILTER (WHERE candidate_first) AS candidate_first
FROM annotation WHERE study_id = :study AND status = 'counted'
""")

# An unarguable fault stands in the candidate: who prefers the reference is right.
_GOLD = text("""
SELECT count(*) AS n, count(*) FILTER (WHERE verdict = 'reference') AS right
FROM annotation WHERE study_id = :study AND status = 'gold'
""")

# How many passages stand for each system in each scenario: released, or recalled word for word.
_PASSAGES = text("""
SELECT min(n) AS fewest, max(n) AS most FROM (
    SELECT count(c.id) + count(q.continuation_id) FILTER (WHERE q.comparison_id IS NULL) AS n
    FROM system s
    CROSS JOIN unnest(s.scenarios) AS wanted(scenario)
    LEFT JOIN (continuation t JOIN passage p ON p.id = t.passage_id AND p.state = 'accepted' AND NOT p.unjudged)
      ON t.system_id = s.id
    LEFT JOIN candidacy q ON q.continuation_id = t.id AND q.scenario = wanted.scenario
    LEFT JOIN comparison c ON c.id = q.comparison_id AND c.number IS NOT NULL AND NOT c.withdrawn
    WHERE s.study_id = :study
    GROUP BY s.id, wanted.scenario
) AS passages
""")


def study_checks(session: Session, study: Study) -> list[Check]:
    """Every check, in the order in which a study comes to pass them."""
    counts = session.execute(_COUNTS, {"study": study.id}).one()
    orders = session.execute(_ORDER, {"study": study.id}).one()
    return [
        _protocol(session, study),
        _release(study, counts),
        _quota(study, counts),
        _same_passages(session.execute(_PASSAGES, {"study": study.id}).one()),
        _order(orders),
        _gold(study, session.execute(_GOLD, {"study": study.id}).one()),
        *_stopping(study, annotations=orders.n),
        _closed(study),
    ]


def shortcomings(checks: list[Check]) -> tuple[str, ...]:
    """What keeps the results from being final; empty when nothing does."""
    return tuple(check.found for check in checks if check.passed is False)


def _protocol(session: Session, study: Study) -> Check:
    locked = locked_protocol(session, study)
    if locked is None:
        why = "opening the study locks it" if study.state is StudyState.DRAFT else "an earlier version opened the study"
        return Check("Protocol", None, f"the protocol is not locked: {why}")
    changed = departures(locked, study_protocol(session, study))
    if changed:
        return Check("Protocol", False, f"the study departs from its locked protocol in {', '.join(changed)}")
    return Check("Protocol", True, f"as it was locked on {locked.locked_at:%Y-%m-%d}, when the study opened")


def _release(study: Study, counts: Row[Any]) -> Check:
    missing = []
    if counts.unwritten:
        missing.append(f"{counts.unwritten:,} continuations are not written")
    if counts.unreleased:
        missing.append(f"{counts.unreleased:,} comparisons are not released")
    if not missing:
        return Check("Release", True, f"{counts.released:,} comparisons, all released")
    if study.release is Release.AS_READY:
        missing.append("released as ready, so that systems and time are confounded")
    return Check("Release", False, " and ".join(missing))


def _quota(study: Study, counts: Row[Any]) -> Check:
    """Unfilled comparisons are no failure where the protocol stops the study by something else."""
    if counts.released == 0:
        return Check("Quota", False, "no comparison is released")
    if counts.unfilled:
        passed = False if study.stopping is Stopping.QUOTA else None
        return Check("Quota", passed, f"{counts.unfilled:,} of {counts.released:,} comparisons lack annotations")
    return Check("Quota", True, "every comparison has all its annotations")


def _same_passages(passages: Row[Any]) -> Check:
    name = "Balance of the systems"
    if not passages.most:
        return Check(name, None, "no system is judged yet")
    if passages.fewest < passages.most:
        return Check(name, False, f"systems are judged on {passages.fewest:,} to {passages.most:,} passages")
    return Check(name, True, f"every system is judged on {passages.most:,} passages")


def _order(orders: Row[Any]) -> Check:
    if orders.n == 0:
        return Check("Balance of the order", None, "no annotations yet")
    share = orders.candidate_first / orders.n
    found = f"the candidate stood first in {100 * share:.1f} % of {orders.n:,} annotations"
    return Check("Balance of the order", abs(share - 0.5) <= UNLIKELY * 0.5 / orders.n**0.5, found)


def _gold(study: Study, gold: Row[Any]) -> Check:
    if gold.n == 0:
        return Check("Gold", None, "no gold comparison was judged, so attention is not checked")
    share = gold.right / gold.n
    found = f"{100 * share:.0f} % of {gold.n:,} gold judgements are right"
    least = MIN_GOLD_ACCURACY if study.min_gold_accuracy is None else study.min_gold_accuracy
    return Check("Gold", share >= least, f"{found} (at least {100 * least:.0f} % wanted)")


def _stopping(study: Study, *, annotations: int) -> list[Check]:
    """Whether the study ran until its protocol stops it; a full quota is checked by itself."""
    name = "Stopping rule"
    if study.stop_after is not None:
        found = f"{annotations:,} annotations count, and the protocol stops after {study.stop_after:,}"
        return [Check(name, annotations >= study.stop_after, found)]
    if study.stop_at is None:
        return []
    planned = f"{study.stop_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if study.closed_at is None:
        return [Check(name, None, f"the protocol stops at {planned}")]
    found = f"closed {study.closed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, and the protocol stops at {planned}"
    return [Check(name, study.closed_at >= study.stop_at, found)]


def _closed(study: Study) -> Check:
    return Check("Closed", study.state is StudyState.CLOSED, f"the study is {study.state}")
