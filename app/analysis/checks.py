"""Checks on the study itself: what has to hold before a result may be called final."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.domain.closing import Fill, fill_of, has_reached_its_rule, rule_in_words
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
    fill = fill_of(session, study)
    orders = session.execute(_ORDER, {"study": study.id}).one()
    return [
        _protocol(session, study),
        _release(study, fill),
        _quota(study, fill),
        _same_passages(session.execute(_PASSAGES, {"study": study.id}).one()),
        _order(orders),
        _gold(study, session.execute(_GOLD, {"study": study.id}).one()),
        _stopping(session, study, annotations=orders.n),
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


def _release(study: Study, fill: Fill) -> Check:
    missing = []
    if fill.unwritten:
        missing.append(f"{fill.unwritten:,} continuations are not written")
    if fill.unreleased:
        missing.append(f"{fill.unreleased:,} comparisons are not released")
    if not missing:
        return Check("Release", True, f"{fill.released:,} comparisons, all released")
    if study.release is Release.AS_READY:
        missing.append("released as ready, so that systems and time are confounded")
    return Check("Release", False, " and ".join(missing))


def _quota(study: Study, fill: Fill) -> Check:
    """Unfilled comparisons are no failure where the protocol stops the study by something else."""
    if fill.released == 0:
        return Check("Quota", False, "no comparison is released")
    if fill.unfilled:
        passed = False if study.stopping is Stopping.QUOTA else None
        return Check("Quota", passed, f"{fill.unfilled:,} of {fill.released:,} comparisons lack annotations")
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


def _stopping(session: Session, study: Study, *, annotations: int) -> Check:
    """Whether the study ran until its protocol stops it; what a full quota lacks fails in checks of its own."""
    reached = has_reached_its_rule(session, study)
    count = "" if study.stop_after is None else f", and {annotations:,} count"
    found = f"the stopping rule is {'' if reached else 'not '}reached: the protocol stops {rule_in_words(study)}{count}"
    closed_early = study.state is StudyState.CLOSED and study.stopping is not Stopping.QUOTA
    return Check("Stopping rule", True if reached else False if closed_early else None, found)


def _closed(study: Study) -> Check:
    return Check("Closed", study.state is StudyState.CLOSED, f"the study is {study.state}")
