"""What intervals hold, by simulation: annotators of unequal load and leniency, passages of unequal difficulty."""

import sys

import numpy as np
import pytest

from metrics.intervals import CROSSED_FROM_ANNOTATORS, new_annotators, these_annotators
from tests.metrics.simulation import People, judge, truth

REPETITIONS = 4000


@pytest.fixture
def say(capsys):
    """Print in spite of pytest: what is not covered is never hidden."""

    def write(line):
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")

    return write


def covers(interval, true):
    return interval.low <= true <= interval.high


def coverage_of_these(annotators, base, comparisons, repetitions=REPETITIONS):
    """Share of repetitions whose interval holds the ratio of these people over passages without end."""
    generator = np.random.default_rng([annotators, comparisons])
    people = People.hire(annotators, generator)
    true = truth(people, base, generator)
    hits = [covers(these_annotators(judge(people, base, comparisons, generator)), true) for _ in range(repetitions)]
    return float(np.mean(hits))


def coverage_of_new(annotators, base, comparisons, repetitions):
    """Share of repetitions, each with people of its own, whose interval holds the ratio of all there could be.

    Where hardly anybody is seen of many, it is a range like that of few people, which is left out here.
    """
    generator = np.random.default_rng([annotators, comparisons, 1])
    # an annotator's leniency and a passage's difficulty, as in the simulation, are one normal of both variances
    true = float((1 / (1 + np.exp(-generator.normal(base, (0.7**2 + 1.0**2) ** 0.5, 1_000_000)))).mean())
    hits = []
    for seed in range(repetitions):
        sample = judge(People.hire(annotators, generator), base, comparisons, generator)
        found = new_annotators(sample, seed=seed, resamples=500)
        if annotators < CROSSED_FROM_ANNOTATORS or found.method.startswith("crossed"):
            hits.append(covers(found, true))
    return float(np.mean(hits))


@pytest.mark.soak
@pytest.mark.parametrize("comparisons", [100, 300])
@pytest.mark.parametrize("base", [0.0, -2.0, -4.0])
@pytest.mark.parametrize("annotators", [5, 12, 40])
def test_these_annotators_covers_93_to_97_percent_from_100_comparisons_on(annotators, base, comparisons, say):
    share = coverage_of_these(annotators, base, comparisons)
    say(f"these annotators: {annotators} people, odds {base:+}, {comparisons} comparisons: {100 * share:.1f} %")
    # 4000 repetitions: a standard error of 0.35 points, two of which are allowed for
    assert 0.93 - 0.007 <= share <= 0.97 + 0.007


@pytest.mark.soak
@pytest.mark.parametrize("comparisons", [12, 30, 60])
@pytest.mark.parametrize("base", [0.0, -2.0, -4.0])
def test_what_these_annotators_covers_with_less_is_printed_and_said_on_the_interval(base, comparisons, say):
    share = coverage_of_these(12, base, comparisons)
    say(f"these annotators: 12 people, odds {base:+}, {comparisons} comparisons: {100 * share:.1f} %")
    people = People.hire(12, np.random.default_rng(0))
    assert "94-99 %" in these_annotators(judge(people, base, comparisons, np.random.default_rng(1))).caveat
    assert 0.935 <= share <= 0.995


@pytest.mark.soak
@pytest.mark.parametrize("comparisons", [100, 300])
@pytest.mark.parametrize("annotators", [5, 12, 34, 40, 100])
def test_what_new_annotators_covers_is_printed_and_said_on_the_interval(annotators, comparisons, say):
    share = coverage_of_new(annotators, 0.0, comparisons, repetitions=1000)
    say(f"new annotators: {annotators} people, {comparisons} comparisons: {100 * share:.1f} %")
    people = People.hire(annotators, np.random.default_rng(0))
    caveat = new_annotators(judge(people, 0.0, 300, np.random.default_rng(1)), seed=1).caveat
    if annotators >= CROSSED_FROM_ANNOTATORS:
        assert "98-99 %" in caveat
        # 1000 repetitions: a standard error of 0.4 points
        assert 0.975 <= share <= 0.998
    else:
        # the range is no interval, covers less, and says so
        assert "not a confidence interval" in caveat
        assert share < 0.93
