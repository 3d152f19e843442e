import doctest
from itertools import product

import numpy as np
import pytest
from scipy import stats

from metrics import paired
from metrics.judgements import Judgements
from metrics.paired import compare_paired, exact_flip_p, holm
from tests.metrics.simulation import People, judge


def one_each(preferred, dataset=None):
    """One annotation on each of the passages 0, 1, ..."""
    passages = np.arange(len(preferred))
    dataset = np.zeros(len(preferred)) if dataset is None else np.array(dataset)
    return Judgements(dataset, passages, passages, np.array(preferred, dtype=bool))


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(paired).failed == 0


def test_single_annotations_give_mcnemars_exact_test():
    generator = np.random.default_rng(1)
    first, second = generator.random(60) < 0.6, generator.random(60) < 0.4
    comparison = compare_paired(one_each(first), one_each(second), seed=1, resamples=200)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    mcnemar = stats.binomtest(only_first, only_first + only_second, 0.5).pvalue
    assert comparison.exact_p == pytest.approx(mcnemar)


def test_the_exact_p_equals_trying_every_flip():
    generator = np.random.default_rng(2)
    for _ in range(20):
        n = generator.integers(1, 5, (9, 2))
        x = generator.binomial(n, 0.5)
        differences = x[:, 0] / n[:, 0] - x[:, 1] / n[:, 1]
        sums = np.array([np.dot(signs, differences) for signs in product([1, -1], repeat=9)])
        expected = (np.abs(sums) >= abs(differences.sum()) - 1e-9).mean()
        assert exact_flip_p(x, n) == pytest.approx(expected)


def test_the_difference_is_of_the_means_over_datasets():
    # dataset 0: 1/1 - 0/1 = 1; dataset 1: 2/3 - 1/3 = 1/3 -> 2/3
    first = one_each([1, 1, 1, 0], [0, 1, 1, 1])
    second = one_each([0, 0, 1, 0], [0, 1, 1, 1])
    comparison = compare_paired(first, second, seed=1, resamples=100)
    assert comparison.difference == pytest.approx(2 / 3)
    assert (comparison.low, comparison.high) == (-1.0, 1.0)  # dataset 0 has one passage: its spread is unknown


def test_the_interval_of_single_annotations_is_the_paired_t_interval():
    generator = np.random.default_rng(3)
    first, second = generator.random(80) < 0.6, generator.random(80) < 0.5
    comparison = compare_paired(one_each(first), one_each(second), seed=1, resamples=100)
    theirs = stats.ttest_rel(first.astype(float), second.astype(float)).confidence_interval(0.95)
    assert (comparison.low, comparison.high) == pytest.approx((theirs.low, theirs.high))


def test_passages_of_only_one_system_are_left_out():
    first = one_each([1, 0, 1, 1, 1])
    second = one_each([1, 0, 1])
    comparison = compare_paired(first, second, seed=1, resamples=100)
    assert (comparison.passages, comparison.difference, comparison.exact_p) == (3, 0.0, 1.0)


def test_a_system_does_not_differ_from_itself():
    sample = judge(People.hire(5, np.random.default_rng(0)), 0.0, 30, np.random.default_rng(1))
    comparison = compare_paired(sample, sample, seed=1, resamples=100)
    assert (comparison.difference, comparison.exact_p, comparison.bootstrap_p) == (0.0, 1.0, 1.0)


def test_equal_systems_are_called_different_as_rarely_as_promised():
    generator = np.random.default_rng(4)
    people = People.hire(12, generator)
    exact, bootstrap = [], []
    for seed in range(300):
        pair = judge(people, 0.0, 90, generator), judge(people, 0.0, 90, generator)
        comparison = compare_paired(*pair, seed=seed, resamples=400)
        exact.append(comparison.exact_p <= 0.05)
        bootstrap.append(comparison.bootstrap_p <= 0.05)
    # 5 % with a standard error of 1.3 points
    assert np.mean(exact) <= 0.09
    assert 0.01 <= np.mean(bootstrap) <= 0.095


def test_a_real_difference_is_found():
    generator = np.random.default_rng(5)
    people = People.hire(12, generator)
    better, worse = judge(people, 1.0, 300, generator), judge(people, -1.0, 300, generator)
    comparison = compare_paired(better, worse, seed=1, resamples=999)
    assert comparison.low > 0.2
    assert comparison.exact_p < 1e-6
    assert comparison.bootstrap_p == pytest.approx(0.001)


def test_nothing_shared_cannot_be_compared():
    nothing = one_each([])
    assert compare_paired(one_each([1]), nothing, seed=1) is None
    elsewhere = Judgements(np.zeros(1), np.array([7]), np.zeros(1), np.array([True]))
    assert compare_paired(one_each([1]), elsewhere, seed=1) is None


def test_the_exact_test_refuses_what_it_cannot_add_up():
    with pytest.raises(ValueError, match="annotation of both"):
        exact_flip_p([[1, 0]], [[1, 0]])
    n = [[11, 13], [17, 19], [23, 29]]
    with pytest.raises(ValueError, match="differ too much"):
        exact_flip_p([[11, 0], [17, 0], [23, 0]], n)


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        ([], []),
        ([0.2], [0.2]),
        # sorted 0.005 0.01 0.03 0.04, times 4 3 2 1, kept rising
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.9, 0.8], [1.0, 1.0]),
    ],
)
def test_holm_steps_down(p_values, expected):
    assert holm(p_values) == pytest.approx(expected)


def test_holm_refuses_what_is_no_probability():
    for bad in ([1.2], [float("nan")], [-0.1]):
        with pytest.raises(ValueError, match="between 0 and 1"):
            holm(bad)
