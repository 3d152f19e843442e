"""What hyperfitting does to a model while it happens (paper Fig. 2): its losses, its sharpness, its repetition."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import GenerationConfig, LogitsProcessorList

from app.domain.images import Palette
from app.domain.reference_tokens import CONTEXT_TOKENS, CONTINUATION_TOKENS
from generation.engines.choosing import NoEndOfSequence
from generation.engines.transformers_engine import writable_ends
from hyperfitting.config import HyperfitConfig
from hyperfitting.training import arithmetic
from metrics.ttr import FIRST_96, SCENARIO_WINDOWS, Window, image_windows, windowed_ttr

# Not in inference mode: what a sharded model gathers there could not be trained on afterwards.
ROWS = 8
CONTEXTS_AT_ONCE = 32


@dataclass(frozen=True)
class Task:
    """What is continued to watch repetition: so many tokens are given and so many written, counted in two windows."""

    given: int = CONTEXT_TOKENS
    written: int = CONTINUATION_TOKENS
    first: Window = FIRST_96
    last: Window = SCENARIO_WINDOWS[256]

    @classmethod
    def of_images(cls, palette: Palette, beginning: int) -> "Task":
        """The first quarter of the pixels, after the tokens that begin an image, and all the others."""
        written = palette.pixels - palette.prompt_pixels
        windows = image_windows(written)
        return cls(beginning + palette.prompt_pixels, written, windows[128], windows[256])


@dataclass(frozen=True)
class Forced:
    """Of sequences that are read, not generated: mean loss, and mean entropy of the predictions, both in nats."""

    loss: float
    entropy: float


@dataclass(frozen=True)
class Measured:
    """One validation: `continuations` are the token ids (contexts, written) behind the two type-token ratios."""

    loss: float
    entropy: float
    ttr_first_96: float | None
    ttr_last_96: float | None
    continuations: list[list[int]]


def validate(model: nn.Module, held_out: NDArray[np.int32], config: HyperfitConfig, task: Task) -> Measured:
    """Read the held-out sequences, and continue the first of them from their beginnings, greedily."""
    forced = read_forced(model, held_out, config)
    contexts = held_out[: config.contexts, : task.given]
    written = continue_greedily(model, contexts.tolist(), task.written) if config.contexts else []
    return Measured(
        loss=forced.loss,
        entropy=forced.entropy,
        ttr_first_96=fmean(windowed_ttr(row, task.first) for row in written) if written else None,
        ttr_last_96=fmean(windowed_ttr(row, task.last) for row in written) if written else None,
        continuations=written,
    )


def read_forced(model: nn.Module, rows: NDArray[np.int32], config: HyperfitConfig) -> Forced:
    """Mean loss and mean entropy over all tokens of the rows (n, length) but the first of each."""
    per_row = [row for part in np.array_split(rows, -(-len(rows) // ROWS)) for row in _read(model, part, config)]
    return Forced(fmean(row.loss for row in per_row), fmean(row.entropy for row in per_row))


@torch.no_grad()
def _read(model: nn.Module, rows: NDArray[np.int32], config: HyperfitConfig) -> list[Forced]:
    device = next(model.parameters()).device
    token_ids = torch.from_numpy(rows.astype(np.int64)).to(device)
    with arithmetic(config.precision, device):
        logits = model(input_ids=token_ids[:, :-1], use_cache=False).logits
    losses, entropies = _losses_and_entropies(logits.float(), token_ids[:, 1:])
    return [Forced(float(loss), float(entropy)) for loss, entropy in zip(losses, entropies, strict=True)]


def _losses_and_entropies(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Means for each row of logits (rows, positions, vocabulary) and the tokens that came (rows, positions)."""
    log_probabilities = functional.log_softmax(logits, dim=-1)
    losses = -log_probabilities.gather(-1, targets[..., None])[..., 0]
    entropies = -(log_probabilities.exp() * log_probabilities).sum(dim=-1)
    return losses.mean(dim=1), entropies.mean(dim=1)


def continue_greedily(
    model: nn.Module, contexts: Sequence[Sequence[int]], new_tokens: int = CONTINUATION_TOKENS
) -> list[list[int]]:
    """Continue contexts of one length by so many tokens each, the end of sequence suppressed."""
    return [
        row
        for start in range(0, len(contexts), CONTEXTS_AT_ONCE)
        for row in _continue(model, contexts[start : start + CONTEXTS_AT_ONCE], new_tokens)
    ]


@torch.no_grad()
def _continue(model: nn.Module, contexts: Sequence[Sequence[int]], new_tokens: int) -> list[list[int]]:
    token_ids = torch.tensor(contexts, device=next(model.parameters()).device)
    chooser = NoEndOfSequence(writable_ends(model), len(contexts))
    settings = GenerationConfig(do_sample=False, max_new_tokens=new_tokens, pad_token_id=0, use_cache=True)
    was_training = model.training
    model.eval()
    try:
        output = model.generate(  # type: ignore[operator]
            token_ids,
            attention_mask=torch.ones_like(token_ids),
            generation_config=settings,
            logits_processor=LogitsProcessorList([chooser]),
        )
    finally:
        model.train(was_training)
    rows: list[list[int]] = output[:, token_ids.shape[1] :].tolist()
    return rows
