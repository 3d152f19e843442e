"""The loop: next-token prediction by Adam at a constant rate, until the samples are known by heart.

A step is a function of weights, moments and the number of the update, so a run that was cut off goes on exactly where
it was. Weights, gradients and moments are float32; what `bf16` changes is the arithmetic of the forward and backward
pass, since a step of 1e-6 is below what a bfloat16 weight can hold.
"""

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.errors import ToprankError
from hyperfitting.batches import batch_of_update
from hyperfitting.config import HyperfitConfig, Precision
from hyperfitting.loss import loss_and_gradient


class DivergedError(ToprankError):
    """The loss is no number any more."""


@dataclass(frozen=True)
class Share:
    """Which rows of each batch this process computes: every `of`-th from `rank` on."""

    rank: int = 0
    of: int = 1

    def wait(self) -> None:
        """Until all processes are here."""
        if self.of > 1:
            torch.distributed.barrier()


@dataclass
class Trainer:
    """A model in training: `update` updates are done, the latest epoch's losses are `losses`."""

    model: nn.Module
    samples: NDArray[np.int32]
    config: HyperfitConfig
    share: Share = field(default_factory=Share)
    update: int = 0
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.config.lr, fused=True)
        self.device = next(self.model.parameters()).device
        # An image's last token has no position: it is predicted, and never read.
        self.window: int | None = getattr(getattr(self.model, "config", None), "n_positions", None)

    @property
    def train_loss(self) -> float | None:
        """Mean loss of as many updates as an epoch has, each measured before its step; None before the first."""
        return sum(self.losses) / len(self.losses) if self.losses else None

    @property
    def is_done(self) -> bool:
        """Whether the last update was made, or an epoch ended below the loss to stop at."""
        if self.update >= self.config.total_updates:
            return True
        limit, loss = self.config.stop_at_loss, self.train_loss
        epoch_ended = self.update % self.config.epoch_updates == 0
        return limit is not None and loss is not None and epoch_ended and loss < limit

    def step(self) -> float:
        """Make one update and return its loss. Raises DivergedError before weights would be spoilt by a lost loss."""
        rows = batch_of_update(self.config, self.update)
        loss = self._accumulate_gradients(rows)
        if not math.isfinite(loss):
            raise DivergedError(f"The training loss became {loss} at update {self.update + 1}")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.update += 1
        self.losses = [*self.losses, loss][-self.config.epoch_updates :]
        return loss

    def _accumulate_gradients(self, rows: list[int]) -> float:
        """Mean loss over the batch's tokens, its gradient left in the parameters."""
        total = torch.zeros((), device=self.device)
        size = math.ceil(len(rows) / self.config.accumulation)
        for start in range(0, len(rows), size):
            part = rows[start : start + size][self.share.rank :: self.share.of]
            token_ids = torch.from_numpy(self.samples[part].astype(np.int64)).to(self.device)
            # Gradients are averaged over processes, so each scales its rows as if it were alone with all of them.
            total += self._backward(token_ids, weight=len(part) * self.share.of / len(rows))
        return float(total)

    def _backward(self, token_ids: Tensor, *, weight: float) -> Tensor:
        """Weighted mean cross entropy of each token (rows, length) but the first; its gradient is added up."""
        with arithmetic(self.config.precision, self.device):
            logits = self.model(input_ids=token_ids[:, : self.window], use_cache=False).logits
        loss, gradient = loss_and_gradient(logits.detach(), token_ids, weight=weight)
        logits.backward(gradient)
        return loss


def arithmetic(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """What a forward pass computes in; the weights stay float32."""
    if precision is Precision.FP32:
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
