"""What an annotator is paid for: the time they spent, each piece of it capped at the study's pause limit.

That is the visible time of every judgement (gold, repeats, practice and revised ones among them), the time until a
skip, and the reading of the guidelines.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class StudyWork:
    """One annotator's work in one study; `judged` counts comparisons, without practice and skipped ones."""

    slug: str
    title: str
    judged: int
    judged_today: int
    skipped: int
    paid_time: timedelta
    paid_time_today: timedelta
    hourly_rate: float
    currency: str

    @property
    def pay(self) -> float:
        """What the paid time comes to, in the study's currency.

        >>> StudyWork("s", "S", 1, 1, 0, timedelta(minutes=90), timedelta(), 12.0, "USD").pay
        18.0
        """
        return self.hourly_rate * (self.paid_time / timedelta(hours=1))


# A skipped comparison carries no time of the browser's, so there it is the server's: from shown to skipped.
_WORK = text("""
WITH spent AS (
    SELECT n.study_id, n.answered_at AS at, n.duration_ms::float AS ms,
           n.status NOT IN ('superseded', 'training') AS judged, false AS skipped
    FROM annotation n WHERE n.annotator_id = :annotator
    UNION ALL
    SELECT a.study_id, a.ended_at, extract(epoch FROM a.ended_at - a.shown_at) * 1000, false, a.kind <> 'training'
    FROM assignment a WHERE a.annotator_id = :annotator AND a.state = 'skipped'
    UNION ALL
    SELECT g.study_id, g.read_at, g.duration_ms, false, false
    FROM guidelines_reading g WHERE g.annotator_id = :annotator
), capped AS (
    SELECT spent.study_id, spent.at, spent.judged, spent.skipped,
           greatest(0, least(spent.ms, s.pause_seconds * 1000)) AS ms,
           spent.at >= date_trunc('day', now()) AS today
    FROM spent JOIN study s ON s.id = spent.study_id
    WHERE (CAST(:since AS timestamptz) IS NULL OR spent.at >= :since)
      AND (CAST(:until AS timestamptz) IS NULL OR spent.at < :until)
)
SELECT s.slug, s.title, count(*) FILTER (WHERE judged) AS judged,
       count(*) FILTER (WHERE judged AND today) AS judged_today, count(*) FILTER (WHERE skipped) AS skipped,
       sum(ms) AS ms, coalesce(sum(ms) FILTER (WHERE today), 0) AS ms_today, s.hourly_rate, s.currency
FROM capped JOIN study s ON s.id = capped.study_id
GROUP BY s.id ORDER BY max(capped.at) DESC
""")


def work_of(
    session: Session, annotator_id: int, *, since: datetime | None = None, until: datetime | None = None
) -> list[StudyWork]:
    """The annotator's work by study, the one they worked in last first; only what ended in [since, until) if given."""
    rows = session.execute(_WORK, {"annotator": annotator_id, "since": since, "until": until})
    return [
        StudyWork(
            slug=row.slug,
            title=row.title,
            judged=row.judged,
            judged_today=row.judged_today,
            skipped=row.skipped,
            paid_time=timedelta(milliseconds=row.ms),
            paid_time_today=timedelta(milliseconds=row.ms_today),
            hourly_rate=float(row.hourly_rate),
            currency=row.currency,
        )
        for row in rows
    ]
