"""Dataset BLEU: how much each generated text resembles the window of the training set that resembles it most (Table 2).

The reference is any 96 tokens in a row of one training sample ("any 96 token subsequence", paper s4.2); windows never
cross samples, and a sample of fewer tokens is one window.

The texts are indexed and the samples streamed. The matches of a text with a whole sample bound its matches with every
window in it, so that windows are slid, exactly and token by token, through the few samples that can still win.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from metrics.bleu import bleu_power
from metrics.match_counts import BITS, check_lengths, list_room, unpack
from metrics.ngrams import NONE, ORDERS, find_nodes, index_ngrams
from metrics.token_texts import Texts, TokenTexts

WINDOW = 96
# Samples are bounded together in blocks of so many bounds (samples x texts), best first
_BOUNDS = 1 << 22


@dataclass(frozen=True, eq=False)
class DatasetBleu:
    """Of each text the highest BLEU against a window, in [0, 1], and a window that reaches it, by its sample and where
    in the sample it starts: all of shape (texts,)."""

    scores: NDArray[np.float64]
    sample: NDArray[np.int64]
    start: NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Average of the highest scores, as Table 2 gives it."""
        return float(self.scores.mean())

    @property
    def max(self) -> float:
        """Highest of the highest scores, as Table 2 gives it."""
        return float(self.scores.max())


