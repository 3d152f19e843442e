"""A uniformly random comparison that an annotator may judge, locked for the rest of the transaction.

Rejection sampling: draw dense numbers at random and keep the first that is eligible. That is uniform over the eligible
ones whatever their gaps, and costs the same in a pool of a thousand and of a million. A few draws nearly always do;
when 32 more miss, the pool is nearly dry for this annotator, and an exact search over the eligible ones takes over.
"""

from typing import NamedTuple

from sqlalchemy.orm import Session

from app.db import Statement
from app.models import Study

FEW, MANY = 8, 32


class Drawn(NamedTuple):
    """A locked comparison with a free slot; `eligible` estimates how many the annotator could still get.

    Which slot is free only the next statement can see: this one's snapshot may be older than the row it locked.
    """

    comparison_id: int
    exposure: int
    eligible: float


# Numbers are drawn in a CTE of their own, so that random() runs once for each. How many is no parameter: Postgres would
# plan the statement anew each time, which takes longer than running it. The lock is taken on the row as it is
# now: Postgres checks `taken < quota` again on the version that it locks.
_AT_RANDOM = """
WITH drawn AS MATERIALIZED (
    SELECT draw, 1 + floor(random() * :comparisons)::int AS number FROM generate_series(1, {draws}) AS draw
), eligible AS MATERIALIZED (
    SELECT drawn.draw, c.id, count(*) OVER () AS hits
    FROM drawn JOIN comparison c ON c.study_id = :study AND c.number = drawn.number
    WHERE NOT c.withdrawn AND c.taken < c.quota
      AND NOT EXISTS (SELECT FROM assignment a WHERE a.annotator_id = :annotator AND a.passage_id = c.passage_id)
)
SELECT c.id, 1 AS exposure,
       e.hits::float * :comparisons / {draws} AS eligible
FROM eligible e JOIN comparison c ON c.id = e.id
WHERE NOT c.withdrawn AND c.taken < c.quota
ORDER BY e.draw LIMIT 1
FOR NO KEY UPDATE OF c SKIP LOCKED
"""
_OF_FEW, _OF_MANY = (Statement(_AT_RANDOM.format(draws=draws)) for draws in (FEW, MANY))

_EXACTLY = Statement("""
SELECT c.id, 1 AS exposure, 0.0 AS eligible
FROM comparison c
WHERE c.study_id = :study AND c.number IS NOT NULL AND NOT c.withdrawn AND c.taken < c.quota
  AND NOT EXISTS (SELECT FROM assignment a WHERE a.annotator_id = :annotator AND a.passage_id = c.passage_id)
ORDER BY random() LIMIT 1
FOR NO KEY UPDATE OF c SKIP LOCKED
""")

# Passages this annotator has met before, met least often first, and long enough ago to be forgotten.
_AGAIN = Statement("""
WITH mine AS (
    SELECT passage_id, row_number() OVER (ORDER BY id) AS nth, count(*) OVER () AS judged
    FROM assignment WHERE annotator_id = :annotator AND study_id = :study
), met AS MATERIALIZED (
    SELECT passage_id, count(*) AS exposures FROM mine GROUP BY passage_id
    HAVING count(*) < :max_exposures AND max(judged) - max(nth) >= :gap
)
SELECT c.id, met.exposures + 1 AS exposure, 0.0 AS eligible
FROM met JOIN comparison c ON c.passage_id = met.passage_id
WHERE c.study_id = :study AND c.number IS NOT NULL AND NOT c.withdrawn AND c.taken < c.quota
  AND NOT EXISTS (SELECT FROM assignment a WHERE a.annotator_id = :annotator AND a.comparison_id = c.id)
ORDER BY met.exposures, random() LIMIT 1
FOR NO KEY UPDATE OF c SKIP LOCKED
""")


def draw_at_random(session: Session, study: Study, annotator_id: int) -> Drawn | None:
    """Draw uniformly; None when 40 draws miss, which says that few are left for this annotator."""
    if study.comparisons == 0:
        return None
    parameters = {"study": study.id, "annotator": annotator_id, "comparisons": study.comparisons}
    return _first(session, _OF_FEW, **parameters) or _first(session, _OF_MANY, **parameters)


def draw_exactly(session: Session, study: Study, annotator_id: int) -> Drawn | None:
    """Draw uniformly from a list of everything eligible; None when there is nothing.

    First from passages the annotator has never met; then, where the study allows it, from those met least often.
    """
    fresh = _first(session, _EXACTLY, study=study.id, annotator=annotator_id)
    if fresh is not None or study.max_exposures == 1:
        return fresh
    return _first(
        session,
        _AGAIN,
        study=study.id,
        annotator=annotator_id,
        max_exposures=study.max_exposures,
        gap=study.exposure_gap,
    )


def _first(session: Session, statement: Statement, **parameters: int) -> Drawn | None:
    row = statement.first(session, **parameters)
    return Drawn(*row) if row else None
