import numpy as np
import pytest

from metrics.overlap import Run, overlaps
from metrics.suffix_automaton import build_automaton
from metrics.token_texts import TokenTexts


def stands_in(run, samples):
    return any(run == sample[at : at + len(run)] for sample in samples for at in range(len(sample) - len(run) + 1))


def naive_endings(text, samples):
    """For each token, the longest run that ends with it and stands in a sample, by trying them all."""
    return [
        max((length for length in range(1, end + 1) if stands_in(text[end - length : end], samples)), default=0)
        for end in range(1, len(text) + 1)
    ]


def texts_of(generator, count, vocabulary, longest):
    return [generator.integers(0, vocabulary, generator.integers(0, longest)).tolist() for _ in range(count)]


@pytest.mark.parametrize("vocabulary", [1, 2, 3, 8])
@pytest.mark.parametrize("seed", range(6))
def test_it_equals_trying_every_run_on_random_texts(kernels, vocabulary, seed):
    generator = np.random.default_rng(seed)
    texts = [*texts_of(generator, 6, vocabulary, 20), []]
    samples = [*texts_of(generator, 5, vocabulary + 1, 25), [0]]
    found = overlaps(texts, samples)
    expected = [naive_endings(text, samples) for text in texts]
    assert found.ending.tolist() == [ending for endings in expected for ending in endings]
    assert found.longest.tolist() == [max(endings, default=0) for endings in expected]
    for number, text in enumerate(texts):
        for run in found.runs(number, longer_than=1):
            sample = samples[run.sample]
            assert text[run.start : run.stop] == sample[run.sample_start : run.sample_start + len(run)]


@pytest.mark.parametrize(
    ("texts", "samples"),
    [
        ([[1] * 40, [1] * 3], [[1] * 20]),  # loops
        ([[1, 2] * 12, [2, 1] * 5], [[1, 2, 1] * 6, [2, 2, 1]]),
        ([[1, 2, 3], [1, 2, 3]], [[1, 2, 3]]),  # twice the same text
        ([[1, 2, 3, 4], [2, 3, 5], [3, 6], [9, 2, 3]], [[2, 3, 6], [3, 5]]),  # states that split late
        ([[0, 2**31 - 1, 0]], [[2**31 - 1, 0]]),
    ],
)
def test_it_equals_trying_every_run_on_adversarial_texts(kernels, texts, samples):
    expected = [ending for text in texts for ending in naive_endings(text, samples)]
    assert overlaps(texts, samples).ending.tolist() == expected


def test_no_run_crosses_samples():
    found = overlaps([[1, 2, 3, 4, 5, 6]], [[1, 2, 3], [4, 5, 6]])
    assert found.longest.tolist() == [3]
    assert found.runs(0, longer_than=2) == [Run(0, 3, 0, 0), Run(3, 6, 1, 0)]


def test_the_share_counts_texts_with_a_run_of_more_than_five():
    # 6 and 5 tokens of the sample, and none
    found = overlaps([[1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6, 99], [50]], [[1, 2, 3, 4, 5, 6, 7]])
    assert found.longest.tolist() == [6, 5, 0]
    assert found.share_beyond() == pytest.approx(1 / 3)
    assert found.share_beyond(10) == 0.0
    assert (found.mean, found.max) == (pytest.approx(11 / 3), 6)
    assert found.distribution().tolist() == [1, 0, 0, 0, 0, 1, 1]
    assert found.runs(1) == []


def test_overlapping_runs_are_both_told():
    found = overlaps([[1, 2, 3, 4]], [[9, 1, 2, 3], [2, 3, 4]])
    assert found.runs(0, longer_than=2) == [Run(0, 3, 0, 1), Run(1, 4, 1, 0)]


def test_the_automaton_stays_within_two_states_and_three_edges_for_each_token():
    generator = np.random.default_rng(9)
    texts = TokenTexts.of(generator.integers(0, 3, (50, 60)))
    automaton = build_automaton(texts)
    assert automaton.states[0] <= 2 * texts.tokens.size + 1
    assert (automaton.keys >= 0).sum() <= 3 * texts.tokens.size


def test_loops_are_read_in_linear_time_and_whole():
    found = overlaps(np.zeros((50, 200), dtype=int), np.zeros((1, 200_000), dtype=int))
    assert (found.longest == 200).all()


@pytest.mark.parametrize(("texts", "samples"), [([], [[1]]), ([[1]], []), ([[1]], [[]])])
def test_nothing_to_overlap_is_an_error(texts, samples):
    with pytest.raises(ValueError, match="at least one text and one training sample"):
        overlaps(texts, samples)
