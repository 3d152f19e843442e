"""Telling texts apart by their form alone: what a reader might notice without reading."""

import re

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
FOLDS = 10


def display_features(text: str) -> list[float]:
    """What the display decides: markup, spacing, kinds of quotes and dashes, how a text begins and ends."""
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


def auc(scores: Floats, labels: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a positive scores above a negative; 0.5 is guessing.

    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    positives = int(labels.sum())
    above = rankdata(scores)[labels].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(labels) - positives)))


def cross_validated_auc(features: Floats, labels: NDArray[np.bool_], groups: NDArray[np.int64]) -> float:
    """AUC of a logistic regression on texts of groups that it has not seen."""
    scores = np.zeros(len(labels))
    for fold in range(FOLDS):
        seen = groups % FOLDS != fold
        mean, spread = features[seen].mean(axis=0), features[seen].std(axis=0) + 1e-9
        weights = _fit((features[seen] - mean) / spread, labels[seen].astype(float))
        scores[~seen] = _with_constant((features[~seen] - mean) / spread) @ weights
    return auc(scores, labels)


def _with_constant(features: Floats) -> Floats:
    return np.column_stack([np.ones(len(features)), features])


def _fit(features: Floats, labels: Floats, penalty: float = 5.0) -> Floats:
    """Ridge logistic regression by Newton's method; the constant is not penalised."""
    design = _with_constant(features)
    ridge = penalty * np.eye(design.shape[1])
    ridge[0, 0] = 1e-6
    weights = np.zeros(design.shape[1])
    for _ in range(30):
        chances = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (chances - labels) + ridge @ weights
        curvature = (design.T * (chances * (1 - chances))) @ design + ridge
        weights -= np.linalg.solve(curvature, gradient)
    return weights
