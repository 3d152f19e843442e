"""How many annotators a study needs, and how much of it one of them may do."""

from dataclasses import dataclass
from math import ceil, floor

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.models import Passage, Study, System
from app.models.passage import PassageState


@dataclass(frozen=True)
class Staffing:
    """What a study asks of its annotators, before anybody has judged.

    `strictly` is how many are needed when nobody meets a passage twice, `needed` with the study's `max_exposures` and
    cap. Texts that turn out the same make both a little smaller.
    """

    passages: int
    comparisons_of_a_passage: int
    annotations: int
    strictly: int
    needed: int


def slots_for_one(study: Study, slots: int) -> int:
    """How many of the study's slots one annotator may fill: their share of them, and one at least.

    >>> slots_for_one(Study(max_share=0.25), 1800)
    450
    """
    return max(1, floor(study.max_share * slots))


def staffing(session: Session, study: Study) -> Staffing:
    """How many annotators it takes, from the study's systems, accepted passages and quota."""
    scenarios = func.cardinality(System.scenarios)
    each = session.scalar(select(func.coalesce(func.sum(scenarios), 0)).where(System.study_id == study.id)) or 0
    judged = (Passage.study_id == study.id, Passage.state == PassageState.ACCEPTED, ~Passage.unjudged)
    passages = session.scalar(select(func.count()).where(*judged)) or 0
    return staffing_for(study, passages, each)


def staffing_for(study: Study, passages: int, each: int) -> Staffing:
    """How many annotators it takes for so many passages with `each` so many comparisons, by the study's rules.

    Each slot of a passage needs somebody whom the exposure rule still allows: as many people as the passage has slots,
    or with m exposures one m-th of them, yet never fewer than the quota. People work on many passages and all passages
    have the same number of comparisons, so what is enough for one is enough for all.
    """
    annotations = passages * each * study.quota
    strictly = each * study.quota if passages else 0
    by_exposure = max(ceil(strictly / study.max_exposures), study.quota) if strictly else 0
    by_cap = ceil(annotations / slots_for_one(study, annotations))
    return Staffing(passages, each, annotations, strictly, max(by_exposure, by_cap))


_FILLED = text("""
SELECT count(*) FROM assignment WHERE annotator_id = :annotator AND study_id = :study AND slot IS NOT NULL
""")


def is_at_cap(session: Session, study: Study, annotator_id: int, *, given: int | None = None) -> bool:
    """Whether the annotator holds or has filled all the slots that one person may.

    `given` is how many assignments they ever had; while it is below the cap, nothing needs counting.
    """
    if study.max_share >= 1:
        return False
    cap = slots_for_one(study, study.comparisons * study.quota)
    if given is not None and given < cap:
        return False
    filled: int = session.execute(_FILLED, {"annotator": annotator_id, "study": study.id}).scalar_one()
    return filled >= cap
