"""Telling texts apart by their form: on texts whose answer is known, and against a bootstrap."""

import numpy as np
import pytest

from metrics.form import area, display_features, told_apart, writing_features


def test_area_by_hand() -> None:
    # of the four pairs (0.35 or 0.8 against 0.1 or 0.4), three have the candidate above
    found = area(np.array([0.35, 0.8]), np.array([0.1, 0.4]))
    assert (found.auc, found.pairs) == (0.75, 2)


def test_a_tie_counts_half() -> None:
    assert area(np.array([1.0, 1.0]), np.array([1.0, 0.0])).auc == 0.75


def test_the_interval_is_that_of_drawing_pairs_anew() -> None:
    draw = np.random.default_rng(7)
    ease = draw.normal(size=400)  # what the two texts of a pair share
    candidates, originals = ease + draw.normal(0.8, 1, 400), ease + draw.normal(0, 1, 400)
    found = area(candidates, originals)
    drawn = [area(candidates[at], originals[at]).auc for at in draw.integers(0, 400, (2_000, 400))]
    assert [found.low, found.high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.004)


@pytest.mark.parametrize(
    ("features", "mark"), [(display_features, "The *end*"), (writing_features, "The end; and more, and more; so.")]
)
def test_a_mark_that_only_one_side_makes_is_found(features, mark) -> None:  # type: ignore[no-untyped-def]
    found = told_apart([(mark, "The end.")] * 20, features)
    assert (found.auc, found.low, found.high, found.pairs) == (1.0, 1.0, 1.0, 20)


def test_equal_texts_cannot_be_told() -> None:
    assert told_apart([("The end.", "The end.")] * 25, display_features).auc == 0.5


def test_a_pair_is_told_without_having_been_seen() -> None:
    # Every text ends in its own way by chance: what a fold learns says nothing of another.
    draw = np.random.default_rng(3)
    pairs = [("A" + "!" * int(one), "A" + "!" * int(other)) for one, other in draw.integers(1, 9, (200, 2))]
    found = told_apart(pairs, writing_features)
    assert found.low < 0.5 < found.high


def test_too_few_pairs_and_empty_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 20 pairs"):
        told_apart([("a", "b")] * 19, display_features)
    with pytest.raises(ValueError, match="no form"):
        told_apart([("a", "b")] * 20 + [("a", "")], display_features)
