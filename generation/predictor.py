"""What a model predicts when the text is given: at each position its entropy, and how probable which tokens were.

Teacher-forced, in batches. The logits of a batch are as large as the budget says, and the distributions that follow
from them are made for a few positions at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.models.score import ALTERNATIVES
from generation.engines.base import CheckpointError, OutOfMemoryError
from generation.engines.transformers_engine import load_model

LOGITS_BUDGET = 512 * 2**20  # bytes
POSITIONS_AT_ONCE = 64


@dataclass(frozen=True)
class Predicted:
    """The predictions for each token of a row but its first: float32 (n,) twice, then ids and float32 of (n, 5).

    Log-probabilities and entropies are in nats; the likeliest tokens come likeliest first.
    """

    log_probs: np.ndarray
    entropies: np.ndarray
    top_ids: np.ndarray
    top_probs: np.ndarray


class Predictor:
    """A causal language model from a local folder of safetensors, float32 on a CPU and bfloat16 on a GPU."""

    def __init__(
        self,
        checkpoint: Path,
        *,
        device: str | None = None,
        loaded: tuple[Any, str] | None = None,
        logits_budget: int = LOGITS_BUDGET,
    ) -> None:
        """Load the checkpoint, unless `load_model` gave it before. Raises CheckpointError with a reason."""
        self.model, self.device = loaded or load_model(checkpoint, device)
        self.name = checkpoint.name
        self.logits_budget = logits_budget

    @property
    def precision(self) -> str:
        """What the numbers were computed in, for the record."""
        return f"{str(self.model.dtype).removeprefix('torch.')} on {self.device}"

    def predict(self, rows: Sequence[Sequence[int]]) -> list[Predicted]:
        """The predictions for rows of at least two tokens, in order.

        Raises OutOfMemoryError where not even one row fits, CheckpointError where the model gives no numbers.
        """
        found: list[Predicted] = []
        while len(found) < len(rows):
            batch = rows[len(found) : len(found) + self._rows_at_once(rows)]
            try:
                found += self._predict_batch(batch)
            except torch.OutOfMemoryError as error:
                if len(batch) == 1:
                    raise OutOfMemoryError(self.name) from error
                self.logits_budget //= 2
        return found

    def _rows_at_once(self, rows: Sequence[Sequence[int]]) -> int:
        longest = max(map(len, rows))
        vocabulary: int = self.model.get_output_embeddings().weight.shape[0]
        row_bytes: int = longest * vocabulary * self.model.dtype.itemsize
        return max(1, self.logits_budget // row_bytes)

    def _predict_batch(self, rows: Sequence[Sequence[int]]) -> list[Predicted]:
        input_ids, attention_mask = right_padded(rows)  # each (rows, longest)
        with torch.inference_mode():
            logits = self.model(
                input_ids[:, :-1].to(self.device),
                attention_mask=attention_mask[:, :-1].to(self.device),
                use_cache=False,
            ).logits  # (rows, longest - 1, vocabulary): nothing follows the last token
            found = [_summarise(logits[at, : len(row) - 1], input_ids[at, 1 : len(row)]) for at, row in enumerate(rows)]
        if not all(np.isfinite(one.log_probs).all() for one in found):
            raise CheckpointError(
                f"The checkpoint {self.name} predicts no numbers (NaN): its weights are damaged, or they overflow in "
                f"{self.precision}."
            )
        return found


def _summarise(logits: torch.Tensor, targets: torch.Tensor) -> Predicted:
    """Logits of shape (positions, vocabulary), and the ids that came (positions)."""
    chunks = [
        _summarise_chunk(some_logits, some_targets)
        for some_logits, some_targets in zip(
            logits.split(POSITIONS_AT_ONCE), targets.to(logits.device).split(POSITIONS_AT_ONCE), strict=True
        )
    ]
    return Predicted(*(torch.cat(parts).cpu().numpy() for parts in zip(*chunks, strict=True)))


def _summarise_chunk(logits: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
    log_probs = logits.float().log_softmax(dim=-1)
    top = log_probs.topk(ALTERNATIVES, dim=-1)
    entropies = -(log_probs.exp() * log_probs.clamp(min=torch.finfo(torch.float32).min)).sum(dim=-1)
    return log_probs.gather(1, targets[:, None])[:, 0], entropies, top.indices, top.values.exp()


def right_padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask of shape (rows, longest), shorter rows padded on the right, where nothing looks back."""
    longest = max(map(len, rows))
    ids = torch.tensor([list(row) + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask
