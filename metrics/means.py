"""A mean over texts with its interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """The mean of `n` values and a t interval around it; the interval is everything where one value says no more."""

    estimate: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.estimate:.3f} [{self.low:.3f}, {self.high:.3f}]"


def mean_with_interval(values: Sequence[float], level: float = LEVEL) -> Mean:
    """Mean of independent values, one for each text; of paired differences it compares two systems.

    Raises ValueError for no values at all.

    >>> print(mean_with_interval([1.0, 2.0, 3.0]))
    2.000 [-0.484, 4.484]
    """
    if not values:
        raise ValueError("The mean of no values is undefined.")
    mean = fmean(values)
    if len(values) == 1:
        return Mean(mean, -math.inf, math.inf, 1)
    reach = float(stats.t.ppf((1 + level) / 2, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return Mean(mean, mean - reach, mean + reach, len(values))
