import doctest

import pytest

from metrics import preference
from metrics.preference import Verdicts, mean_over_datasets


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(preference).failed == 0


@pytest.mark.parametrize(
    ("verdicts", "ratio", "parity", "half"),
    [
        (Verdicts(3, 0, 1), 0.75, 0.5, 0.75),  # no ties: parity 50 %, all three as usual
        (Verdicts(0, 4, 0), 1.0, 1.0, 0.5),  # all ties: ratio 100 % is parity, not a win
        (Verdicts(1, 2, 1), 0.75, 0.75, 0.5),  # even: the ratio lies on its parity line
        (Verdicts(0, 0, 5), 0.0, 0.5, 0.0),
    ],
)
def test_ratio_parity_and_ties_as_half(verdicts, ratio, parity, half):
    assert (verdicts.preference_ratio, verdicts.parity_line, verdicts.ties_as_half) == (ratio, parity, half)


def test_no_annotations_have_no_ratio():
    none = Verdicts()
    assert (none.n, none.preference_ratio, none.parity_line, none.ties_as_half) == (0, None, None, None)


def test_verdicts_add_up():
    assert Verdicts(1, 2, 3) + Verdicts(4, 0, 1) == Verdicts(5, 2, 4)


def test_a_negative_count_is_an_error():
    with pytest.raises(ValueError, match="negative"):
        Verdicts(candidate=-1)


def test_the_mean_over_datasets_does_not_weigh_by_annotations():
    # 300 annotations at 1/3 and 3 at 1: the mean is 2/3, not 103/303
    assert mean_over_datasets([1 / 3, 1.0]) == pytest.approx(2 / 3)


def test_the_mean_waits_for_every_dataset():
    assert mean_over_datasets([0.4, None]) is None
    assert mean_over_datasets([]) is None
