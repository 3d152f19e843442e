"""How sharp a model's predictions are, pooled from sums over passages; and how often two models choose alike.

Nothing here reads a model: a passage that was read once, teacher-forced, leaves its sums behind (Tables 1, 3 and 6;
paper s4, s5 and s6.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import ArrayLike, NDArray

NO_CHOICE = -1


@dataclass(frozen=True)
class Sharpness:
    """Over all predicted positions: `perplexity` is at least 1, `entropy` in nats at least 0, `masses` in [0, 1], by
    how many of the likeliest tokens they hold."""

    perplexity: float
    entropy: float
    masses: dict[int, float]
    positions: int


def perplexity(negative_log_likelihoods: ArrayLike, predicted: ArrayLike) -> float:
    """Exp of the summed negative log likelihood (nats) over the number of predicted tokens, both by passage, shape
    (passages,): pooled over tokens, so that a long passage weighs more (Table 1, paper s4).

    Raises ValueError where sums and counts do not fit, something is NaN, infinite or negative, or nothing is predicted.

    >>> round(perplexity([0.0, 2.0794415], [1, 2]), 6)
    2.0
    """
    sums, counts = _checked(negative_log_likelihoods, predicted)
    return exp(float(sums.sum() / counts.sum()))


def mean_perplexity(negative_log_likelihoods: ArrayLike, predicted: ArrayLike) -> float:
    """Mean of the texts' own perplexities, at least 1: a short text weighs as much as a long one.

    Raises ValueError as `perplexity` does, and for a text without a predicted token.

    >>> round(mean_perplexity([0.6931472, 4.1588831], [1, 2]), 5)
    5.0
    """
    sums, counts = _checked(negative_log_likelihoods, predicted)
    if not counts.all():
        raise ValueError("A text without a predicted token has no perplexity of its own.")
    return float(np.exp(sums / counts).mean())


def bits_per_byte(negative_log_likelihoods: ArrayLike, predicted_bytes: ArrayLike) -> float:
    """Summed negative log likelihood in bits over the UTF-8 bytes of what was predicted, at least 0; unlike perplexity
    it compares across tokenizers. Raises ValueError as `perplexity` does.

    >>> round(bits_per_byte([0.6931472, 1.3862944], [2, 4]), 5)
    0.5
    """
    sums, counts = _checked(negative_log_likelihoods, predicted_bytes)
    return float(sums.sum() / counts.sum() / log(2))


def pool_sharpness(
    negative_log_likelihoods: ArrayLike, entropies: ArrayLike, masses: Mapping[int, ArrayLike], predicted: ArrayLike
) -> Sharpness:
    """Table 3 from sums over the positions of each passage, all of shape (passages,); `masses` by k of top-k.

    A mean is over positions, not over the passages' means. Raises ValueError as `perplexity` does, and for a mass of
    more than 1 at a position.
    """
    _, counts = _checked(negative_log_likelihoods, predicted)
    positions = counts.sum()
    pooled = {k: float(_checked(sums, predicted)[0].sum() / positions) for k, sums in masses.items()}
    # sums of many float32 masses of 1 may round beyond
    if any(mass > 1 + 1e-4 for mass in pooled.values()):
        raise ValueError("The mass of the likeliest tokens is at most 1 at a position.")
    return Sharpness(
        perplexity(negative_log_likelihoods, predicted),
        float(_checked(entropies, predicted)[0].sum() / positions),
        {k: min(mass, 1.0) for k, mass in pooled.items()},
        int(positions),
    )


def same_choice_matrix(choices: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Share of positions where two models have the same likeliest token, in [0, 1], shape (models, models): Fig. 5 left
    (paper s6.1).

    `choices` holds, for each model, the likeliest token id at each position of the same texts; -1 where it made none,
    which leaves the position out of its pairs. NaN where two models share no position. The models have to share a
    tokenizer. Raises ValueError for choices of different lengths or anything but whole numbers.

    >>> same_choice_matrix([[7, 8], [7, 9]]).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    rows = [np.asarray(row) for row in choices]
    if len({row.shape for row in rows}) > 1 or any(row.ndim != 1 for row in rows):
        raise ValueError("Each model needs a choice for each position of the same texts.")
    if any(row.size and row.dtype.kind not in "iu" for row in rows):
        raise ValueError("Choices are token ids: whole numbers.")
    matrix = np.full((len(rows), len(rows)), np.nan)
    for one, left in enumerate(rows):
        for other, right in enumerate(rows):
            both = (left != NO_CHOICE) & (right != NO_CHOICE)
            if both.any():
                matrix[one, other] = (left == right)[both].mean()
    return matrix


def _checked(sums: ArrayLike, predicted: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums and counts by passage as floats."""
    values, counts = np.asarray(sums, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if values.ndim != 1 or values.shape != counts.shape:
        raise ValueError("Each passage has one sum and one number of predicted tokens.")
    for array in (values, counts):
        if not np.isfinite(array).all() or (array < 0).any():
            raise ValueError("Sums over passages are finite and not negative.")
    if counts.sum() == 0:
        raise ValueError("Nothing was predicted.")
    return values, counts
