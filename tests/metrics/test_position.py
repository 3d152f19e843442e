import doctest

import pytest
from scipy import stats

from metrics import position
from metrics.position import mean_of_order_strata, position_bias
from metrics.preference import Verdicts


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(position).failed == 0


def test_ties_do_not_count_in_the_bias():
    bias = position_bias(first=60, second=40, equal=25)
    theirs = stats.binomtest(60, 100).proportion_ci(method="wilson")
    assert bias.share == 0.6
    assert (bias.low, bias.high) == pytest.approx((theirs.low, theirs.high))
    assert bias.equal == 25


def test_all_ties_or_nothing_have_no_bias():
    assert position_bias(0, 0, 30) is None
    assert position_bias(0, 0) is None
    with pytest.raises(ValueError, match="negative"):
        position_bias(-1, 0)


def test_the_order_strata_weigh_the_same():
    # first shown 8 of 10, second shown 1 of 2: mean 0.65, plain ratio 9/12
    assert mean_of_order_strata(Verdicts(8, 0, 2), Verdicts(0, 1, 1)) == pytest.approx(0.65)


def test_one_order_alone_has_no_mean():
    assert mean_of_order_strata(Verdicts(3, 0, 0), Verdicts()) is None
