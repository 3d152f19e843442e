"""What a study will take, before it opens: comparisons, annotations, people, hours, money; and what it will tell."""

from dataclasses import dataclass
from math import ceil

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.domain.staffing import Staffing, staffing_for
from app.domain.systems import study_systems
from app.models import Dataset, Passage, Study
from app.models.passage import PassageState
from metrics.planning import expected_half_width

PASSAGES_WANTED = 100  # of each dataset, as in the paper
# Until enough annotators have been timed: two texts of 96 to 224 tokens and their context, at an ordinary pace.
USUAL_SECONDS = 45.0
ENOUGH_TIMED = 50
PERFECT_CORRELATION = 1.0


@dataclass(frozen=True)
class SystemForecast:
    """One system: what it takes, and half of the 95 % interval to expect of each of its ratios, in [0, 1].

    `half_width` is with the usual likeness of annotators; with none at all and with perfect likeness lie the other two.
    """

    name: str
    comparisons: int
    annotations: int
    half_width: float
    narrowest: float
    widest: float


@dataclass(frozen=True)
class Forecast:
    """A whole study; `passages` are those accepted, or where a dataset still lacks some, those it is to have.

    `checks` are gold and repeated comparisons on top of the annotations; `seconds` are of one judgement, `timed` where
    people's times say so. Systems that write the same need less.
    """

    passages: int
    accepted: int
    comparisons: int
    annotations: int
    checks: int
    people: Staffing
    seconds: float
    timed: bool
    hours: float
    cost: float
    currency: str
    systems: list[SystemForecast]


def forecast(session: Session, study: Study) -> Forecast:
    """What the study will take as it is set now, each dataset filled up to 100 passages."""
    per_dataset = _accepted(session, study)
    passages = sum(max(count, PASSAGES_WANTED) for count in per_dataset)
    systems = [
        _system(system.name, passages, len(system.scenarios), study.quota) for system in study_systems(session, study)
    ]
    annotations = sum(system.annotations for system in systems)
    checks = ceil(annotations * _checks_for_each(study))
    seconds, timed = _seconds_of_a_judgement(session)
    hours = (annotations + checks) * seconds / 3600
    each = sum(system.comparisons for system in systems) // passages
    return Forecast(
        passages=passages,
        accepted=sum(per_dataset),
        comparisons=each * passages,
        annotations=annotations,
        checks=checks,
        people=staffing_for(study, passages, each),
        seconds=seconds,
        timed=timed,
        hours=hours,
        cost=hours * study.hourly_rate,
        currency=study.currency,
        systems=systems,
    )


def _accepted(session: Session, study: Study) -> list[int]:
    judged = (Passage.dataset_id == Dataset.id) & (Passage.state == PassageState.ACCEPTED) & ~Passage.unjudged
    counts = select(func.count(Passage.id)).select_from(Dataset).outerjoin(Passage, judged)
    return list(session.scalars(counts.where(Dataset.study_id == study.id).group_by(Dataset.id)))


def _system(name: str, passages: int, scenarios: int, quota: int) -> SystemForecast:
    return SystemForecast(
        name=name,
        comparisons=passages * scenarios,
        annotations=passages * scenarios * quota,
        half_width=expected_half_width(passages, quota),
        narrowest=expected_half_width(passages, quota, correlation=0),
        widest=expected_half_width(passages, quota, correlation=PERFECT_CORRELATION),
    )


def _checks_for_each(study: Study) -> float:
    """Gold and repeats for each annotation; the shares are of all assignments."""
    share = study.gold_share + study.repeat_share
    return share / (1 - share)


_SECONDS = text("""
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY least(n.duration_ms, s.pause_seconds * 1000)) / 1000 AS seconds,
       count(*) AS timed
FROM annotation n JOIN study s ON s.id = n.study_id WHERE n.status = 'counted'
""")


def _seconds_of_a_judgement(session: Session) -> tuple[float, bool]:
    """The median of everybody's in every study; the usual ones until enough were timed."""
    row = session.execute(_SECONDS).one()
    return (float(row.seconds), True) if row.timed >= ENOUGH_TIMED else (USUAL_SECONDS, False)
