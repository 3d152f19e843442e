"""How far two models' scores on the same questions are apart, with a 95 % interval."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Z_95 = 1.959963984540054


class ScoreDifference(NamedTuple):
    """The second score minus the first; without bounds where nothing says how far chance may carry it."""

    difference: float
    low: float | None
    high: float | None


def paired_difference(first: Sequence[float], second: Sequence[float]) -> ScoreDifference:
    """Of means over the same questions, each asked of both models: normal, by the questions' own differences.

    Raises ValueError where the questions are not as many.

    >>> paired_difference([1, 0, 1, 0], [0, 0, 1, 1]).difference
    0.0
    """
    differences = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    mean = float(differences.mean())
    if len(differences) < 2:
        return ScoreDifference(mean, None, None)
    reach = Z_95 * float(differences.std(ddof=1)) / math.sqrt(len(differences))
    return ScoreDifference(mean, mean - reach, mean + reach)


def unpaired_difference(
    first: float, second: float, first_stderr: float | None, second_stderr: float | None
) -> ScoreDifference:
    """Of scores that are no means over questions: wider than a paired interval, since the errors simply add up.

    >>> unpaired_difference(0.5, 0.75, None, 0.1)
    ScoreDifference(difference=0.25, low=None, high=None)
    """
    difference = second - first
    if first_stderr is None or second_stderr is None:
        return ScoreDifference(difference, None, None)
    reach = Z_95 * math.hypot(first_stderr, second_stderr)
    return ScoreDifference(difference, difference - reach, difference + reach)
