"""Bootstrap of preference ratios: passages, or passages crossed with annotators, drawn again within each dataset.

A passage is drawn with all systems on it, so that differences between systems keep what they share. The statistic is
always the unweighted mean over datasets (Table 1).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metrics.judgements import Judgements, PassageCounts, count_by_passage

RESAMPLES = 10_000


def resample_passages(counts: PassageCounts, *, seed: int, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Ratio of each system in each resample, shape (resamples, systems); NaN where a dataset was drawn without
    annotations.

    Passages with equal counts are one type, and one multinomial over the types has the law of drawing passages one by
    one.
    """
    generator = np.random.default_rng(seed)
    systems = counts.preferred.shape[1]
    ratios = np.zeros((resamples, systems))
    for dataset in range(counts.datasets):
        rows = np.hstack([counts.preferred, counts.annotations])[counts.dataset == dataset]
        types, frequency = np.unique(rows, axis=0, return_counts=True)
        drawn = generator.multinomial(len(rows), frequency / len(rows), size=resamples) @ types
        ratios += _ratio(drawn[:, :systems], drawn[:, systems:])
    return ratios / counts.datasets


def resample_passages_and_annotators(
    judgements: Judgements, *, seed: int, resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """Ratio of the system in each resample of passages crossed with annotators, shape (resamples,) (Owen's pigeonhole).

    An annotation weighs how often its passage was drawn times how often its annotator was. NaN where a dataset was
    drawn without annotations.
    """
    generator = np.random.default_rng(seed)
    names, annotator = np.unique(judgements.annotator, return_inverse=True)
    weight_of_annotator = _draws(generator, len(names), resamples)
    datasets, dataset = np.unique(judgements.dataset, return_inverse=True)
    ratios = np.zeros(resamples)
    for number in range(len(datasets)):
        inside = dataset == number
        passages, passage = np.unique(judgements.passage[inside], return_inverse=True)
        weight_of_passage = _draws(generator, len(passages), resamples)
        sums = []
        for weights in (judgements.preferred[inside].astype(np.float64), np.ones(int(inside.sum()))):
            table = np.zeros((len(passages), len(names)))
            np.add.at(table, (passage, annotator[inside]), weights)
            sums.append(((weight_of_passage @ table) * weight_of_annotator).sum(axis=1))
        ratios += _ratio(sums[0], sums[1])
    return ratios / len(datasets)


def leave_one_annotator_out(judgements: Judgements) -> NDArray[np.float64]:
    """Ratio without each annotator in turn, shape (annotators,); NaN where a dataset is then without annotations."""
    names, annotator = np.unique(judgements.annotator, return_inverse=True)
    datasets, dataset = np.unique(judgements.dataset, return_inverse=True)
    shape = (len(datasets), len(names))
    cell = dataset * len(names) + annotator
    preferred = np.bincount(cell, weights=judgements.preferred, minlength=shape[0] * shape[1]).reshape(shape)
    annotations = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    left = annotations.sum(axis=1, keepdims=True) - annotations
    without = _ratio(preferred.sum(axis=1, keepdims=True) - preferred, left.astype(np.float64))
    return np.asarray(without.mean(axis=0), dtype=np.float64)


def observed_ratios(systems: Sequence[Judgements]) -> NDArray[np.float64]:
    """The ratio of each system itself, shape (systems,); NaN for a system that lacks a dataset that another one has."""
    counts = count_by_passage(systems)
    ratios = np.zeros(len(systems))
    for dataset in range(counts.datasets):
        inside = counts.dataset == dataset
        ratios += _ratio(counts.preferred[inside].sum(axis=0), counts.annotations[inside].sum(axis=0))
    return ratios / counts.datasets


def _draws(generator: np.random.Generator, size: int, resamples: int) -> NDArray[np.float64]:
    """How often each of `size` units is drawn in each resample, shape (resamples, size)."""
    drawn = generator.integers(0, size, (resamples, size)) + np.arange(resamples)[:, None] * size
    times: NDArray[np.float64] = np.bincount(drawn.ravel(), minlength=resamples * size).astype(np.float64)
    return times.reshape(resamples, size)


def _ratio(preferred: NDArray[np.float64], annotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Preferred over all, NaN where there are none."""
    nothing = np.full(np.shape(preferred), np.nan)
    ratio: NDArray[np.float64] = np.divide(preferred, annotations, out=nothing, where=annotations > 0)
    return ratio
