"""Is one system preferred more often than another, on the same passages?

The unit is the passage: both systems' annotations on it, with all that makes the passage easy or hard. Passages that
only one of the two has are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from metrics.intervals import LEVEL
from metrics.judgements import Judgements, PassageCounts, count_by_passage
from metrics.resampling import RESAMPLES, resample_passages

# The exact test adds up whole multiples of 1 / (common denominator); beyond this many steps it would take minutes
MOST_STEPS = 4_000_000


@dataclass(frozen=True)
class PairedComparison:
    """Difference of two preference ratios on shared passages, in [-1, 1], positive where the first is preferred more.

    `exact_p` is of flipping, in each passage, which system is which; `bootstrap_p` of resampling passages.
    """

    difference: float
    low: float
    high: float
    exact_p: float
    bootstrap_p: float
    passages: int
    seed: int


def compare_paired(
    first: Judgements, second: Judgements, *, seed: int, level: float = LEVEL, resamples: int = RESAMPLES
) -> PairedComparison | None:
    """Compare two systems on the passages that both have; None without such a passage.

    The difference is of the unweighted means over datasets, its interval a t interval clustered by passage: all of
    -1 to 1 where a dataset has a single shared passage, so that nothing is known of the spread.
    """
    counts = _shared(first, second)
    if counts is None:
        return None
    difference, reach = _difference(counts, level)
    drawn = resample_passages(counts, seed=seed, resamples=resamples)
    moved = np.abs(drawn[:, 0] - drawn[:, 1] - difference)
    # rounding must not decide on ties
    as_far = int(np.count_nonzero(moved >= abs(difference) - 1e-12))
    return PairedComparison(
        difference=difference,
        low=max(-1.0, difference - reach),
        high=min(1.0, difference + reach),
        exact_p=exact_flip_p(counts.preferred, counts.annotations),
        bootstrap_p=(1 + as_far) / (1 + resamples),
        passages=len(counts.dataset),
        seed=seed,
    )


def exact_flip_p(preferred: ArrayLike, annotations: ArrayLike) -> float:
    """Two-sided p of the sum over passages of the difference of ratios, under every flip of the two systems.

    Both arguments have the shape (passages, 2), with at least one annotation each. If the systems were the same, each
    passage's difference would as well have come with the other sign; the distribution of the sum over all 2^passages
    flips is exact, by convolution on whole numbers. Raises ValueError for an empty cell or denominators too many to
    add up.
    """
    x = np.asarray(preferred, dtype=np.int64)
    n = np.asarray(annotations, dtype=np.int64)
    if n.size and n.min() < 1:
        raise ValueError("Each passage needs an annotation of both systems.")
    denominator = lcm(*np.unique(n).tolist()) if n.size else 1
    steps = np.abs(x[:, 0] * (denominator // n[:, 0]) - x[:, 1] * (denominator // n[:, 1]))
    if int(steps.sum()) > MOST_STEPS:
        raise ValueError("The numbers of annotations differ too much between passages for an exact test.")
    signed = x[:, 0] * (denominator // n[:, 0]) - x[:, 1] * (denominator // n[:, 1])
    return _two_sided(steps[steps > 0], abs(int(signed.sum())))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979) of many p values, in the order given; each may be compared with 0.05 as it is.

    Raises ValueError for a value outside [0, 1] or NaN.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError("A p value lies between 0 and 1.")
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _two_sided(steps: NDArray[np.int64], observed: int) -> float:
    """Probability that a random-sign sum of the steps is at least as far from 0 as the observed one."""
    # chance[k]: the plus signs add up to k, so that the sum is 2k - total
    chance = np.ones(1)
    for step in steps.tolist():
        grown = np.zeros(len(chance) + step)
        grown[: len(chance)] += chance / 2
        grown[step:] += chance / 2
        chance = grown
    sums = 2 * np.arange(len(chance)) - int(steps.sum())
    return min(1.0, float(chance[np.abs(sums) >= observed].sum()))


def _shared(first: Judgements, second: Judgements) -> PassageCounts | None:
    """Counts on the passages that both have."""
    if len(first) == 0 or len(second) == 0:
        return None
    counts = count_by_passage([first, second])
    both = (counts.annotations > 0).all(axis=1)
    if not both.any():
        return None
    present, dataset = np.unique(counts.dataset[both], return_inverse=True)
    return PassageCounts(dataset, len(present), counts.preferred[both], counts.annotations[both])


def _difference(counts: PassageCounts, level: float) -> tuple[float, float]:
    """Difference of the means over datasets, and how far its t interval reaches to either side."""
    difference, variances, freedoms = 0.0, [], []
    for dataset in range(counts.datasets):
        inside = counts.dataset == dataset
        x, n = counts.preferred[inside], counts.annotations[inside]
        ratios = x.sum(axis=0) / n.sum(axis=0)
        difference += float(ratios[0] - ratios[1]) / counts.datasets
        residuals = ((x - ratios * n) / n.sum(axis=0)) @ np.array([1.0, -1.0])
        clusters = len(residuals)
        freedoms.append(clusters - 1)
        variances.append(clusters * float(residuals @ residuals) / max(1, clusters - 1))
    if min(freedoms) == 0:
        return difference, float("inf")
    spread = sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    freedom = sum(variances) ** 2 / spread if spread > 0 else sum(freedoms)
    return difference, float(stats.t.ppf((1 + level) / 2, freedom)) * sum(variances) ** 0.5 / counts.datasets
