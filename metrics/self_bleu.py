"""Self-BLEU: how much each generated text resembles the one that resembles it most (Table 2, paper s4.2).

Pairwise: the hypothesis is the text, the reference is one other text, and the highest score over all others counts.
(BLEU against all others at once is another metric that goes by the same name, with far higher values.)

The clipped matches of two texts are the same in both directions, so each unordered pair is counted once, from lists of
the texts that have a feature (`metrics.ngrams`). BLEU never falls with a count of matches: with all unigrams taken as
matched it is bounded, and only the few pairs whose bound exceeds what is known have their unigrams counted.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from metrics.bleu import bleu_power
from metrics.match_counts import BITS, check_lengths, list_room, unpack
from metrics.ngrams import NONE, index_ngrams
from metrics.token_texts import Texts, TokenTexts


@dataclass(frozen=True, eq=False)
class SelfBleu:
    """Of each text the highest BLEU against another one, in [0, 1], and the index of a text that reaches it: both of
    shape (texts,)."""

    scores: NDArray[np.float64]
    nearest: NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Average of the highest scores, as Table 2 gives it."""
        return float(self.scores.mean())

    @property
    def max(self) -> float:
        """Highest of the highest scores, as Table 2 gives it."""
        return float(self.scores.max())


def self_bleu(texts: Texts) -> SelfBleu:
    """Highest pairwise sentence BLEU of each text; a text is left out of its own references by index, not by value.

    For Table 2 the texts are the first 96 generated tokens. Raises ValueError for fewer than two texts, an empty one
    (leave it out: it resembles nothing) or one of more than 1,048,575 tokens.
    """
    packed = TokenTexts.of(texts)
    if len(packed) < 2:
        raise ValueError("Self-BLEU compares texts with each other: it needs at least two.")
    check_lengths(packed)
    index = index_ngrams(packed)
    power, nearest = _highest_powers(index.features, packed.offsets, int(index.first_feature[-1]))
    return SelfBleu(power**0.25, nearest)


@njit(cache=True)
def _highest_powers(
    features: NDArray[np.int32], offsets: NDArray[np.int64], feature_count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Fourth power of the highest BLEU of each text, and the text it is against."""
    texts = len(offsets) - 1
    best, nearest = np.full(texts, -1.0), np.full(texts, NONE)
    room, filled = list_room(features, feature_count)
    listed = np.empty(room[-1], dtype=np.int32)
    matches = np.zeros(texts, dtype=np.int64)
    # the last text that has each feature: marks the unigrams of the text in hand
    owner = np.full(feature_count, NONE, dtype=np.int32)
    for text in range(texts):
        for begin in range(offsets[text], offsets[text + 1]):
            owner[features[begin, 0]] = text
            for order in range(1, 4):
                feature = features[begin, order]
                if feature != NONE:
                    for place in range(room[feature], filled[feature]):
                        matches[listed[place]] += 1 << (BITS * (order - 1))
                    listed[filled[feature]] = text
                    filled[feature] += 1
        _compare_with_earlier(text, matches, features, offsets, owner, best, nearest)
        matches[:text] = 0
    return best, nearest


@njit(cache=True)
def _compare_with_earlier(
    text: int,
    matches: NDArray[np.int64],
    features: NDArray[np.int32],
    offsets: NDArray[np.int64],
    owner: NDArray[np.int32],
    best: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> None:
    """Raise the best of a text and of those before it to their BLEU against each other, where that is higher."""
    length = offsets[text + 1] - offsets[text]
    for other in range(text):
        other_length = offsets[other + 1] - offsets[other]
        m2, m3, m4 = unpack(matches[other])
        m1 = min(length, other_length)
        here = bleu_power(m1, m2, m3, m4, length, other_length)
        there = here if length == other_length else bleu_power(m1, m2, m3, m4, other_length, length)
        if here <= best[text] and there <= best[other]:
            continue
        m1 = 0
        for begin in range(offsets[other], offsets[other + 1]):
            m1 += owner[features[begin, 0]] == text
        here = bleu_power(m1, m2, m3, m4, length, other_length)
        if here > best[text]:
            best[text], nearest[text] = here, other
        there = bleu_power(m1, m2, m3, m4, other_length, length)
        if there > best[other]:
            best[other], nearest[other] = there, text
