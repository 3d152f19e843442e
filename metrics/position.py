"""Whether the place of a text decides: verdicts as shown, and ratios by display order."""

from dataclasses import dataclass

from metrics.intervals import wilson
from metrics.preference import Verdicts


@dataclass(frozen=True)
class PositionBias:
    """Share of `first` among the verdicts that are not `equal`, in [0, 1] with Wilson's interval; 0.5 is no bias."""

    first: int
    second: int
    equal: int
    share: float
    low: float
    high: float


def position_bias(first: int, second: int, equal: int = 0) -> PositionBias | None:
    """From counts of verdicts as shown; None when every verdict is `equal` or there is none.

    The order is drawn anew for each annotator and comparison, so the verdicts are independent of it unless the place
    matters, and need no clustering. Raises ValueError for a negative count.
    """
    if min(first, second, equal) < 0:
        raise ValueError("Counts of verdicts cannot be negative.")
    decided = first + second
    if decided == 0:
        return None
    low, high = wilson(first / decided, decided)
    return PositionBias(first, second, equal, first / decided, low, high)


def mean_of_order_strata(candidate_first: Verdicts, reference_first: Verdicts) -> float | None:
    """Mean of the preference ratios with the candidate shown first and second; None while one of them has no
    annotations.

    It stands beside the plain ratio: with a position bias, an uneven split of the orders moves the plain one alone.

    >>> mean_of_order_strata(Verdicts(candidate=1), Verdicts(candidate=1, reference=1))
    0.75
    """
    ratios = [candidate_first.preference_ratio, reference_first.preference_ratio]
    present = [ratio for ratio in ratios if ratio is not None]
    return sum(present) / 2 if len(present) == 2 else None
