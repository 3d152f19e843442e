"""How wide an interval will be."""

from math import sqrt

import pytest

from metrics.planning import Z_95, expected_half_width


@pytest.mark.parametrize(
    ("comparisons", "quota", "correlation", "variance"),
    [
        (100, 1, 0.3, 0.25 / 100),  # one annotation each: nothing is alike
        (100, 3, 0.0, 0.25 / 300),  # three that have nothing in common count three times
        (100, 3, 1.0, 0.25 / 100),  # three that always agree count once
        (300, 3, 0.3, 0.25 * 1.6 / 900),  # the usual: 1 + 2 x 0.3
    ],
)
def test_annotations_of_one_comparison_count_less_the_more_they_agree(
    comparisons: int, quota: int, correlation: float, variance: float
) -> None:
    assert expected_half_width(comparisons, quota, correlation=correlation) == pytest.approx(Z_95 * sqrt(variance))


def test_a_ratio_near_its_end_has_a_narrower_interval() -> None:
    # 0.1 x 0.9 is 0.36 of 0.5 x 0.5
    assert expected_half_width(50, 2, ratio=0.1) == pytest.approx(0.6 * expected_half_width(50, 2))


@pytest.mark.parametrize(("comparisons", "quota"), [(0, 3), (3, 0), (-1, 1)])
def test_nothing_to_judge_has_no_interval(comparisons: int, quota: int) -> None:
    with pytest.raises(ValueError, match="at least one comparison with one annotation"):
        expected_half_width(comparisons, quota)
