"""The loss of a batch, and its gradient written where the logits were.

With 50,000 words and more, the logits of a small model are its largest tensor by far. PyTorch's own loss keeps three
more of that size; this takes a few rows at a time, exponentiates each number once, and keeps none.
"""

import torch
from torch import Tensor

# Logits computed at once: few enough to stay in a CPU's cache; on other devices enough to keep them busy.
AT_ONCE_ON_CPU = 2**20
AT_ONCE = 2**27


@torch.no_grad()
def loss_and_gradient(logits: Tensor, targets: Tensor, *, weight: float) -> tuple[Tensor, Tensor]:
    """Weighted mean cross entropy in nats of `targets` (rows, length), each given what stands before it in its row.

    `logits` (rows, length, vocabulary) hold the second value when this returns: the loss's gradient by them. They may
    lack the last position, after which nothing comes.
    """
    positions = targets.shape[1] - 1
    share = weight / (len(targets) * positions)
    total = torch.zeros((), device=logits.device)
    step = max(1, (AT_ONCE_ON_CPU if logits.device.type == "cpu" else AT_ONCE) // logits.shape[-1])
    for row, wanted in zip(logits.unbind(), targets.unbind(), strict=True):
        row[positions:].zero_()  # nothing follows the last token
        for start in range(0, positions, step):
            stop = min(start + step, positions)
            total += _replace_by_gradient(row[start:stop], wanted[start + 1 : stop + 1], share)
    return total, logits


def _replace_by_gradient(logits: Tensor, targets: Tensor, share: float) -> Tensor:
    """The share of the summed cross entropy of `targets` (n,); its gradient replaces `logits` (n, vocabulary)."""
    places = targets[:, None]
    numbers = logits.float()
    found = numbers.gather(1, places) - numbers.amax(1, keepdim=True)
    probabilities = numbers.softmax(1)
    # The largest probability is 1 over the sum of all exponentials, and never 0 as the target's might be.
    loss = -(found + probabilities.amax(1, keepdim=True).log()).sum() * share
    torch.mul(probabilities, share, out=logits)
    logits.scatter_add_(1, places, torch.full_like(places, -share, dtype=logits.dtype))
    return loss
