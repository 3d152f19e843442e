"""Few-shot examples that keep the label distribution of the training set (paper B.4)."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from lm_eval.api.samplers import ContextSampler


def apportion(weights: Sequence[int], seats: int, draw: random.Random) -> list[int]:
    """How many of `seats` each weight gets: its share rounded down or up, and on average exactly its share.

    One number is drawn and every whole step from it is a seat (systematic sampling).

    >>> apportion([50, 50], 4, random.Random(0)), sum(apportion([9, 1], 3, random.Random(0)))
    ([2, 2], 3)
    """
    total = sum(weights)
    before, ends = draw.random(), []
    for weight in weights:
        before += seats * weight / total
        ends.append(before)
    counts = [*(int(end) for end in ends[:-1]), seats]
    return [count - earlier for count, earlier in zip(counts, [0, *counts[:-1]], strict=True)]


class LabelDistributionSampler(ContextSampler):
    """Draws examples of each label in proportion to how often the pool has it, in random order."""

    def __init__(self, df: Sequence[dict[str, Any]], *, label_of: Callable[[dict[str, Any]], Any]) -> None:
        super().__init__(df, rnd=None)
        self._by_label: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for example in df:
            self._by_label[str(label_of(example))].append(example)

    def sample(
        self,
        n: int,
        eval_doc: dict[str, Any] | None = None,
        df: Sequence[dict[str, Any]] | None = None,  # noqa: ARG002 - the pool was given
        **_: Any,
    ) -> list[dict[str, Any]]:
        """`n` examples, none of them the question itself."""
        pools = [[one for one in pool if one != eval_doc] for pool in self._by_label.values()]
        counts = apportion([len(pool) for pool in pools], n, self.rnd)
        chosen = [one for pool, count in zip(pools, counts, strict=True) for one in self.rnd.sample(pool, count)]
        self.rnd.shuffle(chosen)
        return chosen
