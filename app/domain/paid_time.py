"""What an annotator is paid for: the time they spent, each piece of it capped at the study's pause limit.

That is the visible time of every judgement (gold, repeats, practice and revised ones among them), the time until a
skip, and the reading of the guidelines.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.domain.money import rounded
from app.domain.periods import check_period
from app.models import Study


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
        """What the paid time comes to, rounded as the study's currency is paid, so that it adds up to the total.

        >>> StudyWork("s", "S", 1, 1, 0, timedelta(minutes=90), timedelta(), 12.0, "USD").pay
        18.0
        """
        return rounded(self.hourly_rate * (self.paid_time / timedelta(hours=1)), self.currency)


@dataclass(frozen=True)
class PaidWork:
    """What one person is to be paid for one study, in a period."""

    person_id: int
    email: str
    work: StudyWork

    @property
    def hours(self) -> float:
        """The paid time in hours, to a ten-thousandth (under half a second)."""
        return round(self.work.paid_time / timedelta(hours=1), 4)


# A skipped comparison carries no time of the browser's, so there it is the server's: from shown to skipped.
_CAPPED = """
WITH spent AS (
    SELECT n.annotator_id, n.study_id, n.answered_at AS at, n.duration_ms::float AS ms,
           n.status NOT IN ('superseded', 'training') AS judged, false AS skipped
    FROM annotation n WHERE {whose}
    UNION ALL
    SELECT n.annotator_id, n.study_id, n.ended_at, extract(epoch FROM n.ended_at - n.shown_at) * 1000,
           false, n.kind <> 'training'
    FROM assignment n WHERE {whose} AND n.state = 'skipped'
    UNION ALL
    SELECT n.annotator_id, n.study_id, n.read_at, n.duration_ms, false, false
    FROM guidelines_reading n WHERE {whose}
), capped AS (
    SELECT spent.annotator_id, spent.study_id, spent.at, spent.judged, spent.skipped,
           greatest(0, least(spent.ms, s.pause_seconds * 1000)) AS ms,
           spent.at >= date_trunc('day', now()) AS today
    FROM spent JOIN study s ON s.id = spent.study_id
    WHERE (CAST(:since AS timestamptz) IS NULL OR spent.at >= :since)
      AND (CAST(:until AS timestamptz) IS NULL OR spent.at < :until)
)
SELECT p.id AS person_id, p.email, s.slug, s.title, count(*) FILTER (WHERE judged) AS judged,
       count(*) FILTER (WHERE judged AND today) AS judged_today, count(*) FILTER (WHERE skipped) AS skipped,
       sum(ms) AS ms, coalesce(sum(ms) FILTER (WHERE today), 0) AS ms_today, s.hourly_rate, s.currency
FROM capped JOIN study s ON s.id = capped.study_id JOIN person p ON p.id = capped.annotator_id
GROUP BY s.id, p.id ORDER BY {order}
"""
_WORK = text(_CAPPED.format(whose="n.annotator_id = :annotator", order="max(capped.at) DESC"))
_PAYROLL = text(_CAPPED.format(whose="true", order="p.email, s.slug"))
_STUDY = text(_CAPPED.format(whose="n.study_id = :study", order="p.id"))


def work_of(
    session: Session, annotator_id: int, *, since: datetime | None = None, until: datetime | None = None
) -> list[StudyWork]:
    """The annotator's work by study, the one they worked in last first; only what ended in [since, until) if given."""
    rows = session.execute(_WORK, {"annotator": annotator_id, "since": since, "until": until})
    return [_work(row) for row in rows]


def payroll(session: Session, *, since: datetime | None = None, until: datetime | None = None) -> list[PaidWork]:
    """Everybody's work by person and study; only what ended in [since, until) if given. Raises PeriodError."""
    check_period(since, until)
    rows = session.execute(_PAYROLL, {"since": since, "until": until})
    return [PaidWork(row.person_id, row.email, _work(row)) for row in rows]


def paid_time_of_study(session: Session, study: Study) -> timedelta:
    """Everybody's paid time in the study so far."""
    rows = session.execute(_STUDY, {"study": study.id, "since": None, "until": None})
    return timedelta(milliseconds=sum(row.ms for row in rows))


def totals(lines: Iterable[PaidWork]) -> dict[str, float]:
    """What it comes to in each currency."""
    found: dict[str, float] = {}
    for line in lines:
        work = line.work
        found[work.currency] = rounded(found.get(work.currency, 0) + work.pay, work.currency)
    return found


def _work(row: Row[Any]) -> StudyWork:
    return StudyWork(
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
