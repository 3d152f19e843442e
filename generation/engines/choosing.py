"""Logits processors for transformers: no end of sequence, and nucleus sampling with a seed for each row."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import LogitsProcessor

from generation.engines.base import Decoding


class NoEndOfSequence(LogitsProcessor):
    """Masks every end-of-sequence id, and notes for each row when it would first have been chosen greedily."""

    def __init__(self, eos_ids: Sequence[int], rows: int) -> None:
        self.eos_ids = list(eos_ids)
        self.positions: list[int | None] = [None] * rows
        self.step = 0

    def __call__(self, _input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Scores of shape (rows, vocabulary) before and after."""
        self.note(scores.argmax(dim=-1))
        scores[:, self.eos_ids] = -torch.inf
        return scores

    def would_take(self, scores: torch.Tensor) -> torch.Tensor:
        """The token of each row (shape: rows) that this step would take, were nothing else done to its scores."""
        return self.take(self._without_end(scores))

    def take(self, scores: torch.Tensor) -> torch.Tensor:
        """One token for each row: the most likely."""
        return scores.argmax(dim=-1)

    def _without_end(self, scores: torch.Tensor) -> torch.Tensor:
        masked = scores.clone()
        masked[:, self.eos_ids] = -torch.inf
        return masked

    def note(self, chosen: torch.Tensor) -> None:
        """Remember the first step at which a row (shape: rows) chose an end of sequence."""
        for row, token in enumerate(chosen.tolist()):
            if token in self.eos_ids and self.positions[row] is None:
                self.positions[row] = self.step
        self.step += 1


class SeededNucleus(NoEndOfSequence):
    """Nucleus sampling that depends on nothing but a row's own seed and scores.

    Each step spends one uniform number for each row: it picks from the distribution after temperature, top_k and top_p
    by its cumulated probability. All other scores become -inf, so that the greedy choice that follows takes the pick.
    """

    def __init__(self, eos_ids: Sequence[int], decoding: Decoding, seeds: Sequence[int], steps: int) -> None:
        super().__init__(eos_ids, len(seeds))
        self.decoding = decoding
        self.uniforms = torch.from_numpy(np.stack([np.random.default_rng(seed).random(steps) for seed in seeds]))

    def __call__(self, _input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Scores of shape (rows, vocabulary); afterwards each row has one finite score."""
        with_end, picked = self.take(scores), self.would_take(scores)
        self.note(with_end)
        return torch.full_like(scores, -torch.inf).scatter_(1, picked[:, None], 0.0)

    def take(self, scores: torch.Tensor) -> torch.Tensor:
        """One token for each row: what this step's uniform number picks."""
        return self.pick(scores, self.uniforms[:, self.step].to(scores.device))

    def pick(self, scores: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
        """One token id for each row (shape: rows) from its filtered distribution."""
        scaled = scores.double() / self.decoding.temperature
        kept = min(self.decoding.top_k or scaled.shape[-1], scaled.shape[-1])
        values, tokens = scaled.topk(kept, dim=-1)
        probabilities = values.softmax(dim=-1)
        # a token stays while those before it have not reached top_p; the first always stays
        before = probabilities.cumsum(dim=-1) - probabilities
        probabilities = probabilities * (before < self.decoding.top_p)
        cumulated = probabilities.cumsum(dim=-1)
        threshold = (uniform * cumulated[:, -1])[:, None]
        index = torch.searchsorted(cumulated, threshold, right=True).clamp(max=kept - 1)
        return tokens.gather(1, index)[:, 0]
