"""Gold comparisons: the original against a text with a fault that nobody can argue with.

They show whether somebody reads, so the fault has to be plain: the original's own words in random order, or what
another text goes on with. The passages they use are reserved, so that no annotator meets their originals in the study
itself: a gold comparison would cost everybody who met it a real one.
"""

import random
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.continuations import Shown, shown_sides
from app.domain.reference_tokens import ReferenceTokenizer
from app.domain.studies import reference_tokenizer
from app.domain.study_lock import lock_study
from app.errors import ConflictError, ToprankError
from app.models import Comparison, Continuation, Passage, Person, Study, System
from app.models.comparison import Kind
from app.models.passage import PassageState
from app.models.study import StudyState
from app.models.system import SCENARIOS

# With fewer words in random order, one could take them for bad prose.
FEWEST_WORDS = 12


class NotEnoughPassagesError(ConflictError):
    """Too few accepted passages are free, since a passage that systems wrote for belongs to the study."""

    def __init__(self, study: Study, *, needed: int, free: int) -> None:
        super().__init__(
            f"The study {study.slug!r} has {free} accepted passages that no system wrote for; this needs {needed}. "
            "Import and accept more, or make fewer gold comparisons."
        )


def make_gold(session: Session, study: Study, count: int, *, by: Person | None = None) -> int:
    """Make gold comparisons, by turns with shuffled words and with another text; returns how many there are now.

    Reserves one accepted passage for each, and one more as donor for each of the second half. Raises
    NotEnoughPassagesError, ConflictError once the study was opened, and ToprankError when a text is too short to be
    shuffled.
    """
    if count < 1:
        raise ToprankError(f"{count} gold comparisons cannot be made; ask for 1 or more.")
    study = lock_study(session, study.id)
    if study.state != StudyState.DRAFT:
        raise ConflictError(f"The study {study.slug!r} is {study.state}; gold comparisons are made before it opens.")
    foreign = count // 2
    passages = _reserve(session, study, count + foreign)
    reference, scenarios = reference_tokenizer(session, study), _scenarios(session, study)
    for nth, passage in enumerate(passages[:count]):
        # By turns, and the scenarios by turns within each fault, so that neither tells the other.
        donor = passages[count + nth // 2] if nth % 2 else None
        scenario = scenarios[nth // 2 % len(scenarios)]
        sides = faulty(study, passage, donor, scenario=scenario, reference=reference)
        session.add(_gold(study, passage, sides, scenario))
    record(session, by, "study.make_gold", study, count=count)
    return gold_count(session, study)


def gold_count(session: Session, study: Study) -> int:
    """How many gold comparisons the study has."""
    gold = select(func.count()).where(Comparison.study_id == study.id, Comparison.kind == Kind.GOLD)
    return session.scalar(gold) or 0


def faulty(
    study: Study, passage: Passage, donor: Passage | None, *, scenario: int, reference: ReferenceTokenizer
) -> Shown:
    """The original, and in the candidate's place the donor's original or, without a donor, its own words shuffled."""
    if donor is not None:
        return shown_sides(passage, donor.original, scenario=scenario, reference=reference)
    original = shown_sides(passage, passage.original, scenario=scenario, reference=reference).reference
    is_image = passage.width is not None
    words = list(original) if is_image else original.split()
    if len(words) < FEWEST_WORDS:
        raise ToprankError(f"The passage {passage.id} is too short for gold: {len(words)} words are shown of it.")
    random.Random(f"{study.seed}:{passage.content_hash}").shuffle(words)  # noqa: S311 no secret
    return Shown(("" if is_image else " ").join(words), original)


def _reserve(session: Session, study: Study, needed: int) -> Sequence[Passage]:
    """Random passages that are accepted and that no system has written for."""
    written = select(Continuation.id).where(Continuation.passage_id == Passage.id).exists()
    shown = (Passage.study_id == study.id, Passage.state == PassageState.ACCEPTED, ~Passage.unjudged)
    free = select(Passage).where(*shown, ~written).order_by(Passage.id).with_for_update()
    passages = list(session.scalars(free))
    if len(passages) < needed:
        raise NotEnoughPassagesError(study, needed=needed, free=len(passages))
    random.Random(study.seed).shuffle(passages)  # noqa: S311 no secret
    for passage in passages[:needed]:
        passage.state = PassageState.RESERVED
    return passages[:needed]


def _scenarios(session: Session, study: Study) -> list[int]:
    used = session.scalars(select(System.scenarios).where(System.study_id == study.id))
    return sorted({scenario for scenarios in used for scenario in scenarios}) or list(SCENARIOS)


def _gold(study: Study, passage: Passage, sides: Shown, scenario: int) -> Comparison:
    return Comparison(
        study_id=study.id,
        passage_id=passage.id,
        scenario=scenario,
        kind=Kind.GOLD,
        quota=study.quota,
        candidate_text=sides.candidate,
        reference_text=sides.reference,
        texts_hash=sides.texts_hash,
    )
