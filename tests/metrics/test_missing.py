import doctest

import pytest

from metrics import missing as module
from metrics.missing import missing
from metrics.preference import Verdicts


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(module).failed == 0


def test_rates_and_bounds_of_what_is_not_counted():
    found = missing(Verdicts(3, 1, 4), skipped=2, surplus=Verdicts(2, 0, 0))
    assert found.skip_rate == pytest.approx(2 / 12)  # 8 counted, 2 surplus, 2 skipped
    assert found.surplus_rate == pytest.approx(2 / 10)
    assert (found.low, found.high) == pytest.approx((4 / 10, 6 / 10))  # 4 of 8 preferred, 2 unknown
    assert found.with_surplus == pytest.approx(6 / 10)


def test_without_gaps_the_bounds_meet_in_the_ratio():
    found = missing(Verdicts(1, 0, 1), skipped=0, surplus=Verdicts())
    assert (found.low, found.high, found.with_surplus, found.skip_rate) == (0.5, 0.5, 0.5, 0.0)


def test_nothing_counted_has_no_bounds():
    assert missing(Verdicts(), skipped=3, surplus=Verdicts(1, 0, 0)) is None
    with pytest.raises(ValueError, match="negative"):
        missing(Verdicts(1, 0, 0), skipped=-1, surplus=Verdicts())
