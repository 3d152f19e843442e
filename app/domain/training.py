"""Making a study's qualification: training comparisons from passages of its own, set aside for that.

The reference is the passage as it goes on; the candidate has a fault that nobody can argue about, or none at all, where
*equal* is right. It tests reading and the keys, not taste.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.faults import with_fault
from app.domain.shown_text import shown
from app.domain.study_lock import lock_study
from app.errors import ConflictError, ToprankError
from app.models import Comparison, Continuation, Passage, Person, Qualification, Study, TrainingComparison
from app.models.annotation import Verdict
from app.models.comparison import Kind
from app.models.passage import PassageState
from app.models.study import Modality, StudyState
from app.models.taking_part import Fault

ORDER = (Fault.SHUFFLED, Fault.FOREIGN, Fault.SAME, Fault.LOOP)
SCENARIO = 256


@dataclass(frozen=True)
class QualificationPlan:
    """How many training comparisons, how many of them have to be right, and how often one may try."""

    comparisons: int = 6
    pass_mark: int = 5
    attempts: int = 2
    retry_minutes: int = 0


@dataclass(frozen=True)
class QualificationStanding:
    """A study's qualification, and how many annotators began it and passed."""

    plan: QualificationPlan
    began: int
    passed: int


def qualification_of(session: Session, study: Study) -> QualificationStanding | None:
    """The study's qualification and where its annotators stand; None when it has none."""
    if not study.pass_mark:
        return None
    comparisons = session.scalar(select(func.count()).where(TrainingComparison.study_id == study.id)) or 0
    people = func.count(Qualification.annotator_id.distinct())
    counts = select(people, people.filter(Qualification.passed.is_(True))).where(Qualification.study_id == study.id)
    began, passed = session.execute(counts).one()
    plan = QualificationPlan(comparisons, study.pass_mark, study.attempts, study.retry_minutes)
    return QualificationStanding(plan, began, passed)


def set_qualification(session: Session, study: Study, plan: QualificationPlan, *, by: Person | None = None) -> None:
    """Set passages aside, make their training comparisons, and ask annotators for them.

    Raises ConflictError when the study has a qualification, is not a draft or has too few passages; ToprankError for
    a plan that makes no sense.
    """
    study = lock_study(session, study.id)
    _check(study, plan)
    passages = _set_aside(session, study, plan.comparisons)
    for number, fault in enumerate(islice(cycle(ORDER), plan.comparisons)):
        _add(session, study, passages, number=number, fault=fault)
    study.pass_mark, study.attempts, study.retry_minutes = plan.pass_mark, plan.attempts, plan.retry_minutes
    record(session, by, "study.set_qualification", study, **asdict(plan))


def _check(study: Study, plan: QualificationPlan) -> None:
    if study.state != StudyState.DRAFT:
        raise ConflictError(f"The study {study.slug!r} is {study.state}; a qualification is made before it opens.")
    if study.modality is Modality.IMAGE:
        raise ToprankError(
            "A qualification tests reading; a study of images has none. Gold comparisons check attention."
        )
    if study.pass_mark:
        raise ConflictError(f"The study {study.slug!r} has a qualification already.")
    if not 1 <= plan.pass_mark <= plan.comparisons <= 50:
        raise ToprankError("A qualification has 1 to 50 comparisons, and asks for at least one of them to be right.")
    if not (1 <= plan.attempts <= 100 and 0 <= plan.retry_minutes <= 10_080):
        raise ToprankError("A qualification allows 1 to 100 attempts, 0 to 10080 minutes apart.")


def _set_aside(session: Session, study: Study, wanted: int) -> list[Passage]:
    continued = exists().where(Continuation.passage_id == Passage.id)
    free = select(Passage).where(Passage.study_id == study.id, Passage.state == PassageState.ACCEPTED, ~continued)
    # By content: which ones follows from the texts, and says nothing about the order they came in.
    passages = list(session.scalars(free.order_by(Passage.content_hash).limit(wanted).with_for_update()))
    if len(passages) < max(wanted, 2):
        raise ConflictError(
            f"A qualification needs {max(wanted, 2)} accepted passages that no system has continued; "
            f"the study {study.slug!r} has {len(passages)}. Import some more."
        )
    for passage in passages:
        passage.state = PassageState.RESERVED
    return passages


def _add(session: Session, study: Study, passages: Sequence[Passage], *, number: int, fault: Fault) -> None:
    passage, other = passages[number], passages[(number + 1) % len(passages)]
    right = shown(passage.original)
    candidate = with_fault(right, fault, other=shown(other.original), seed=number)
    comparison = Comparison(
        study_id=study.id,
        passage_id=passage.id,
        scenario=SCENARIO,
        kind=Kind.TRAINING,
        quota=study.quota,
        candidate_text=candidate,
        reference_text=right,
        texts_hash=hashlib.sha256(f"{candidate}\x00{right}".encode()).hexdigest(),
    )
    session.add(comparison)
    session.flush()
    verdict = Verdict.EQUAL if fault == Fault.SAME else Verdict.REFERENCE
    session.add(
        TrainingComparison(
            comparison_id=comparison.id, study_id=study.id, number=number, fault=fault, right_verdict=verdict
        )
    )
