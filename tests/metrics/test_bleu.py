import doctest
from math import exp

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction
from nltk.translate.bleu_score import sentence_bleu as nltk_bleu
from sacrebleu.metrics import BLEU

from metrics import bleu
from metrics.bleu import bleu_power, clipped_matches, sentence_bleu

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


def test_the_score_equals_the_one_that_sacrebleu_publishes():
    # its test suite's case for the floor of 0.1: 4, 2, 1 and 0 matches of 6, 5, 4 and 3, against 8 words
    # "am I am a character sequence" and "I am a symbol string sequence a a"
    texts = [[1, 2, 1, 3, 4, 5], [2, 1, 3, 6, 7, 5, 3, 3]]
    assert [clipped_matches(*texts, order) for order in (1, 2, 3, 4)] == [4, 2, 1, 0]
    assert sentence_bleu(*texts) == pytest.approx(0.1555722182, abs=1e-10)


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
