import numpy as np
import pytest
from scipy import stats

from metrics.intervals import new_annotators, these_annotators, wilson
from metrics.judgements import Judgements, count_by_passage
from metrics.resampling import (
    leave_one_annotator_out,
    observed_ratios,
    resample_passages,
    resample_passages_and_annotators,
)
from tests.metrics.simulation import People, judge, truth


def judgements(rows):
    """From rows of (dataset, passage, annotator, preferred)."""
    dataset, passage, annotator, preferred = zip(*rows, strict=True)
    return Judgements(np.array(dataset), np.array(passage), np.array(annotator), np.array(preferred, dtype=bool))


NOTHING = Judgements(np.empty(0), np.empty(0), np.empty(0), np.empty(0, dtype=bool))


def test_counts_are_kept_by_dataset_and_passage():
    # passage 1 of `wiki` and passage 1 of `news` are different passages
    one = judgements([("wiki", 1, "a", True), ("wiki", 1, "b", False), ("news", 1, "a", True)])
    other = judgements([("wiki", 1, "c", False), ("wiki", 2, "c", True)])
    counts = count_by_passage([one, other])
    assert counts.datasets == 2
    assert counts.dataset.tolist() == [0, 1, 1]  # news, wiki, wiki
    assert counts.preferred.tolist() == [[1, 0], [1, 0], [0, 1]]
    assert counts.annotations.tolist() == [[1, 0], [2, 1], [0, 1]]


def test_the_ratio_is_the_unweighted_mean_over_datasets():
    # wiki 1/2 of two, news 1/1 of one -> 3/4, not 2/3
    one = judgements([("wiki", 1, "a", True), ("wiki", 2, "b", False), ("news", 1, "a", True)])
    assert observed_ratios([one]).tolist() == [0.75]
    # a system without news has no such mean
    other = judgements([("wiki", 1, "a", True)])
    assert np.isnan(observed_ratios([one, other])[1])


