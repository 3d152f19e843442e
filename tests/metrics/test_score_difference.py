"""Differences of two models' scores on the same questions."""

import doctest

import numpy as np
import pytest

from metrics import score_difference
from metrics.score_difference import paired_difference, unpaired_difference


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(score_difference).failed == 0


def test_a_paired_interval_is_of_the_questions_own_differences() -> None:
    # differences 1, 1, 0, 0: mean 1/2, sd 1/sqrt(3), standard error sqrt(1/12)
    found = paired_difference([0, 0, 1, 0], [1, 1, 1, 0])
    assert found.difference == 0.5
    assert (found.low, found.high) == pytest.approx((0.5 - 1.959964 / 12**0.5, 0.5 + 1.959964 / 12**0.5))


def test_one_question_has_no_interval_and_other_questions_no_difference() -> None:
    assert paired_difference([0.0], [1.0]) == (1.0, None, None)
    with pytest.raises(ValueError, match="shapes"):
        paired_difference([0.0, 1.0], [1.0, 0.0, 1.0])


def test_errors_of_unpaired_scores_add_up() -> None:
    found = unpaired_difference(0.5, 0.4, 0.03, 0.04)
    assert found.difference == pytest.approx(-0.1)
    # sqrt(0.03^2 + 0.04^2) = 0.05
    assert (found.low, found.high) == pytest.approx((-0.1 - 1.959964 * 0.05, -0.1 + 1.959964 * 0.05))


def test_the_paired_interval_holds_what_it_promises() -> None:
    draw = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        hard = draw.random(200)
        one, other = draw.random(200) < 0.2 + 0.6 * hard, draw.random(200) < 0.1 + 0.6 * hard
        _, low, high = paired_difference(one.astype(float), other.astype(float))
        held += low <= -0.1 <= high
    # 95 % of 400 with a standard deviation of 4.4
    assert held >= 365