def dataset_bleu(texts: Texts, samples: Texts, *, window: int = WINDOW) -> DatasetBleu:
    """Highest sentence BLEU of each text against every window of the samples.

    For Table 2 the texts are the first 96 generated tokens; a shorter one pays the brevity penalty. Raises ValueError
    without texts or samples, for an empty text (leave it out), or a window of no tokens.
    """
    packed, training = TokenTexts.of(texts), TokenTexts.of(samples)
    if len(packed) == 0 or training.tokens.size == 0:
        raise ValueError("Dataset BLEU needs at least one text and one training sample.")
    if window < 1:
        raise ValueError("A window has to hold at least one token.")
    check_lengths(packed)
    indexed = _index(packed)
    best = np.full(len(packed), -1.0)
    where = np.full((len(packed), 2), NONE, dtype=np.int64)
    step = max(1, _BOUNDS // len(packed))
    for first in range(0, len(training), step):
        offsets = training.offsets[first : first + step + 1]
        bounds = _bound(indexed, training.tokens, offsets, window)
        _slide_where_bounds_exceed(indexed, training.tokens, offsets, window, bounds, first, best, where)
    return DatasetBleu(best**0.25, where[:, 0], where[:, 1])


class _Indexed(NamedTuple):
    """The texts' n-grams (`metrics.ngrams.NgramIndex`), and for feature f of order 2-4 the texts that have it: those
    listed from place room[f] up to room[f + 1]."""

    keys: NDArray[np.int64]
    children: NDArray[np.int32]
    nodes: NDArray[np.int32]
    first_feature: NDArray[np.int64]
    offsets: NDArray[np.int64]
    room: NDArray[np.int64]
    listed: NDArray[np.int32]


def _index(texts: TokenTexts) -> _Indexed:
    """Index the texts by their n-grams."""
    index = index_ngrams(texts)
    room, listed = _list_texts(index.features, texts.offsets, int(index.first_feature[-1]))
    return _Indexed(index.keys, index.children, index.nodes, index.first_feature, texts.offsets, room, listed)


@njit(cache=True)
def _list_texts(
    features: NDArray[np.int32], offsets: NDArray[np.int64], feature_count: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Room for the list of each feature of order 2-4, and the texts that have it."""
    room, filled = list_room(features, feature_count)
    listed = np.empty(room[-1], dtype=np.int32)
    for text in range(len(offsets) - 1):
        for begin in range(offsets[text], offsets[text + 1]):
            for feature in features[begin, 1:]:
                if feature != NONE:
                    listed[filled[feature]] = text
                    filled[feature] += 1
    return room, listed


@njit(cache=True)
def _bound(texts: _Indexed, tokens: NDArray[np.int32], offsets: NDArray[np.int64], window: int) -> NDArray[np.float64]:
    """Upper bound of the fourth power of each text's BLEU against a sample's windows, shape (texts, samples); -1 for an
    empty sample, which has none."""
    bounds = np.full((len(texts.offsets) - 1, len(offsets) - 1), -1.0)
    seen = np.zeros(len(texts.first_feature), dtype=np.int64)
    matches = np.zeros(len(bounds), dtype=np.int64)
    for sample in range(len(offsets) - 1):
        nodes = find_nodes(texts.keys, texts.children, tokens[offsets[sample] : offsets[sample + 1]])
        if len(nodes) == 0:
            continue
        _match(texts, nodes, seen, matches)
        size = min(window, len(nodes))
        for text in range(len(bounds)):
            length = texts.offsets[text + 1] - texts.offsets[text]
            m2, m3, m4 = unpack(matches[text])
            bounds[text, sample] = bleu_power(min(length, size), m2, m3, m4, length, size)
        matches[:] = 0
    return bounds


@njit(cache=True)
def _match(texts: _Indexed, nodes: NDArray[np.int32], seen: NDArray[np.int64], matches: NDArray[np.int64]) -> None:
    """Add to `matches` each text's clipped matches with one sample; `seen` is all zero before and after."""
    for begin in range(len(nodes)):
        for order in range(1, ORDERS):
            node = nodes[begin, order]
            if node == NONE:
                break
            feature = texts.first_feature[node] + seen[node]
            seen[node] += 1
            if feature < texts.first_feature[node + 1]:
                for place in range(texts.room[feature], texts.room[feature + 1]):
                    matches[texts.listed[place]] += 1 << (BITS * (order - 1))
    for begin in range(len(nodes)):
        for node in nodes[begin]:
            if node != NONE:
                seen[node] = 0


@njit(cache=True)
def _slide_where_bounds_exceed(
    texts: _Indexed,
    tokens: NDArray[np.int32],
    offsets: NDArray[np.int64],
    window: int,
    bounds: NDArray[np.float64],
    first: int,
    best: NDArray[np.float64],
    where: NDArray[np.int64],
) -> None:
    """Raise each text's best, and where it is, by the samples whose bound exceeds it, the most promising first;
    the bounds are used up."""
    limits = np.zeros(len(texts.first_feature), dtype=np.int64)
    for text in range(len(bounds)):
        own = texts.nodes[texts.offsets[text] : texts.offsets[text + 1]]
        _count(own, limits, 1)
        sample = np.argmax(bounds[text])
        while bounds[text, sample] > best[text]:
            nodes = find_nodes(texts.keys, texts.children, tokens[offsets[sample] : offsets[sample + 1]])
            # the bound took every unigram for a match; the slack keeps rounding from ruling anything out
            share = _match_unigrams(nodes, limits) / min(len(own), window, len(nodes))
            if bounds[text, sample] * share * (1 + 1e-9) > best[text]:
                power, start = _slide(nodes, limits, len(own), window)
                if power > best[text]:
                    best[text], where[text, 0], where[text, 1] = power, first + sample, start
            bounds[text, sample] = -2.0
            sample = np.argmax(bounds[text])
        _count(own, limits, -1)


@njit(cache=True)
def _count(nodes: NDArray[np.int32], limits: NDArray[np.int64], by: int) -> None:
    """Add `by` to the count of each n-gram."""
    for begin in range(len(nodes)):
        for node in nodes[begin]:
            if node != NONE:
                limits[node] += by


@njit(cache=True)
def _match_unigrams(nodes: NDArray[np.int32], limits: NDArray[np.int64]) -> int:
    """Clipped unigram matches of the text that `limits` counts with one sample."""
    matches = 0
    for node in nodes[:, 0]:
        if node != NONE:
            matches += limits[node] > 0
            limits[node] -= 1
    for node in nodes[:, 0]:
        if node != NONE:
            limits[node] += 1
    return matches


@njit(cache=True)
def _slide(nodes: NDArray[np.int32], limits: NDArray[np.int64], length: int, window: int) -> tuple[float, int]:
    """Highest fourth power of BLEU over the windows of one sample, and the start of the first window that has it.

    `limits` counts the n-grams of the text; it counts down while they are in the window, below zero where the window
    has more of one than the text, and is whole again at the end.
    """
    size = min(window, len(nodes))
    matches = np.zeros(ORDERS, dtype=np.int64)
    best, best_start = -1.0, 0
    for end in range(len(nodes) + size):
        for order in range(min(ORDERS, size)):
            # the n-grams that begin with the token that leaves, and end with the token that enters
            if end >= size and end - size + order < len(nodes):
                node = nodes[end - size, order]
                if node != NONE:
                    matches[order] -= limits[node] >= 0
                    limits[node] += 1
            if order <= end < len(nodes):
                node = nodes[end - order, order]
                if node != NONE:
                    matches[order] += limits[node] > 0
                    limits[node] -= 1
        if size - 1 <= end < len(nodes):
            power = bleu_power(matches[0], matches[1], matches[2], matches[3], length, size)
            if power > best:
                best, best_start = power, end - size + 1
    return best, best_start
