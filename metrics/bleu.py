"""Sentence BLEU-4 on token ids, as one function of its four clipped match counts (paper s4.2).

A text (the hypothesis) is compared with another one (the reference). Precisions without a match count 0.1 matches: the
smoothing that nltk calls method1 and sacrebleu floor 0.1. Scores of different tokenizers do not compare.
"""

from collections import Counter
from collections.abc import Sequence
from math import exp

from numba import njit

SMOOTHING = "floor 0.1 (nltk method1)"
_FLOOR = 0.1


def sentence_bleu(hypothesis: Sequence[int], reference: Sequence[int]) -> float:
    """BLEU-4 of one text against one other, in [0, 1]; 1 is the same text, 0 is no shared token.

    A hypothesis of fewer than four tokens has no n-gram of the higher orders, and counts 0.1 of one. Raises ValueError
    for an empty hypothesis, whose precision is undefined; with an empty reference nothing is shared: 0.

    >>> round(sentence_bleu([1, 2, 3, 4, 5], [1, 2, 3, 4, 6]), 4)
    0.6687
    """
    if len(hypothesis) == 0:
        raise ValueError("BLEU of an empty text is undefined.")
    m1, m2, m3, m4 = (clipped_matches(hypothesis, reference, order) for order in range(1, 5))
    return float(bleu_power(m1, m2, m3, m4, len(hypothesis), len(reference)) ** 0.25)


def clipped_matches(hypothesis: Sequence[int], reference: Sequence[int], order: int) -> int:
    """How many n-grams of an order two texts share, each as often as the text that has it less often.

    >>> clipped_matches([7, 7, 7], [7, 7, 8], order=1)
    2
    """
    return (_ngrams(hypothesis, order) & _ngrams(reference, order)).total()


@njit(cache=True)
def bleu_power(m1: int, m2: int, m3: int, m4: int, length: int, reference_length: int) -> float:
    """The fourth power of BLEU from the clipped matches of each order and the lengths (both positive).

    It never falls when a count of matches rises, in floating point too, so that a search may bound it by over-counting.
    """
    if m1 == 0:
        return 0.0
    matched = m1 * max(m2, _FLOOR) * max(m3, _FLOOR) * max(m4, _FLOOR)
    all_ngrams = float(length) * max(length - 1, 1) * max(length - 2, 1) * max(length - 3, 1)
    if length >= reference_length:
        return matched / all_ngrams
    return matched / all_ngrams * exp(4 * (1 - reference_length / length))


def _ngrams(tokens: Sequence[int], order: int) -> Counter[tuple[int, ...]]:
    """How often each n-gram of an order occurs."""
    return Counter(tuple(tokens[begin : begin + order]) for begin in range(len(tokens) - order + 1))
