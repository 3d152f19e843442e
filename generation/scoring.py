"""Let a checkpoint read a study's passages and keep what it predicted, batch by batch, each committed when it is there.

A context's perplexity is of the context read by itself. Where its tokens begin the passage's, as they nearly always do,
a causal model predicts them alike within the passage, and reads them once.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.scoring_queue import count_scored, scoring_lock, set_scoring, unscored_passages
from app.domain.study_lock import lock_study
from app.errors import ToprankError
from app.models import Checkpoint, Passage, ReferenceTokens, Score, Scoring, Study
from app.models.checkpoint import CheckpointState
from app.models.system import GenerationState
from generation.checkpoint_folder import checkpoint_folder
from generation.generate import NotReadyError, Outcome, session_holding
from generation.loaded import Loaded
from generation.own_tokens import OwnTokens, Reading

if TYPE_CHECKING:
    from generation.predictor import Predicted, Predictor


@dataclass(frozen=True)
class ScoringOrder:
    """Which checkpoint reads which study's passages."""

    database_url: str
    study_id: int
    checkpoint_id: int
    batch: int = 32


@dataclass(frozen=True)
class ScoringProgress:
    """How far a checkpoint is, and how fast the last batch was."""

    checkpoint: str
    scored: int
    total: int
    tokens_per_second: float

    def __str__(self) -> str:
        return (
            f"{self.checkpoint}: {self.scored} of {self.total} passages scored, {self.tokens_per_second:.0f} tokens/s"
        )


def score(order: ScoringOrder, report: Callable[[ScoringProgress], None], loaded: Loaded) -> Outcome:
    """Score every judged passage that the checkpoint has not read; a reason that a person can act on is kept.

    What it loaded stays so, until its owner closes it. Raises AnotherCheckpointError where `loaded` is never another.
    """
    with session_holding(order.database_url, scoring_lock(order.study_id, order.checkpoint_id)) as session:
        if session is None:
            return Outcome.BUSY
        try:
            _fill(session, order, report, loaded)
        except ToprankError as error:
            session.rollback()
            mark_scoring(session, order, GenerationState.FAILED, reason=str(error))
            return Outcome.FAILED
        return Outcome.DONE


def mark_scoring(
    session: Session,
    order: ScoringOrder,
    state: GenerationState,
    *,
    reason: str | None = None,
    unless_done: bool = False,
) -> None:
    """Commit where the scoring stands; what is done may stay so."""
    scoring = session.get(Scoring, (order.study_id, order.checkpoint_id))
    if not (unless_done and scoring is not None and scoring.state is GenerationState.DONE):
        set_scoring(session, order.study_id, order.checkpoint_id, state, reason=reason)
    session.commit()


def _fill(session: Session, order: ScoringOrder, report: Callable[[ScoringProgress], None], loaded: Loaded) -> None:
    checkpoint = session.get(Checkpoint, order.checkpoint_id)
    if checkpoint is None or session.get(Study, order.study_id) is None or _finish(session, order):
        return
    if checkpoint.state is not CheckpointState.READY:
        raise NotReadyError(f"The checkpoint {checkpoint.name} is {checkpoint.state}; only a ready one scores.")
    mark_scoring(session, order, GenerationState.RUNNING)
    folder = checkpoint_folder(checkpoint.source)
    own_tokens = OwnTokens(folder)
    own_tokens.check_vocabulary(folder)
    _keep_tokenizer(session, checkpoint, own_tokens)
    predictor = loaded.predictor(folder)
    while not _finish(session, order):
        passages = unscored_passages(session, order.study_id, checkpoint.id, limit=order.batch)
        session.commit()
        if not passages:
            continue
        began = time.monotonic()
        scores = score_passages(passages, own_tokens, predictor)
        _keep(session, checkpoint, scores)
        tokens = sum(one["predicted"] for one in scores)
        scored, total = count_scored(session, order.study_id, checkpoint.id)
        session.commit()
        report(ScoringProgress(checkpoint.name, scored, total, tokens / (time.monotonic() - began)))


def score_passages(passages: Sequence[Passage], own_tokens: OwnTokens, predictor: "Predictor") -> list[dict[str, Any]]:
    """The columns of a score for each passage."""
    whole = [own_tokens.read(passage.context + passage.original) for passage in passages]
    contexts = [own_tokens.read(passage.context) for passage in passages]
    alone = [context for context, text in zip(contexts, whole, strict=True) if not _begins(text, context)]
    predicted = predictor.predict([reading.token_ids for reading in (*whole, *alone)])
    of_contexts = iter(predicted[len(whole) :])
    return [
        _columns(passage, text, found)
        | _context_columns(context, found if _begins(text, context) else next(of_contexts))
        | {"tokenizer_sha256": own_tokens.sha256, "precision": predictor.precision}
        for passage, text, context, found in zip(passages, whole, contexts, predicted[: len(whole)], strict=True)
    ]


def _begins(text: Reading, context: Reading) -> bool:
    return text.token_ids[: len(context.token_ids)] == context.token_ids


def _columns(passage: Passage, text: Reading, found: "Predicted") -> dict[str, Any]:
    # A second special token is predicted too, but says nothing about the text.
    log_probs, entropies, top_ids, top_probs = (
        values[-text.predicted :] for values in (found.log_probs, found.entropies, found.top_ids, found.top_probs)
    )
    masses = top_probs.cumsum(axis=1, dtype=np.float64).mean(axis=0)
    return {
        "study_id": passage.study_id,
        "passage_id": passage.id,
        "beginning": text.beginning,
        "token_ids": list(text.token_ids),
        "predicted": text.predicted,
        "predicted_bytes": text.predicted_bytes,
        "nll": -float(log_probs.sum(dtype=np.float64)),
        "entropy": float(entropies.mean(dtype=np.float64)),
        "top1_mass": float(masses[0]),
        "top3_mass": float(masses[2]),
        "top5_mass": float(masses[4]),
        "log_probs": log_probs.tolist(),
        "entropies": entropies.tolist(),
        "top_ids": top_ids.tolist(),
        "top_probs": top_probs.tolist(),
    }


def _context_columns(context: Reading, found: "Predicted") -> dict[str, Any]:
    end = len(context.token_ids) - 1
    log_probs = found.log_probs[end - context.predicted : end]
    return {
        "context_predicted": context.predicted,
        "context_bytes": context.predicted_bytes,
        "context_nll": -float(log_probs.sum(dtype=np.float64)),
    }


def _keep(session: Session, checkpoint: Checkpoint, scores: list[dict[str, Any]]) -> None:
    statement = insert(Score).values([one | {"checkpoint_id": checkpoint.id} for one in scores])
    session.execute(statement.on_conflict_do_nothing(index_elements=["checkpoint_id", "passage_id"]))
    session.commit()


def _keep_tokenizer(session: Session, checkpoint: Checkpoint, own_tokens: OwnTokens) -> None:
    """Its tokens stay readable where the checkpoint is not."""
    statement = insert(ReferenceTokens).values(
        sha256=own_tokens.sha256, name=checkpoint.name, tokenizer_json=own_tokens.tokenizer_json
    )
    session.execute(statement.on_conflict_do_nothing())
    session.commit()


def _finish(session: Session, order: ScoringOrder) -> bool:
    """Done, unless passages were accepted meanwhile; whoever queues more holds the study while looking, as we do."""
    lock_study(session, order.study_id)
    is_done = not unscored_passages(session, order.study_id, order.checkpoint_id, limit=1)
    if is_done:
        set_scoring(session, order.study_id, order.checkpoint_id, GenerationState.DONE)
    session.commit()
    return is_done
