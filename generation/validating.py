"""Whether an uploaded checkpoint can be used: its files, its tokenizer, and one text read by the model.

This is the first time that a library opens what a stranger sent. It happens in a process of its own, which has no
network to ask and runs no code that a checkpoint brings; only afterwards is the checkpoint ready.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session
from tokenizers import Tokenizer

from app.domain.checkpoint_vetting import vet_folder
from app.domain.registry import fail_validation, make_ready, validation_lock
from app.errors import ToprankError
from app.models import Checkpoint
from app.models.checkpoint import CheckpointState
from generation.blocking import BESIDE_THE_WEIGHTS
from generation.checkpoint_folder import checkpoint_folder
from generation.child import answer_orders
from generation.citation.boundaries import hash_tokenizer
from generation.citation.checking import check_index
from generation.citation.index import CitationIndex
from generation.engines.base import CheckpointError
from generation.generate import Outcome, session_holding
from generation.own_tokens import OwnTokens

LOG = logging.getLogger("toprank.generation")
TEXT = "The old house stood at the end of the lane."
SHOWN = 3
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


@dataclass(frozen=True)
class ValidationOrder:
    """Which checkpoint to try."""

    database_url: str
    checkpoint_id: int


def validate(order: ValidationOrder) -> Outcome:
    """Try the checkpoint, and make it ready or failed with a reason that a person can act on."""
    with session_holding(order.database_url, validation_lock(order.checkpoint_id)) as session:
        if session is None:
            return Outcome.BUSY
        checkpoint = session.get(Checkpoint, order.checkpoint_id)
        session.commit()  # nothing stays locked while the model loads
        if checkpoint is None or checkpoint.state is not CheckpointState.VALIDATING:
            return Outcome.DONE
        return _end(session, checkpoint.id, _fault(checkpoint))


def _fault(checkpoint: Checkpoint) -> str | None:
    try:
        try_folder(checkpoint_folder(checkpoint.source))
    except ToprankError as error:
        return str(error)
    return None


def _end(session: Session, checkpoint_id: int, fault: str | None) -> Outcome:
    checkpoint = session.get_one(Checkpoint, checkpoint_id, populate_existing=True, with_for_update=True)
    if checkpoint.state is CheckpointState.VALIDATING:  # else it was sent anew meanwhile
        if fault is None:
            make_ready(session, checkpoint)
        else:
            fail_validation(checkpoint, fault)
    session.commit()
    LOG.info("%s is %s.", checkpoint.name, checkpoint.state)
    return Outcome.DONE if fault is None else Outcome.FAILED


def try_folder(folder: Path) -> None:
    """Let the model of a folder read a text. Raises ToprankError with what is wrong and what to do."""
    os.environ.update(OFFLINE)
    vet_folder(folder)
    own_tokens = OwnTokens(folder)
    own_tokens.check_vocabulary(folder)
    token_ids = own_tokens.prompt(TEXT)
    known = _read(folder, token_ids)
    if (folder / BESIDE_THE_WEIGHTS).is_dir():
        tokenizer = Tokenizer.from_buffer(own_tokens.tokenizer_json)
        check_index(CitationIndex.load(folder / BESIDE_THE_WEIGHTS, hash_tokenizer(tokenizer)), vocabulary=known)


def _read(folder: Path, token_ids: list[int]) -> int:
    """Let the model read, and return how many tokens it knows."""
    import torch

    from generation.engines.loading import load_whole_model

    model, device = load_whole_model(folder)
    known = int(model.get_input_embeddings().weight.shape[0])
    if max(token_ids) >= known:
        raise CheckpointError(
            f"The tokenizer writes ids up to {max(token_ids)}, the model knows {known} tokens: they do not belong "
            "together. Send the tokenizer.json that the weights were trained with."
        )
    try:
        with torch.inference_mode():
            logits = model(torch.tensor([token_ids], device=device)).logits
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError) as error:
        raise CheckpointError(f"The model cannot read a text ({error}). Try it with transformers first.") from error
    if not torch.isfinite(logits).all():
        raise CheckpointError(
            "The model's predictions are no finite numbers (NaN or infinity), so its weights are spoilt. Send those of "
            "an earlier state."
        )
    return known


def main() -> None:
    """Entry of the child."""
    answer_orders(lambda values: validate(ValidationOrder(**values)))


if __name__ == "__main__":
    main()
