"""Means with intervals."""

import math

import pytest
from scipy import stats

from metrics.means import mean_with_interval
from metrics.repetition import repeated_share


def test_the_interval_is_students():
    # mean 2, standard deviation 1, n = 3: t(0.975, 2) = 4.3027, 4.3027 / sqrt(3) = 2.4841
    mean = mean_with_interval([1.0, 2.0, 3.0])

    assert mean.estimate == 2
    assert mean.low == pytest.approx(2 - 2.4841, abs=1e-4)
    assert mean.high == pytest.approx(2 + 2.4841, abs=1e-4)


def test_it_is_scipys_interval_of_a_one_sample_t_test():
    values = [0.2, 0.5, 0.4, 0.9, 0.1]

    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.9)

    mean = mean_with_interval(values, level=0.9)
    assert (mean.low, mean.high) == pytest.approx((expected.low, expected.high))


def test_one_value_says_nothing_of_the_spread():
    mean = mean_with_interval([0.5])

    assert (mean.low, mean.high) == (-math.inf, math.inf)


def test_a_mean_is_written_with_its_interval():
    assert str(mean_with_interval([1.0, 2.0, 3.0])) == "2.000 [-0.484, 4.484]"


def test_no_values_have_no_mean():
    with pytest.raises(ValueError, match="no values"):
        mean_with_interval([])


@pytest.mark.parametrize(
    ("tokens", "length", "expected"),
    [
        ([1, 2, 3, 4, 5], 4, 0.0),  # two different 4-grams
        ([1, 1, 1, 1, 1, 1], 4, 2 / 3),  # three 4-grams, one distinct
        ([1, 2, 1, 2, 1], 2, 0.5),  # 12 21 12 21
    ],
)
def test_the_repeated_share_counts_ngrams_that_stood_before(tokens, length, expected):
    assert repeated_share(tokens, length) == pytest.approx(expected)


def test_a_text_without_an_ngram_has_no_repeated_share():
    with pytest.raises(ValueError, match="3 tokens hold no run of 4"):
        repeated_share([1, 2, 3])
