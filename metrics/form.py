"""Telling texts apart by their form alone, without reading them: how blind a comparison is.

What the display decides and what the writer decides are kept apart: the first has to be no better than guessing, or
the page gives the machine away; the second is part of what people are asked to judge.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Features = Callable[[str], list[float]]

FOLDS = 10
FEWEST_PAIRS = 2 * FOLDS
PENALTY = 5.0
_STEPS = 30
_Z_95 = 1.959964


@dataclass(frozen=True)
class ToldApart:
    """How often a classifier ranks a candidate above an original: `auc` in [0, 1], 0.5 is guessing; with the limits of
    its 95 % interval, over so many pairs."""

    auc: float
    low: float
    high: float
    pairs: int


def display_features(text: str) -> list[float]:
    """What the display decides of a text that is not empty: markup, spacing, kinds of quotes and dashes, how it begins
    and ends."""
    first, last = text[0], text[-1]
    counts = [len(re.findall(mark, text)) for mark in (r"[<>]", r"[*#_`]", r"[\[\]{}]", r"\n", r"  ", r"--")]
    odd = sum(text.count(character) for character in "“”‘’…–\u00a0\t\ufffd")
    begins = [first.isupper(), first.isalnum(), first.isspace(), first in "\"'"]
    ends = [last in ".!?", last in ",;:", last.isalnum(), last in "\"')", last.isspace()]
    return [float(value) for value in (*counts, odd, *begins, *ends)]


def writing_features(text: str) -> list[float]:
    """What the writer decides: lengths in characters, words and sentences, and how often each mark comes."""
    counts = [len(text), len(text.split()), len(re.findall(r"[.!?](?=\s|$)", text))]
    counts += [text.count(mark) for mark in ".,;:?!\u2014-\"'()"]
    return [float(count) for count in (*counts, sum(map(str.isdigit, text)), sum(map(str.isupper, text)))]


def told_apart(pairs: Sequence[tuple[str, str]], features: Features) -> ToldApart:
    """How well a logistic regression on the features tells each pair's candidate from its original, on pairs that it
    has not seen; pair number i belongs to fold i modulo 10.

    The interval takes the two texts of a pair as one cluster (Obuchowski 1997), and the classifier as given.

    Raises ValueError for fewer than 20 pairs or an empty text.
    """
    if len(pairs) < FEWEST_PAIRS:
        raise ValueError(f"Telling texts apart needs at least {FEWEST_PAIRS} pairs.")
    if not all(text for pair in pairs for text in pair):
        raise ValueError("An empty text has no form.")
    rows = np.array([features(text) for pair in pairs for text in pair])
    is_candidate = np.tile([True, False], len(pairs))
    scores = _cross_validated(rows, is_candidate, np.repeat(np.arange(len(pairs)), 2) % FOLDS)
    return area(scores[is_candidate], scores[~is_candidate])


def area(candidates: Floats, originals: Floats) -> ToldApart:
    """Area under the ROC curve of scores, both by pair, shape (pairs,): how often a candidate's is above an original's,
    a tie counting half.

    >>> area(np.array([0.35, 0.8]), np.array([0.1, 0.4])).auc
    0.75
    """
    above = _share_below(originals, candidates)
    below = 1 - _share_below(candidates, originals)
    auc, pairs = float(above.mean()), len(candidates)
    half = _Z_95 * sqrt(float(((above + below - 2 * auc) ** 2).sum()) / (pairs * (pairs - 1)))
    return ToldApart(auc, max(0.0, auc - half), min(1.0, auc + half), pairs)


def _share_below(values: Floats, thresholds: Floats) -> Floats:
    """Of each threshold, the share of values under it, a tie counting half."""
    ordered = np.sort(values)
    low, high = (np.searchsorted(ordered, thresholds, side) for side in ("left", "right"))
    return np.asarray((low + high) / (2 * len(values)), dtype=np.float64)


def _cross_validated(rows: Floats, is_candidate: NDArray[np.bool_], fold: NDArray[np.int64]) -> Floats:
    scores = np.zeros(len(rows))
    for one in range(FOLDS):
        seen = fold != one
        mean, spread = rows[seen].mean(axis=0), rows[seen].std(axis=0) + 1e-9
        weights = _fit(_with_constant((rows[seen] - mean) / spread), is_candidate[seen].astype(np.float64))
        scores[~seen] = _with_constant((rows[~seen] - mean) / spread) @ weights
    return scores


def _with_constant(rows: Floats) -> Floats:
    return np.column_stack([np.ones(len(rows)), rows])


def _fit(design: Floats, labels: Floats) -> Floats:
    """Ridge logistic regression by Newton's method; the constant is not penalised."""
    ridge = PENALTY * np.eye(design.shape[1])
    ridge[0, 0] = 1e-6
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (chances - labels) + ridge @ weights
        curvature = (design.T * (chances * (1 - chances))) @ design + ridge
        weights -= np.linalg.solve(curvature, gradient)
    return weights
