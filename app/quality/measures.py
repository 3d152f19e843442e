"""How each annotator of a study works: accuracy on gold, agreement with themselves and others, places, pace.

Shown to researchers at any time, since none of it says which system is better.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.domain.pseudonyms import pseudonym
from app.models import Study
from app.models.review import Decision
from metrics.intervals import wilson
from metrics.position import PositionBias, position_bias


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's 95 % interval; no share and no interval of none."""

    good: int
    total: int

    @property
    def share(self) -> float | None:
        """In [0, 1]; None of none."""
        return self.good / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's, at 95 %; None of none."""
        return wilson(self.good / self.total, self.total) if self.total else None


@dataclass(frozen=True)
class AnnotatorQuality:
    """One annotator in one study. Reading times are in milliseconds; `agreement` is with others' counted answers."""

    annotator: str
    annotator_id: int
    state: Decision | None
    reason: str | None
    decided_at: datetime | None
    answers: int
    skips: int
    gold: Share
    self_consistency: Share
    first: int
    second: int
    equal: int
    median_reading_ms: float | None
    fast_reading_ms: float | None
    agreement: Share

    @property
    def id(self) -> int:
        """The pseudonym as a number: an order for programs, which says nothing of who it is."""
        return int(self.annotator, 16)

    @property
    def position(self) -> PositionBias | None:
        """Whether one place is chosen more often; None when nothing but `equal` was."""
        return position_bias(self.first, self.second, self.equal)


# An answer agrees with another of its comparison when both have the same verdict; each pair is counted for each side.
_QUALITY = text("""
WITH current AS MATERIALIZED (
    SELECT n.annotator_id, n.comparison_id, n.status, n.verdict, n.verdict_shown, n.duration_ms, a.occasion
    FROM annotation n JOIN assignment a ON a.id = n.assignment_id
    WHERE n.study_id = :study AND n.status NOT IN ('superseded', 'training')
), counted AS (
    SELECT annotator_id, count(*) OVER (PARTITION BY comparison_id) - 1 AS others,
           count(*) OVER (PARTITION BY comparison_id, verdict) - 1 AS agreeing
    FROM current WHERE status = 'counted'
), agreement AS (
    SELECT annotator_id, sum(agreeing) AS agreeing, sum(others) AS others FROM counted GROUP BY annotator_id
), repeats AS (
    SELECT r.annotator_id, count(*) AS repeats, count(*) FILTER (WHERE r.verdict = once.verdict) AS same
    FROM current r JOIN current once
      ON once.annotator_id = r.annotator_id AND once.comparison_id = r.comparison_id AND once.occasion = 0
    WHERE r.status = 'repeat' GROUP BY r.annotator_id
), answers AS (
    SELECT annotator_id, count(*) FILTER (WHERE status NOT IN ('gold', 'repeat')) AS answers,
           count(*) FILTER (WHERE status = 'gold') AS gold,
           count(*) FILTER (WHERE status = 'gold' AND verdict = 'reference') AS gold_right,
           count(*) FILTER (WHERE status NOT IN ('gold', 'repeat') AND verdict_shown = 'first') AS first,
           count(*) FILTER (WHERE status NOT IN ('gold', 'repeat') AND verdict_shown = 'second') AS second,
           count(*) FILTER (WHERE status NOT IN ('gold', 'repeat') AND verdict_shown = 'equal') AS equal,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) AS median_ms,
           percentile_cont(0.1) WITHIN GROUP (ORDER BY duration_ms) AS fast_ms
    FROM current GROUP BY annotator_id
), skipped AS (
    SELECT annotator_id, count(*) AS skips FROM assignment
    WHERE study_id = :study AND state = 'skipped' AND kind <> 'training' GROUP BY annotator_id
), reviewed AS (
    SELECT DISTINCT ON (annotator_id) annotator_id, decision, reason, decided_at
    FROM review WHERE study_id = :study ORDER BY annotator_id, id DESC
)
SELECT annotator_id, v.decision, v.reason, v.decided_at,
       coalesce(w.answers, 0) AS answers, coalesce(s.skips, 0) AS skips,
       coalesce(w.gold_right, 0) AS gold_right, coalesce(w.gold, 0) AS gold,
       coalesce(r.same, 0) AS same, coalesce(r.repeats, 0) AS repeats,
       coalesce(w.first, 0) AS first, coalesce(w.second, 0) AS second, coalesce(w.equal, 0) AS equal,
       w.median_ms, w.fast_ms,
       coalesce(g.agreeing, 0)::int AS agreeing, coalesce(g.others, 0)::int AS others
FROM answers w
FULL JOIN skipped s USING (annotator_id)
FULL JOIN reviewed v USING (annotator_id)
LEFT JOIN repeats r USING (annotator_id)
LEFT JOIN agreement g USING (annotator_id)
ORDER BY v.decision IS DISTINCT FROM 'paused', answers DESC, annotator_id
""")


def study_quality(session: Session, study: Study) -> list[AnnotatorQuality]:
    """Everybody who answered, skipped or was decided about; who waits for a review comes first, then the busiest."""
    return [_annotator(study, row) for row in session.execute(_QUALITY, {"study": study.id})]


def _annotator(study: Study, row: Row[Any]) -> AnnotatorQuality:
    return AnnotatorQuality(
        annotator=pseudonym(study, row.annotator_id),
        annotator_id=row.annotator_id,
        state=Decision(row.decision) if row.decision else None,
        reason=row.reason,
        decided_at=row.decided_at,
        answers=row.answers,
        skips=row.skips,
        gold=Share(row.gold_right, row.gold),
        self_consistency=Share(row.same, row.repeats),
        first=row.first,
        second=row.second,
        equal=row.equal,
        median_reading_ms=row.median_ms,
        fast_reading_ms=row.fast_ms,
        agreement=Share(row.agreeing, row.others),
    )
