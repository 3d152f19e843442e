import doctest
from math import exp

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction
from nltk.translate.bleu_score import sentence_bleu as nltk_bleu
from sacrebleu.metrics import BLEU

from metrics import bleu
from metrics.bleu import bleu_power, clipped_matches, sentence_bleu
from metrics.dataset_bleu import dataset_bleu
from metrics.self_bleu import self_bleu

SMOOTHING = SmoothingFunction(epsilon=0.1).method1


def oracle(hypothesis, reference):
    return nltk_bleu([reference], hypothesis, smoothing_function=SMOOTHING)


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(bleu).failed == 0


@pytest.mark.parametrize(
    ("hypothesis", "reference", "expected"),
    [
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], 1.0),
        ([1, 2, 3], [4, 5, 6], 0.0),  # no shared token
        ([1, 2, 3], [], 0.0),
        # 4/5 3/4 2/3 1/2 = 1/5
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 6], 0.2**0.25),
        # 1/4, then nothing of 3, 2 and 1 n-grams: 0.1 each
        ([1, 9, 9, 9], [1, 2, 3, 4], (1 / 4 * 0.1 / 3 * 0.1 / 2 * 0.1) ** 0.25),
        # "the the the ..." of Papineni et al. (2002): 2 of 7 unigrams are clipped
        ([1] * 7, [1, 2, 3, 4, 1, 5], (2 / 7 * 0.1 / 6 * 0.1 / 5 * 0.1 / 4) ** 0.25),
        # all 4 tokens match, but 6 were due: exp(1 - 6/4)
        ([1, 2, 3, 4], [1, 2, 3, 4, 5, 6], exp(1 - 6 / 4)),
        # a single token has no n-grams of higher order
        ([1], [1], (1.0 * 0.1 * 0.1 * 0.1) ** 0.25),
    ],
)
def test_the_score_is_the_brevity_penalty_times_the_mean_of_the_precisions(kernels, hypothesis, reference, expected):
    assert sentence_bleu(hypothesis, reference) == pytest.approx(expected, abs=1e-15)


def test_the_score_equals_the_libraries(kernels):
    generator = np.random.default_rng(1)
    theirs = BLEU(smooth_method="floor", smooth_value=0.1, tokenize="none", force=True, effective_order=False)
    for vocabulary in (1, 2, 4, 30):
        for _ in range(60):
            hypothesis, reference = (
                generator.integers(0, vocabulary, generator.integers(4, 25)).tolist() for _ in range(2)
            )
            ours = sentence_bleu(hypothesis, reference)
            words = [" ".join(map(str, text)) for text in (hypothesis, reference)]
            assert ours == pytest.approx(oracle(hypothesis, reference), abs=1e-12)
            assert ours == pytest.approx(theirs.sentence_score(words[0], [words[1]]).score / 100, abs=1e-12)


# What libraries and papers publish for one hypothesis against one reference with a floor of 0.1, words as numbers.
PUBLISHED = {
    # sacrebleu, test_bleu.py: 4, 2, 1 and 0 matches of 6, 5, 4 and 3, against 8 words
    "sacrebleu, floor": ([1, 2, 1, 3, 4, 5], [2, 1, 3, 6, 7, 5, 3, 3], 0.1555722182, 1e-10),
    # sacrebleu, test_sentence_bleu.py (its issue 98), 13a: 5, 2, 0 and 0 matches of 14, 13, 12 and 11
    "sacrebleu, issue 98": (
        [10, 1, 2, 11, 12, 13, 14, 3, 15, 16, 17, 18, 4, 5],
        [20, 1, 2, 21, 22, 23, 3, 2, 4, 5],
        0.0451688,
        1e-5,
    ),
    # sacrebleu, test_sentence_bleu.py (its issue 141): no word is shared
    "sacrebleu, issue 141": ([1, 2, 3, 4], [5, 6], 0.0, 0.0),
    # sacrebleu, test_bleu.py: the same text
    "sacrebleu, the same": ([1, 2, 3, 4], [1, 2, 3, 4], 1.0, 0.0),
    # nltk, SmoothingFunction, method1: candidate 1 and reference 1 of Papineni et al. (2002), all orders matched
    "nltk, method1": (
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 10, 14, 15, 10, 16],
        [1, 2, 3, 4, 5, 6, 9, 8, 9, 10, 11, 17, 18, 19, 20, 14],
        0.4118,
        1e-4,
    ),
}


@pytest.mark.parametrize("published", PUBLISHED.values(), ids=PUBLISHED)
def test_the_score_equals_what_is_published(kernels, published):
    hypothesis, reference, expected, precision = published
    assert sentence_bleu(hypothesis, reference) == pytest.approx(expected, abs=precision)


@pytest.mark.parametrize("published", PUBLISHED.values(), ids=PUBLISHED)
def test_self_and_dataset_bleu_are_built_on_the_published_score(kernels, published):
    hypothesis, reference, expected, precision = published
    assert self_bleu([hypothesis, reference]).scores[0] == pytest.approx(expected, abs=precision)
    assert dataset_bleu([hypothesis], [reference]).scores[0] == pytest.approx(expected, abs=precision)


def test_matches_are_counted_as_sacrebleu_publishes_them():
    hypothesis, reference, *_ = PUBLISHED["sacrebleu, floor"]
    assert [clipped_matches(hypothesis, reference, order) for order in (1, 2, 3, 4)] == [4, 2, 1, 0]


def test_matches_are_clipped_in_both_directions():
    one, other = [7, 7, 7, 8], [7, 7, 9]
    assert clipped_matches(one, other, 1) == clipped_matches(other, one, 1) == 2
    assert clipped_matches(one, other, 2) == 1
    assert clipped_matches(one, other, 4) == 0


def test_more_matches_never_score_less():
    generator = np.random.default_rng(2)
    for _ in range(2000):
        few = generator.integers(0, 60, 4)
        more = few + generator.integers(0, 3, 4)
        length, reference = generator.integers(63, 130, 2).tolist()
        assert bleu_power(*few.tolist(), length, reference) <= bleu_power(*more.tolist(), length, reference)


def test_an_empty_hypothesis_is_an_error():
    with pytest.raises(ValueError, match="empty text"):
        sentence_bleu([], [1, 2])
