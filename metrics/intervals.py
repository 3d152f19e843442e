"""Confidence intervals of a preference ratio, each by the name of the question that it answers.

*These annotators*: what would the same people say of other passages like these? Passages vary, people stay.
*New annotators*: what would other people like these say? Both vary, and with few people only a range can be given.
Both are of the unweighted mean over datasets (Table 1) and see annotations of one passage as dependent.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from metrics.judgements import Judgements, count_by_passage
from metrics.resampling import RESAMPLES, leave_one_annotator_out, observed_ratios, resample_passages_and_annotators

LEVEL = 0.95
# Below, a t interval covers too rarely: few comparisons, or a ratio near its end
WILSON_BELOW_COMPARISONS = 50
WILSON_OUTSIDE = (0.1, 0.9)
WELL_COVERED_FROM = 100
CROSSED_FROM_ANNOTATORS = 30

Population = Literal["these annotators", "new annotators"]


@dataclass(frozen=True)
class Interval:
    """A preference ratio in [0, 1] with its interval, and what the interval is about.

    `caveat` says in a sentence where the interval is known to hold more or less than its level; None where it holds it.
    """

    population: Population
    method: str
    estimate: float
    low: float
    high: float
    comparisons: int
    annotators: int
    caveat: str | None = None


def these_annotators(judgements: Judgements, level: float = LEVEL) -> Interval | None:
    """Interval over passages like these, judged by the same people; None without annotations.

    A t interval of the ratio of sums, clustered by passage and stratified by dataset; below 50 comparisons or outside
    10-90 %, Wilson's interval with the number of annotations divided by the design effect (never above that number).
    """
    if len(judgements) == 0:
        return None
    sample = _describe(judgements)
    tail = (1 + level) / 2
    low_end, high_end = WILSON_OUTSIDE
    few = sample.comparisons < WILSON_BELOW_COMPARISONS
    if few or not low_end <= sample.estimate <= high_end or sample.freedom is None:
        quantile = float(stats.t.ppf(tail, sample.freedom) if sample.freedom else stats.norm.ppf(tail))
        low, high = wilson(sample.estimate, sample.effective_annotations, quantile)
        method = "Wilson with design effect"
    else:
        reach = float(stats.t.ppf(tail, sample.freedom)) * sample.variance**0.5
        low, high = max(0.0, sample.estimate - reach), min(1.0, sample.estimate + reach)
        method = "cluster t"
    return Interval(
        "these annotators",
        method,
        sample.estimate,
        low,
        high,
        comparisons=sample.comparisons,
        annotators=len(np.unique(judgements.annotator)),
        caveat=_caveat(sample.comparisons),
    )


def new_annotators(
    judgements: Judgements, *, seed: int, level: float = LEVEL, resamples: int = RESAMPLES
) -> Interval | None:
    """Interval over other people and passages like these; None with fewer than two annotators.

    With 30 or more annotators: percentiles of resampling passages crossed with annotators, which counts the chance of a
    single annotation more than once: it is on the safe side, and says so. With fewer: the range of the ratios without
    each annotator in turn, which is no confidence interval and says so.
    """
    annotators = len(np.unique(judgements.annotator))
    if annotators < 2:
        return None
    crossed = annotators >= CROSSED_FROM_ANNOTATORS
    if crossed:
        ratios = resample_passages_and_annotators(judgements, seed=seed, resamples=resamples)
        method = f"crossed bootstrap, {resamples} resamples, seed {seed}"
        caveat = "on the safe side: it covers 98-99 % instead of 95 in simulation"
    else:
        ratios = leave_one_annotator_out(judgements)
        method = "range without each annotator in turn"
        caveat = f"a range, not a confidence interval: {annotators} annotators are too few to stand for others"
    defined = ratios[~np.isnan(ratios)]
    if len(defined) == 0:
        return None
    ends = [(1 - level) / 2, (1 + level) / 2] if crossed else [0.0, 1.0]
    low, high = (float(end) for end in np.quantile(defined, ends))
    return Interval(
        "new annotators",
        method,
        float(observed_ratios([judgements])[0]),
        low,
        high,
        comparisons=len(count_by_passage([judgements]).dataset),
        annotators=annotators,
        caveat=caveat,
    )


def wilson(share: float, n: float, quantile: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share in [0, 1] of `n` trials, which may be an effective number.

    Raises ValueError for a share outside [0, 1] or no trials.
    """
    if not 0 <= share <= 1 or not n > 0:
        raise ValueError("Wilson's interval needs a share between 0 and 1 and at least some trials.")
    squared = quantile**2 / n
    middle = (share + squared / 2) / (1 + squared)
    reach = quantile / (1 + squared) * (share * (1 - share) / n + squared / (4 * n)) ** 0.5
    # at the ends the bound is the end itself, but for rounding
    low = 0.0 if share == 0 else max(0.0, middle - reach)
    return low, 1.0 if share == 1 else min(1.0, middle + reach)


@dataclass(frozen=True)
class _Sample:
    """The ratio and what its clustered variance says; `freedom` is None where a dataset has a single comparison."""

    estimate: float
    variance: float
    freedom: float | None
    effective_annotations: float
    comparisons: int


def _describe(judgements: Judgements) -> _Sample:
    """Stratified ratio estimate with linearised variance, clustered by passage."""
    counts = count_by_passage([judgements])
    datasets = range(counts.datasets)
    preferred = [counts.preferred[counts.dataset == dataset, 0] for dataset in datasets]
    annotations = [counts.annotations[counts.dataset == dataset, 0] for dataset in datasets]
    estimate = float(np.mean([x.sum() / n.sum() for x, n in zip(preferred, annotations, strict=True)]))
    variances = [_cluster_variance(x, n) for x, n in zip(preferred, annotations, strict=True)]
    variance = sum(variances) / counts.datasets**2
    clusters = np.array([len(n) for n in annotations])
    freedom = None
    if clusters.min() > 1:
        # Satterthwaite, of the datasets' variances
        spread = sum(v**2 / (g - 1) for v, g in zip(variances, clusters, strict=True))
        freedom = sum(variances) ** 2 / spread if spread > 0 else float(clusters.sum() - counts.datasets)
    # where nothing varies, annotations of one passage may all say the same: a passage then counts once
    at_most = counts.datasets**2 / sum(1 / n.sum() for n in annotations)
    at_least = counts.datasets**2 / float((1 / clusters).sum())
    known = freedom is not None and variance > 0
    effective = min(at_most, estimate * (1 - estimate) / variance) if known else at_least
    return _Sample(estimate, variance, freedom, float(effective), int(clusters.sum()))


def _cluster_variance(preferred: NDArray[np.float64], annotations: NDArray[np.float64]) -> float:
    """Variance of the ratio of sums within one dataset; 0 for a single cluster, where it is unknown."""
    clusters = len(annotations)
    if clusters < 2:
        return 0.0
    total = annotations.sum()
    residuals = preferred - preferred.sum() / total * annotations
    return float(clusters / (clusters - 1) * (residuals @ residuals) / total**2)


def _caveat(comparisons: int) -> str | None:
    """What simulation says of small studies (annotators and passages as in the tests, 12 to 60 comparisons)."""
    if comparisons >= WELL_COVERED_FROM:
        return None
    return f"{comparisons} comparisons; below {WELL_COVERED_FROM} it covers 94-99 % instead of 95 in simulation"
