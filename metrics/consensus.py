"""When all annotators of a comparison agree, and what the agreed verdict is (Fig. 9, A.1)."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from metrics.preference import Verdicts


class Consensus(StrEnum):
    """What the annotators of one comparison say of the candidate together."""

    GOOD = "good"
    BAD = "bad"
    SPLIT = "split"


def consensus(verdicts: Verdicts, quota: int) -> Consensus | None:
    """The group of a comparison: good = each says `candidate` or `equal`, bad = each says `reference`, else split.

    None until the quota is reached, since the missing annotator could still split it. Raises ValueError for a quota
    below 1 or for more counted annotations than the quota.

    >>> consensus(Verdicts(candidate=2, equal=1), quota=3)
    <Consensus.GOOD: 'good'>
    """
    if quota < 1:
        raise ValueError("The quota has to be at least 1.")
    if verdicts.n > quota:
        raise ValueError(f"{verdicts.n} counted annotations are more than the quota of {quota}.")
    if verdicts.n < quota:
        return None
    if verdicts.reference == 0:
        return Consensus.GOOD
    return Consensus.BAD if verdicts.reference == quota else Consensus.SPLIT


def central_share(values: NDArray[np.float64], share: float = 0.95) -> NDArray[np.bool_]:
    """True for the values within the central quantiles (2.5-97.5 % by default), which Fig. 9 left draws; same shape.

    What is False is left out of the drawing alone, never out of a number. Raises ValueError for NaN or a share outside
    (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError("The central share lies between 0 and 1.")
    if np.isnan(values).any():
        raise ValueError("A quantile of NaN is undefined.")
    if values.size == 0:
        return np.zeros(0, dtype=bool)
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    inside: NDArray[np.bool_] = (values >= low) & (values <= high)
    return inside
