"""Rows for tests: each factory adds and flushes one, with every column that a test does not name made up."""

import hashlib
import math
from itertools import count
from typing import TypeVar

from sqlalchemy.orm import Session

from app.models import (
    Candidacy,
    Checkpoint,
    Comparison,
    Continuation,
    Dataset,
    Passage,
    Person,
    ReferenceTokens,
    Score,
    Study,
    System,
)
from app.models.comparison import Kind
from app.models.passage import PassageState
from app.models.person import Role
from app.models.study import StudyState
from app.models.system import Strategy

Row = TypeVar("Row")
numbers = count(1)


def make_person(session: Session, *, role: Role = Role.ANNOTATOR, **columns: object) -> Person:
    """An account without a password, by default an annotator's."""
    columns.setdefault("email", f"person{next(numbers)}@example.org")
    return _add(session, Person(role=role, **columns))


def make_study(session: Session, **columns: object) -> Study:
    """An open study whose tokenizer is a placeholder that nothing reads."""
    tokens = ReferenceTokens(sha256=f"{next(numbers):064x}", name="placeholder", tokenizer_json=b"{}")
    _add(session, tokens)
    columns.setdefault("slug", f"study-{next(numbers)}")
    columns.setdefault("title", "A study")
    columns.setdefault("state", StudyState.OPEN)
    return _add(session, Study(reference_tokens_sha256=tokens.sha256, **columns))


def make_dataset(session: Session, study: Study, *, name: str | None = None) -> Dataset:
    """A dataset of the study."""
    return _add(session, Dataset(study_id=study.id, name=name or f"dataset{next(numbers)}"))


def make_passage(session: Session, dataset: Dataset, **columns: object) -> Passage:
    """An accepted passage with a text of its own."""
    number = next(numbers)
    columns.setdefault("context", f"Context {number} begins")
    columns.setdefault("original", f" and original {number} goes on.")
    columns.setdefault("state", PassageState.ACCEPTED)
    columns.setdefault("token_ids", list(range(256)))
    columns.setdefault("content_hash", f"{number:064x}")
    return _add(session, Passage(study_id=dataset.study_id, dataset_id=dataset.id, **columns))


def make_checkpoint(session: Session, **columns: object) -> Checkpoint:
    """A ready checkpoint."""
    columns.setdefault("name", f"checkpoint-{next(numbers)}")
    columns.setdefault("source", "/nowhere")
    return _add(session, Checkpoint(**columns))


def make_system(session: Session, study: Study, **columns: object) -> System:
    """A greedy system in both scenarios."""
    if "checkpoint_id" not in columns:
        columns["checkpoint_id"] = make_checkpoint(session).id
    columns.setdefault("name", f"system-{next(numbers)}")
    columns.setdefault("strategy", Strategy.GREEDY)
    return _add(session, System(study_id=study.id, **columns))


def make_continuation(session: Session, system: System, passage: Passage, **columns: object) -> Continuation:
    """A continuation of 224 made-up tokens."""
    columns.setdefault("token_ids", list(range(224)))
    columns.setdefault("text", f" and continuation {next(numbers)} goes on.")
    columns.setdefault("ttr_128", 1.0)
    columns.setdefault("ttr_256", 1.0)
    columns.setdefault("engine", "test")
    return _add(
        session,
        Continuation(study_id=system.study_id, system_id=system.id, passage_id=passage.id, **columns),
    )


def make_score(session: Session, checkpoint: Checkpoint, passage: Passage, **columns: object) -> Score:
    """Four tokens read, three of them predicted with probability 1/2 each; the context has two of those."""
    study = session.get_one(Study, passage.study_id)
    columns.setdefault("tokenizer_sha256", study.reference_tokens_sha256)
    columns.setdefault("precision", "float32 on cpu")
    columns.setdefault("beginning", 0)
    columns.setdefault("token_ids", [1, 2, 3, 4])
    half, predicted = math.log(2), len(columns["token_ids"]) - max(columns["beginning"], 1)
    sums = {"context_predicted": 2, "context_nll": 2 * half, "context_bytes": 8}
    sums |= {"predicted": predicted, "nll": predicted * half, "predicted_bytes": 12}
    means = {"entropy": half, "top1_mass": 0.5, "top3_mass": 0.9, "top5_mass": 1.0}
    each = {
        "log_probs": [-half] * predicted,
        "entropies": [half] * predicted,
        "top_ids": [[7, 8, 9, 10, 11]] * predicted,
        "top_probs": [[0.5, 0.25, 0.15, 0.07, 0.03]] * predicted,
    }
    values = sums | means | each | columns
    return _add(session, Score(study_id=study.id, checkpoint_id=checkpoint.id, passage_id=passage.id, **values))


def make_comparison(session: Session, passage: Passage, **columns: object) -> Comparison:
    """A released comparison of the passage, with the study's next dense number."""
    study = session.get_one(Study, passage.study_id)
    study.comparisons += 1
    candidate = str(columns.setdefault("candidate_text", f"candidate {next(numbers)}"))
    columns.setdefault("reference_text", passage.original.strip())
    columns.setdefault("scenario", 256)
    columns.setdefault("number", study.comparisons)
    columns.setdefault("quota", study.quota)
    columns.setdefault("texts_hash", hashlib.sha256(candidate.encode()).hexdigest())
    return _add(session, Comparison(study_id=study.id, passage_id=passage.id, **columns))


def make_gold(session: Session, study: Study, *, passage: Passage | None = None, **columns: object) -> Comparison:
    """A gold comparison, by default of a reserved passage of its own."""
    if passage is None:
        passage = make_passage(session, make_dataset(session, study), state=PassageState.RESERVED)
    fault = f"fault {next(numbers)}"
    columns = {"scenario": 256, "quota": study.quota, "candidate_text": fault, "reference_text": "right"} | columns
    columns.setdefault("texts_hash", hashlib.sha256(fault.encode()).hexdigest())
    return _add(session, Comparison(study_id=study.id, passage_id=passage.id, kind=Kind.GOLD, **columns))


def make_candidacy(session: Session, continuation: Continuation, comparison: Comparison) -> Candidacy:
    """The continuation stands in the comparison's scenario by it."""
    return _add(
        session,
        Candidacy(continuation_id=continuation.id, scenario=comparison.scenario, comparison_id=comparison.id),
    )


def make_pool(
    session: Session, *, passages: int = 4, systems: int = 1, scenarios: tuple[int, ...] = (256,), **study: object
) -> Study:
    """An open study with passages x systems x scenarios released comparisons, continuations behind each."""
    made = make_study(session, **study)
    dataset = make_dataset(session, made)
    players = [make_system(session, made) for _ in range(systems)]
    for _ in range(passages):
        passage = make_passage(session, dataset)
        for player in players:
            continuation = make_continuation(session, player, passage)
            for scenario in scenarios:
                make_candidacy(session, continuation, make_comparison(session, passage, scenario=scenario))
    return made


def _add(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row