def test_wilson_equals_scipy():
    for preferred, n in ((0, 10), (3, 10), (10, 10), (51, 900)):
        theirs = stats.binomtest(preferred, n).proportion_ci(method="wilson")
        assert wilson(preferred / n, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    with pytest.raises(ValueError, match="some trials"):
        wilson(0.5, 0)
    with pytest.raises(ValueError, match="share"):
        wilson(float("nan"), 3)


def test_single_annotations_of_one_dataset_give_the_plain_t_interval():
    generator = np.random.default_rng(3)
    preferred = generator.random(200) < 0.4
    interval = these_annotators(Judgements(np.zeros(200), np.arange(200), np.zeros(200), preferred))
    # one annotation per passage: the cluster variance is the sample variance of the verdicts
    reach = stats.t.ppf(0.975, 199) * preferred.std(ddof=1) / 200**0.5
    assert interval.method == "cluster t"
    assert (interval.low, interval.high) == pytest.approx((preferred.mean() - reach, preferred.mean() + reach))
    assert (interval.comparisons, interval.annotators, interval.caveat) == (200, 1, None)


def test_annotations_that_repeat_each_other_add_no_certainty():
    generator = np.random.default_rng(4)
    preferred = generator.random(120) < 0.5
    once = Judgements(np.zeros(120), np.arange(120), np.zeros(120), preferred)
    thrice = Judgements(np.zeros(360), np.repeat(np.arange(120), 3), np.tile([0, 1, 2], 120), preferred.repeat(3))
    narrow, wide = these_annotators(thrice), these_annotators(once)
    assert (narrow.low, narrow.high) == pytest.approx((wide.low, wide.high))


def test_the_cluster_error_is_that_of_resampling_passages():
    generator = np.random.default_rng(5)
    people = People.hire(12, generator)
    sample = judge(people, 0.0, 300, generator)
    interval = these_annotators(sample)
    ratios = resample_passages(count_by_passage([sample]), seed=1, resamples=4000)[:, 0]
    reach = (interval.high - interval.low) / 2 / stats.t.ppf(0.975, 297)
    assert ratios.std() == pytest.approx(reach, rel=0.04)
    assert ratios.mean() == pytest.approx(interval.estimate, abs=0.003)


def test_resampling_types_has_the_law_of_resampling_passages():
    generator = np.random.default_rng(6)
    sample = judge(People.hire(5, generator), -1.0, 60, generator)
    counts = count_by_passage([sample])
    by_type = resample_passages(counts, seed=2, resamples=4000)[:, 0]
    naive = []
    for _ in range(4000):
        ratios = []
        for dataset in range(3):
            rows = np.flatnonzero(counts.dataset == dataset)
            drawn = generator.choice(rows, len(rows))
            ratios.append(counts.preferred[drawn].sum() / counts.annotations[drawn].sum())
        naive.append(np.mean(ratios))
    assert stats.ks_2samp(by_type, naive).pvalue > 0.001


def test_crossed_resampling_weighs_by_passage_and_annotator():
    generator = np.random.default_rng(7)
    sample = judge(People.hire(30, generator), 0.0, 45, generator)
    fast = resample_passages_and_annotators(sample, seed=3, resamples=3000)
    naive = []
    for _ in range(3000):
        people = np.bincount(generator.integers(0, 30, 30), minlength=30)
        _, codes = np.unique(sample.annotator, return_inverse=True)
        ratios = []
        for dataset in range(3):
            inside = sample.dataset == dataset
            passages = np.bincount(generator.integers(0, 15, 15), minlength=15)
            weight = passages[sample.passage[inside] // 3] * people[codes[inside]]
            ratios.append((weight * sample.preferred[inside]).sum() / weight.sum())
        naive.append(np.mean(ratios))
    assert stats.ks_2samp(fast, naive).pvalue > 0.001


def test_resampling_repeats_with_its_seed():
    sample = judge(People.hire(5, np.random.default_rng(0)), 0.0, 30, np.random.default_rng(1))
    counts = count_by_passage([sample])
    first, second = (resample_passages(counts, seed=9, resamples=50) for _ in range(2))
    assert (first == second).all()
    assert new_annotators(sample, seed=9, resamples=50) == new_annotators(sample, seed=9, resamples=50)


def test_few_annotators_give_the_range_without_each_in_turn():
    rows = [("wiki", 1, "a", True), ("wiki", 1, "b", True), ("wiki", 2, "b", False), ("wiki", 2, "c", False)]
    sample = judgements(rows)
    # without a: 1 of 3; without b: 1 of 2; without c: 2 of 3
    assert leave_one_annotator_out(sample).tolist() == pytest.approx([1 / 3, 1 / 2, 2 / 3])
    interval = new_annotators(sample, seed=1)
    assert (interval.low, interval.estimate, interval.high) == pytest.approx((1 / 3, 1 / 2, 2 / 3))
    assert "not a confidence interval" in interval.caveat


def test_many_annotators_give_a_crossed_interval_wider_than_for_these():
    generator = np.random.default_rng(8)
    sample = judge(People.hire(40, generator), 0.0, 300, generator)
    new, these = new_annotators(sample, seed=1, resamples=1000), these_annotators(sample)
    assert new.method == "crossed bootstrap, 1000 resamples, seed 1"
    assert new.caveat == "on the safe side: it covers 98-99 % instead of 95 in simulation"
    assert new.estimate == pytest.approx(these.estimate)
    assert new.low < these.low < these.high < new.high


def test_without_annotations_there_is_no_interval():
    assert these_annotators(NOTHING) is None
    assert new_annotators(NOTHING, seed=1) is None
    with pytest.raises(ValueError, match="no annotations"):
        count_by_passage([NOTHING])


def test_one_annotator_says_nothing_about_others():
    assert new_annotators(judgements([("wiki", 1, "a", True), ("wiki", 2, "a", False)]), seed=1) is None


def test_annotators_with_a_dataset_each_say_nothing_about_others():
    # without either there is a dataset without annotations, and so no ratio
    assert new_annotators(judgements([("wiki", 1, "a", True), ("news", 2, "b", False)]), seed=1) is None


def test_one_annotation_is_drawn_honestly():
    interval = these_annotators(judgements([("wiki", 1, "a", True)]))
    # one trial, one success: Wilson 20.7-100 %
    assert (interval.low, interval.high) == pytest.approx((0.2065, 1.0), abs=0.0005)
    assert interval.method == "Wilson with design effect"
    assert "94-99 %" in interval.caveat


def test_unanimous_annotations_count_once_for_each_passage():
    rows = [("wiki", passage, annotator, False) for passage in range(20) for annotator in "abc"]
    interval = these_annotators(judgements(rows))
    # 0 of 20 passages with 19 degrees of freedom, not 0 of 60 annotations
    squared = stats.t.ppf(0.975, 19) ** 2
    assert (interval.low, interval.high) == pytest.approx((0.0, squared / (20 + squared)))


@pytest.mark.parametrize("annotators", [5, 12, 40])
@pytest.mark.parametrize("base", [0.0, -3.0])
def test_these_annotators_covers_its_level_from_100_comparisons_on(annotators, base):
    generator = np.random.default_rng(annotators)
    people = People.hire(annotators, generator)
    true = truth(people, base, generator)
    hits = 0
    for _ in range(400):
        interval = these_annotators(judge(people, base, 100, generator))
        hits += interval.low <= true <= interval.high
    # 93-97 %, and three standard errors of 400 repetitions around it
    assert 0.93 - 0.035 <= hits / 400 <= 0.97 + 0.03


def test_malformed_judgements_are_errors():
    with pytest.raises(ValueError, match="one entry for each"):
        Judgements(np.zeros(2), np.zeros(2), np.zeros(3), np.zeros(2, dtype=bool))
    with pytest.raises(ValueError, match="true or false"):
        Judgements(np.zeros(1), np.zeros(1), np.zeros(1), np.array([np.nan]))
