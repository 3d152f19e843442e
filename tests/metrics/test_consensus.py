import doctest

import numpy as np
import pytest

from metrics import consensus as module
from metrics.consensus import Consensus, central_share, consensus
from metrics.preference import Verdicts


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (Verdicts(3, 0, 0), Consensus.GOOD),  # all prefer the candidate
        (Verdicts(1, 2, 0), Consensus.GOOD),  # each says candidate or equal
        (Verdicts(0, 3, 0), Consensus.GOOD),  # all ties
        (Verdicts(0, 0, 3), Consensus.BAD),
        (Verdicts(2, 0, 1), Consensus.SPLIT),
        (Verdicts(0, 1, 2), Consensus.SPLIT),
        (Verdicts(0, 0, 2), None),  # the third annotator is missing
        (Verdicts(), None),
    ],
)
def test_a_comparison_of_three_annotators_falls_into_a_group(verdicts, expected):
    assert consensus(verdicts, quota=3) is expected


def test_one_annotator_agrees_with_themselves():
    assert consensus(Verdicts(reference=1), quota=1) is Consensus.BAD


def test_more_annotations_than_the_quota_are_an_error():
    with pytest.raises(ValueError, match="4 counted annotations are more than the quota of 3"):
        consensus(Verdicts(4, 0, 0), quota=3)
    with pytest.raises(ValueError, match="at least 1"):
        consensus(Verdicts(), quota=0)


def test_the_drawing_leaves_out_five_percent():
    inside = central_share(np.arange(1000.0))
    # the quantiles 2.5 and 97.5 % of 0..999 are 24.975 and 974.025
    assert np.flatnonzero(inside).tolist() == list(range(25, 975))


def test_nothing_is_an_outlier_among_equals_or_in_nothing():
    assert central_share(np.full(7, 0.5)).all()
    assert central_share(np.empty(0)).shape == (0,)


def test_quantiles_of_nan_and_of_a_wrong_share_are_errors():
    with pytest.raises(ValueError, match="NaN"):
        central_share(np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match="between 0 and 1"):
        central_share(np.array([0.1]), share=1.5)
