"""How fast a study is judged, when it will be done at that pace, and what it has cost and will."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.money import rounded
from app.domain.paid_time import paid_time_of_study
from app.domain.progress import StudyProgress
from app.domain.staffing import staffing
from app.models import Study

HOURS = 24
# Fewer annotations than these in the last day tell no pace.
ENOUGH = 10


@dataclass(frozen=True)
class Hour:
    """One hour of the last day, and the annotations that count of it."""

    begins_at: datetime
    annotations: int


@dataclass(frozen=True)
class Pace:
    """The last 24 hours, oldest first; what is left, and when it is done at this pace. None where nothing tells.

    `total` counts comparisons that are not released yet as well. Money is in the study's currency.
    """

    hours: list[Hour]
    per_hour: float | None
    total: int
    left: int
    ends_at: datetime | None
    spent: float
    expected_cost: float | None
    currency: str


_HOURS = text("""
SELECT h AS begins_at, count(n.id) AS annotations
FROM generate_series(date_trunc('hour', now()) - interval '23 hours', date_trunc('hour', now()), interval '1 hour') h
LEFT JOIN annotation n
  ON n.study_id = :study AND n.status = 'counted' AND n.answered_at >= h AND n.answered_at < h + interval '1 hour'
GROUP BY h ORDER BY h
""")
_FIRST = text("SELECT min(answered_at) FROM annotation WHERE study_id = :study AND status = 'counted'")


def pace(session: Session, study: Study, progress: StudyProgress) -> Pace:
    """The study's pace over the last 24 hours, or since its first annotation where that is later."""
    asked = {"study": study.id}
    hours = [Hour(*row) for row in session.execute(_HOURS, asked)]
    per_hour = _per_hour(hours, session.execute(_FIRST, asked).scalar_one())
    total = max(progress.wanted, 0 if _is_written(progress) else staffing(session, study).annotations)
    left = max(0, total - progress.annotations)
    spent = paid_time_of_study(session, study) / timedelta(hours=1) * study.hourly_rate
    return Pace(
        hours=hours,
        per_hour=per_hour,
        total=total,
        left=left,
        ends_at=datetime.now(UTC) + timedelta(hours=left / per_hour) if per_hour and left else None,
        spent=rounded(spent, study.currency),
        expected_cost=spent * total / progress.annotations if progress.annotations >= ENOUGH else None,
        currency=study.currency,
    )


def _is_written(progress: StudyProgress) -> bool:
    """Whether every comparison is known: what is wanted then needs no estimate."""
    return bool(progress.systems) and all(one.continuations >= one.passages for one in progress.systems)


def _per_hour(hours: list[Hour], first: datetime | None) -> float | None:
    """Annotations an hour since the window or the study began; at least a quarter of an hour is looked at."""
    count = sum(hour.annotations for hour in hours)
    if first is None or count < ENOUGH:
        return None
    began = max(first, hours[0].begins_at)
    return count / max(0.25, (datetime.now(UTC) - began) / timedelta(hours=1))


@dataclass(frozen=True)
class Bar:
    """One hour as a rectangle in a picture of 240 x 60."""

    x: int
    y: float
    height: float
    hour: Hour


def bars(hours: list[Hour]) -> list[Bar]:
    """The hours as rectangles, the busiest of them full; empty ones have no height."""
    most = max((hour.annotations for hour in hours), default=0) or 1
    heights = [round(60 * hour.annotations / most, 2) for hour in hours]
    return [Bar(10 * place, 60 - height, height, hours[place]) for place, height in enumerate(heights)]
