"""A study of about 2,000 annotations, the same at every run: unequal annotators, hard and easy passages, and every
kind of row that an export has.

3 systems, 3 datasets of 36 passages, both scenarios, quota 3, 12 annotators. The second system's text is the first's on
every tenth passage, where both share a comparison; the third recalls the original at times. Some answers were revised,
some came too late, some comparisons were skipped, and some annotators withdrew.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from app.db import Base
from app.domain.protocol import lock_protocol
from app.domain.reference_tokens import ReferenceTokenizer
from app.models import (
    Annotation,
    Assignment,
    Candidacy,
    Comparison,
    Continuation,
    Passage,
    Person,
    ReferenceTokens,
    Study,
    System,
)
from app.models.annotation import AnnotationStatus, AssignmentState, SkipReason, Verdict, VerdictShown
from app.models.passage import PassageState
from app.models.study import StudyState
from metrics.ttr import SCENARIO_WINDOWS, windowed_ttr
from tests.factories import make_checkpoint, make_dataset, make_person, make_study, make_system
from tests.tiny_model import SENTENCES, tiny_tokenizer_json

SYSTEMS = ("tiny, greedy", "tiny, nucleus", "tiny, hyperfitted")
DATASETS = ("wikipedia", "fiction", "speeches")
PASSAGES = 36
QUOTA = 3
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@dataclass
class Golden:
    """What the making of the study needs to remember."""

    session: Session
    study: Study
    annotators: list[Person]
    draw: random.Random = field(default_factory=lambda: random.Random(7))
    minutes: int = 0
    given: Counter[int] = field(default_factory=Counter)

    def next_moment(self) -> datetime:
        """Times of the rows, one minute after the other."""
        self.minutes += 1
        return START + timedelta(minutes=self.minutes)

    def keep(self, rows: Sequence[Base]) -> None:
        """Write many rows at once."""
        self.session.add_all(rows)
        self.session.flush()


@dataclass
class Answer:
    """An annotation to be made of an assignment; `chance` is that of preferring the candidate."""

    assignment: Assignment
    status: AnnotationStatus
    chance: float


def make_golden_study(session: Session, *, slug: str = "golden", state: StudyState = StudyState.CLOSED) -> Study:
    """The whole study, flushed."""
    study = make_study(session, slug=slug, title="Golden", state=state, quota=QUOTA, seed=11, max_exposures=9)
    study.reference_tokens_sha256 = _tiny_tokenizer(session)
    golden = Golden(session, study, [make_person(session, email=f"{slug}{n}@example.org") for n in range(12)])
    systems = [
        make_system(session, study, name=name, checkpoint_id=make_checkpoint(session, name=f"{slug} {name}").id)
        for name in SYSTEMS
    ]
    passages = _make_passages(golden)
    continuations = [
        [_written(golden, system, passage, nth, number) for nth, system in enumerate(systems)]
        for number, passage in enumerate(passages)
    ]
    golden.keep([row for of_passage in continuations for row in of_passage])
    comparisons = _make_comparisons(golden, passages, continuations)
    _judge_all(golden, comparisons)
    lock_protocol(session, study)
    return study


def _tiny_tokenizer(session: Session) -> str:
    reference = ReferenceTokenizer(tiny_tokenizer_json())
    if session.get(ReferenceTokens, reference.sha256) is None:
        kept = ReferenceTokens(sha256=reference.sha256, name="tiny", tokenizer_json=reference.tokenizer_json)
        session.add(kept)
        session.flush()
    return reference.sha256


def _make_passages(golden: Golden) -> list[Passage]:
    passages = []
    for name in DATASETS:
        dataset = make_dataset(golden.session, golden.study, name=name)
        for number in range(PASSAGES):
            text = f"{name} {number}"
            passages.append(
                Passage(
                    study_id=golden.study.id,
                    dataset_id=dataset.id,
                    content_hash=hashlib.sha256(text.encode()).hexdigest(),
                    token_ids=[golden.draw.randrange(400) for _ in range(256)],
                    context=f"Context {text} begins",
                    original=f" and original {text} goes on.",
                    state=PassageState.ACCEPTED,
                )
            )
    golden.keep(passages)
    return passages


def _written(golden: Golden, system: System, passage: Passage, nth: int, number: int) -> Continuation:
    recalls = nth == 2 and number % 25 == 3
    author = 0 if nth == 1 and number % 10 == 0 else nth
    draw = random.Random(f"{passage.content_hash}/{author}")
    tokens = [draw.randrange((30, 90, 200)[author]) for _ in range(224)]
    return Continuation(
        study_id=golden.study.id,
        system_id=system.id,
        passage_id=passage.id,
        token_ids=tokens,
        text=passage.original if recalls else _text(author, number),
        engine="test",
        ttr_128=windowed_ttr(tokens, SCENARIO_WINDOWS[128]),
        ttr_256=windowed_ttr(tokens, SCENARIO_WINDOWS[256]),
    )


def _text(author: int, number: int) -> str:
    """A text as long as the study compares, which goes in circles the more the worse its author is."""
    sentences = [SENTENCES[(number + step) % (1, 3, 6)[author]] for step in range(14)]
    return f" and author {author} goes on in the {number}th way. " + " ".join(sentences)


def _make_comparisons(
    golden: Golden, passages: list[Passage], continuations: list[list[Continuation]]
) -> list[tuple[Comparison, float]]:
    """The comparisons, each with the chance that its candidate is preferred."""
    made: list[tuple[Comparison, float]] = []
    stands: list[tuple[Continuation, int, Comparison | None]] = []
    for passage, of_passage in zip(passages, continuations, strict=True):
        difficulty = golden.draw.gauss(0, 0.15)
        for scenario in (128, 256):
            shared: dict[str, Comparison] = {}
            for nth, continuation in enumerate(of_passage):
                text = continuation.text
                if text != passage.original and text not in shared:
                    shared[text] = _comparison(golden, passage, text, scenario)
                    easier = 0.1 if scenario == 128 else 0.0
                    made.append((shared[text], (0.2, 0.35, 0.5)[nth] + easier + difficulty))
                stands.append((continuation, scenario, shared.get(text)))
    golden.keep([comparison for comparison, _ in made])
    golden.keep(
        [
            Candidacy(continuation_id=one.id, scenario=scenario, comparison_id=comparison.id if comparison else None)
            for one, scenario, comparison in stands
        ]
    )
    return made


def _comparison(golden: Golden, passage: Passage, text: str, scenario: int) -> Comparison:
    golden.study.comparisons += 1
    return Comparison(
        study_id=golden.study.id,
        passage_id=passage.id,
        scenario=scenario,
        number=golden.study.comparisons,
        quota=QUOTA,
        taken=QUOTA,
        answered=QUOTA,
        candidate_text=text.strip(),
        reference_text=passage.original.strip(),
        texts_hash=hashlib.sha256(text.encode()).hexdigest(),
    )


def _judge_all(golden: Golden, comparisons: list[tuple[Comparison, float]]) -> None:
    answers = [answer for comparison, chance in comparisons for answer in _asked(golden, comparison, chance)]
    golden.session.flush()
    final = [_annotation(golden, answer, answer.status) for answer in answers]
    for annotation, answer in zip(final, answers, strict=True):
        if annotation.slot and golden.draw.random() < 0.05:
            revised = _annotation(golden, answer, AnnotationStatus.SUPERSEDED)
            golden.keep([revised])
            annotation.supersedes_id = revised.id
    golden.keep(final)


def _asked(golden: Golden, comparison: Comparison, chance: float) -> list[Answer]:
    """Three answers that count, of eager annotators more than of others; at times a skip, or one that does not."""
    load = [1 / (1 + nth) for nth in range(len(golden.annotators))]
    people: list[int] = []
    while len(people) < QUOTA + 1:
        (nth,) = golden.draw.choices(range(len(golden.annotators)), load)
        if nth not in people:
            people.append(nth)
    counted, statuses = AnnotationStatus.COUNTED, (AnnotationStatus.SURPLUS, AnnotationStatus.WITHDRAWN)
    answers = [
        Answer(_assignment(golden, comparison, nth, slot=slot), counted, chance + 0.04 * (nth % 5 - 2))
        for slot, nth in enumerate(people[:QUOTA], start=1)
    ]
    extra = golden.draw.random()
    if extra < 0.06:
        _assignment(golden, comparison, people[QUOTA], slot=None, state=AssignmentState.SKIPPED)
    elif extra < 0.1:
        late = _assignment(golden, comparison, people[QUOTA], slot=None)
        answers.append(Answer(late, statuses[people[QUOTA] >= 6], chance))
    return answers


def _assignment(
    golden: Golden,
    comparison: Comparison,
    nth: int,
    *,
    slot: int | None,
    state: AssignmentState = AssignmentState.ANSWERED,
) -> Assignment:
    moment = golden.next_moment()
    golden.given[nth] += 1
    row = Assignment(
        ordinal=golden.given[nth],
        study_id=golden.study.id,
        annotator_id=golden.annotators[nth].id,
        comparison_id=comparison.id,
        passage_id=comparison.passage_id,
        quota=QUOTA,
        slot=slot,
        candidate_first=golden.draw.random() < 0.5,
        passage_exposure=1 + golden.draw.randrange(2),
        state=state,
        skip_reason=SkipReason.OTHER if state is AssignmentState.SKIPPED else None,
        claimed_at=moment,
        shown_at=moment,
        lease_expires_at=moment,
        ended_at=moment,
    )
    golden.session.add(row)
    return row


def _annotation(golden: Golden, answer: Answer, status: AnnotationStatus) -> Annotation:
    verdict = Verdict.REFERENCE
    if golden.draw.random() < answer.chance:
        verdict = golden.draw.choice([Verdict.CANDIDATE, Verdict.CANDIDATE, Verdict.EQUAL])
    assignment = answer.assignment
    return Annotation(
        study_id=assignment.study_id,
        assignment_id=assignment.id,
        comparison_id=assignment.comparison_id,
        annotator_id=assignment.annotator_id,
        slot=assignment.slot if status is AnnotationStatus.COUNTED else None,
        candidate_first=assignment.candidate_first,
        verdict_shown=_as_shown(verdict, candidate_first=assignment.candidate_first),
        verdict=verdict,
        status=status,
        guidelines_version=1,
        duration_ms=golden.draw.randrange(5_000, 60_000),
        answered_at=golden.next_moment(),
    )


def _as_shown(verdict: Verdict, *, candidate_first: bool) -> VerdictShown:
    if verdict is Verdict.EQUAL:
        return VerdictShown.EQUAL
    return VerdictShown.FIRST if (verdict is Verdict.CANDIDATE) == candidate_first else VerdictShown.SECOND
