"""The n-grams of many texts, numbered once: a trie in one hash table, where an n-gram is an (n-1)-gram and a token.

The k-th occurrence of an n-gram in its text is a *feature*: two texts share as many features of an order as their
clipped n-gram matches count, so that clipping needs no minimum.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from metrics.token_texts import TokenTexts

ORDERS = 4
ROOT = np.int64(0)
NONE = -1
# 2^64 / golden ratio: spreads the keys over the high bits (Fibonacci hashing)
_MULTIPLIER = np.uint64(11400714819323198485)
_SHIFT = np.uint64(32)


@dataclass(frozen=True, eq=False)
class NgramIndex:
    """`nodes` and `features` have the shape (tokens, 4): the n-grams of order 1-4 that begin at each token, or -1 where
    the text ends before they do.

    `keys` and `children` are the hash table; node n has the features `first_feature[n]` up to `first_feature[n + 1]`.
    """

    keys: NDArray[np.int64]
    children: NDArray[np.int32]
    nodes: NDArray[np.int32]
    features: NDArray[np.int32]
    first_feature: NDArray[np.int64]


def index_ngrams(texts: TokenTexts) -> NgramIndex:
    """Number the n-grams of order 1-4 of all texts, and their occurrences within a text."""
    # twice as many places as n-grams at most, in a power of two
    places = 1 << int(2 * ORDERS * texts.tokens.size + 1).bit_length()
    keys = np.full(places, NONE, dtype=np.int64)
    children = np.full(places, NONE, dtype=np.int32)
    nodes = np.full((texts.tokens.size, ORDERS), NONE, dtype=np.int32)
    count = _number_nodes(texts.tokens, texts.offsets, keys, children, nodes)
    features = np.full(nodes.shape, NONE, dtype=np.int32)
    most = np.zeros(count, dtype=np.int64)
    _number_occurrences(nodes, texts.offsets, features, most)
    first = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(most)])
    # nodes of -1 keep the feature -1
    features += np.where(nodes == NONE, 0, first[nodes]).astype(np.int32)
    return NgramIndex(keys, children, nodes, features, first)


@njit(cache=True)
def find_place(keys: NDArray[np.int64], node: np.int64, token: np.int64) -> np.int64:
    """Place of the child `token` of a node in the hash table, or the free place where it belongs."""
    key = (node << 32) + token
    last = len(keys) - 1
    place = np.int64((np.uint64(key) * _MULTIPLIER) >> _SHIFT) & last
    while keys[place] not in (key, NONE):
        place = (place + 1) & last
    return place


@njit(cache=True)
def find_nodes(keys: NDArray[np.int64], children: NDArray[np.int32], tokens: NDArray[np.int32]) -> NDArray[np.int32]:
    """The n-grams of one text in an index of others, shape (tokens, 4); -1 where it has no such n-gram."""
    nodes = np.full((len(tokens), ORDERS), NONE, dtype=np.int32)
    for begin in range(len(tokens)):
        node = ROOT
        for order in range(min(ORDERS, len(tokens) - begin)):
            node = np.int64(children[find_place(keys, node, np.int64(tokens[begin + order]))])
            if node == NONE:
                break
            nodes[begin, order] = node
    return nodes


@njit(cache=True)
def _number_nodes(
    tokens: NDArray[np.int32],
    offsets: NDArray[np.int64],
    keys: NDArray[np.int64],
    children: NDArray[np.int32],
    nodes: NDArray[np.int32],
) -> int:
    """Fill the hash table and `nodes`; returns how many nodes there are, the root included."""
    count = 1
    for text in range(len(offsets) - 1):
        for begin in range(offsets[text], offsets[text + 1]):
            node = ROOT
            for order in range(min(ORDERS, offsets[text + 1] - begin)):
                token = np.int64(tokens[begin + order])
                place = find_place(keys, node, token)
                if keys[place] == NONE:
                    keys[place] = (node << 32) + token
                    children[place] = count
                    count += 1
                node = np.int64(children[place])
                nodes[begin, order] = node
    return count


@njit(cache=True)
def _number_occurrences(
    nodes: NDArray[np.int32], offsets: NDArray[np.int64], occurrences: NDArray[np.int32], most: NDArray[np.int64]
) -> None:
    """Write to `occurrences`, shape of `nodes`, the how-manieth in its text each n-gram is (from 0), and to `most` how
    often a node occurs in one text at most."""
    seen = np.zeros(len(most), dtype=np.int32)
    for text in range(len(offsets) - 1):
        for begin in range(offsets[text], offsets[text + 1]):
            for order in range(ORDERS):
                node = nodes[begin, order]
                if node != NONE:
                    occurrences[begin, order] = seen[node]
                    seen[node] += 1
                    most[node] = max(most[node], seen[node])
        for begin in range(offsets[text], offsets[text + 1]):
            for node in nodes[begin]:
                if node != NONE:
                    seen[node] = 0
