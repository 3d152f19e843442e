import doctest
from itertools import combinations

import krippendorff
import numpy as np
import pytest

from metrics import agreement
from metrics.agreement import fleiss_kappa, krippendorff_alpha, raw_agreement

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C: 4 observers, 12 units, 0 = missing
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]

# Fleiss (1971), table 1: 30 patients, 6 psychiatrists, 5 diagnoses
DIAGNOSES = [
    [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0], [2, 0, 4, 0, 0],
    [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6], [1, 0, 0, 5, 0], [1, 1, 0, 4, 0],
    [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1], [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0],
    [0, 2, 0, 4, 0], [1, 0, 2, 0, 3], [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0],
    [1, 0, 0, 4, 1], [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6],
]  # fmt: skip


def counts_of(observers, categories):
    return [[column.count(category) for category in categories] for column in zip(*observers, strict=True)]


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(agreement).failed == 0


def test_alpha_equals_the_published_example():
    counts = counts_of(OBSERVERS, range(1, 6))
    assert krippendorff_alpha(counts) == pytest.approx(0.743, abs=0.0005)
    assert krippendorff_alpha(counts, "ordinal") == pytest.approx(0.815, abs=0.0005)


def test_kappa_equals_the_published_example():
    assert fleiss_kappa(DIAGNOSES) == pytest.approx(0.430, abs=0.0005)
    assert raw_agreement(DIAGNOSES) == pytest.approx(0.556, abs=0.001)  # the paper's 0.5556 of P


def naive_alpha(counts, level):
    """From the definition: values and pairs written out one by one."""
    units = [[c for c, n in enumerate(row) for _ in range(int(n))] for row in counts]
    units = [unit for unit in units if len(unit) > 1]
    values = sorted(value for unit in units for value in unit)

    def squared(one, other):
        if one == other:
            return 0.0
        if level == "nominal":
            return 1.0
        low, high = min(one, other), max(one, other)
        between = sum(low <= value <= high for value in values)
        return (between - (values.count(low) + values.count(high)) / 2) ** 2

    observed = sum(sum(2 * squared(a, b) for a, b in combinations(unit, 2)) / (len(unit) - 1) for unit in units) / len(
        values
    )
    expected = sum(2 * squared(a, b) for a, b in combinations(values, 2)) / (len(values) * (len(values) - 1))
    return 1 - observed / expected


@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_alpha_equals_the_definition_and_the_library_on_random_counts(level):
    generator = np.random.default_rng(1)
    for _ in range(30):
        counts = generator.multinomial(3, generator.dirichlet(np.ones(3)), size=12)
        counts[generator.random(12) < 0.3] //= 2  # half-filled units, also of one and of no annotation
        alpha = krippendorff_alpha(counts, level)
        pairable = counts[counts.sum(axis=1) > 1]
        if np.count_nonzero(pairable.sum(axis=0)) < 2:
            assert alpha is None
            continue
        assert alpha == pytest.approx(naive_alpha(counts, level), abs=1e-12)
        theirs = krippendorff.alpha(value_counts=pairable, value_domain=[0, 1, 2], level_of_measurement=level)
        assert alpha == pytest.approx(theirs, abs=1e-12)


def test_raw_agreement_counts_pairs():
    # 3 of 3 pairs agree; 1 of 3; 0 of 3 -> mean 4/9. The unit with one annotation says nothing.
    assert raw_agreement([[3, 0, 0], [2, 1, 0], [1, 1, 1], [0, 1, 0]]) == pytest.approx(4 / 9)


def test_full_agreement_is_one():
    counts = [[3, 0, 0], [0, 0, 3], [0, 3, 0]]
    assert raw_agreement(counts) == 1.0
    assert fleiss_kappa(counts) == pytest.approx(1.0)
    assert krippendorff_alpha(counts, "ordinal") == 1.0


@pytest.mark.parametrize(
    "counts",
    [
        [],  # no comparisons
        [[1, 0, 0], [0, 0, 1]],  # one annotator
        [[0, 0, 0]],  # no annotations
        [[0, 3, 0], [0, 3, 0]],  # all ties: nothing that chance could disagree on
    ],
)
def test_alpha_is_none_where_the_data_do_not_determine_it(counts):
    assert krippendorff_alpha(counts) is None
    assert krippendorff_alpha(counts, "ordinal") is None


def test_kappa_of_all_ties_or_of_nothing_is_none():
    assert fleiss_kappa([[0, 3, 0], [0, 3, 0]]) is None
    assert fleiss_kappa([]) is None
    assert raw_agreement([[1, 0]]) is None


def test_kappa_refuses_unequal_numbers_of_annotations_and_single_ones():
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa([[3, 0], [1, 1]])
    with pytest.raises(ValueError, match="at least two"):
        fleiss_kappa([[1, 0], [0, 1]])


@pytest.mark.parametrize("bad", [[[1.5, 0]], [[-1, 3]], [[np.nan, 1]], [1, 2]])
def test_malformed_counts_are_errors(bad):
    for measure in (raw_agreement, fleiss_kappa, krippendorff_alpha):
        with pytest.raises(ValueError, match="Counts"):
            measure(bad)


def test_an_unknown_level_is_an_error():
    with pytest.raises(ValueError, match="nominal or ordinal"):
        krippendorff_alpha([[1, 1]], "interval")
