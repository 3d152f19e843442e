"""How wide an interval will be, before anybody has judged: for choosing how many passages and annotators to have."""

from math import sqrt

Z_95 = 1.959963984540054
# How alike annotators of one comparison judge, as a correlation: the share that a comparison has in their differences.
# Human judgements of open-ended texts lie around it; the width is given for none and for perfect likeness beside it.
USUAL_CORRELATION = 0.3


def expected_half_width(
    comparisons: int, quota: int, *, ratio: float = 0.5, correlation: float = USUAL_CORRELATION
) -> float:
    """Half of the expected 95 % interval of a preference ratio, in [0, 1], over passages like these.

    `comparisons` each have `quota` annotations, whose likeness inflates the variance by the design effect
    1 + (quota - 1) x correlation. Raises ValueError without a comparison or an annotation.

    >>> round(expected_half_width(300, 3), 3)
    0.041
    """
    if comparisons < 1 or quota < 1:
        raise ValueError("An interval needs at least one comparison with one annotation.")
    design_effect = 1 + (quota - 1) * correlation
    return Z_95 * sqrt(ratio * (1 - ratio) * design_effect / (comparisons * quota))
