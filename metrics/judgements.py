"""Counted annotations as arrays, and their counts by passage: what intervals and paired tests are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Judgements:
    """Counted annotations of one system in one scenario: four arrays of equal length, one entry for each annotation.

    `dataset`, `passage` and `annotator` are ids (numbers or strings); `preferred` is True for a verdict `candidate` or
    `equal`. Raises ValueError for unequal lengths or a `preferred` that is not boolean.
    """

    dataset: NDArray[Any]
    passage: NDArray[Any]
    annotator: NDArray[Any]
    preferred: NDArray[np.bool_]

    def __post_init__(self) -> None:
        lengths = {array.shape for array in (self.dataset, self.passage, self.annotator, self.preferred)}
        if len(lengths) != 1 or self.preferred.ndim != 1:
            raise ValueError("Dataset, passage, annotator and verdict have one entry for each annotation.")
        if self.preferred.dtype != np.bool_:
            raise ValueError("Preferred is true or false for each annotation, nothing else.")

    def __len__(self) -> int:
        return len(self.preferred)


@dataclass(frozen=True, eq=False)
class PassageCounts:
    """Annotations by passage of several systems: `preferred` and `annotations` have the shape (passages, systems).

    `dataset`, shape (passages,), numbers the datasets from 0 to `datasets` - 1.
    """

    dataset: NDArray[np.int64]
    datasets: int
    preferred: NDArray[np.float64]
    annotations: NDArray[np.float64]


def count_by_passage(systems: Sequence[Judgements]) -> PassageCounts:
    """Count each system's annotations by passage, over all passages that any of the systems has.

    Raises ValueError without annotations.
    """
    if sum(map(len, systems)) == 0:
        raise ValueError("There are no annotations to count.")
    _, dataset = np.unique(np.concatenate([system.dataset for system in systems]), return_inverse=True)
    _, passage = np.unique(np.concatenate([system.passage for system in systems]), return_inverse=True)
    # a passage is known by its dataset too: imports may number each dataset from 1
    keys, row = np.unique(dataset * (passage.max() + 1) + passage, return_inverse=True)
    column = np.repeat(np.arange(len(systems)), [len(system) for system in systems])
    cell = row * len(systems) + column
    shape = (len(keys), len(systems))
    preferred = np.concatenate([system.preferred for system in systems])
    return PassageCounts(
        dataset=keys // (passage.max() + 1),
        datasets=int(dataset.max()) + 1,
        preferred=_sums(cell, preferred.astype(np.float64), shape),
        annotations=_sums(cell, np.ones(len(cell)), shape),
    )


def _sums(cell: NDArray[np.int64], weights: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Sum of the weights that fall into each cell of a table, cells numbered by row."""
    sums = np.zeros(shape[0] * shape[1])
    np.add.at(sums, cell, weights)
    return sums.reshape(shape)
