import doctest

import numpy as np
import pytest

from metrics import ttr
from metrics.ttr import (
    FIRST_96,
    SCENARIO_WINDOWS,
    WINDOWS,
    Window,
    sliding_ttr,
    sliding_ttr_of_rows,
    type_token_ratio,
    windowed_ttr,
)


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(ttr).failed == 0


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([7], 1.0),  # 1 of 1
        ([7, 7, 7, 7], 0.25),  # 1 distinct of 4
        ([1, 2, 1, 2], 0.5),  # 2 of 4
        (list(range(96)), 1.0),  # all distinct
    ],
)
def test_the_ratio_is_distinct_tokens_over_all_tokens(tokens, expected):
    assert type_token_ratio(tokens) == expected


def test_the_ratio_of_no_tokens_is_an_error():
    with pytest.raises(ValueError, match="undefined"):
        type_token_ratio([])


def test_the_windows_are_the_papers():
    # 128 shown tokens are 32 of context and 96 generated; 256 are 32 and 224, whose last 96 are tokens 129-224
    assert (FIRST_96.start, FIRST_96.stop) == (0, 96)
    assert (SCENARIO_WINDOWS[128].start, SCENARIO_WINDOWS[128].stop) == (0, 96)
    assert (SCENARIO_WINDOWS[256].start, SCENARIO_WINDOWS[256].stop) == (128, 224)
    assert str(SCENARIO_WINDOWS[256]) == "last 96 at 256: generated tokens 129-224"
    assert all(window.stop - window.start == 96 for window in WINDOWS)


def test_a_window_looks_at_its_own_tokens_only():
    tokens = [0] * 128 + list(range(96))
    assert windowed_ttr(tokens, SCENARIO_WINDOWS[128]) == 1 / 96
    assert windowed_ttr(tokens, SCENARIO_WINDOWS[256]) == 1.0


def test_a_text_that_ends_before_the_window_is_an_error():
    with pytest.raises(ValueError, match="223 tokens are too few for the window last 96 at 256"):
        windowed_ttr(list(range(223)), SCENARIO_WINDOWS[256])


def naive_sliding(tokens, length):
    return [len(set(tokens[at : at + length])) / length for at in range(len(tokens) - length + 1)]


@pytest.mark.parametrize("vocabulary", [1, 2, 5, 1000])
@pytest.mark.parametrize("length", [1, 2, 7, 96])
def test_the_sliding_ratio_equals_a_set_per_window(vocabulary, length):
    generator = np.random.default_rng(vocabulary * 100 + length)
    for n in (length, length + 1, 224):
        tokens = generator.integers(0, vocabulary, n).tolist()
        np.testing.assert_allclose(sliding_ttr(tokens, length), naive_sliding(tokens, length), rtol=1e-15)


def test_rows_are_independent_of_each_other():
    generator = np.random.default_rng(5)
    rows = generator.integers(0, 30, (20, 60))
    expected = [naive_sliding(row.tolist(), 9) for row in rows]
    np.testing.assert_allclose(sliding_ttr_of_rows(rows, 9), expected, rtol=1e-15)


def test_a_text_shorter_than_the_window_has_no_sliding_ratio():
    assert sliding_ttr([1, 2, 3], 4).shape == (0,)
    assert sliding_ttr([], 4).shape == (0,)
    assert sliding_ttr_of_rows(np.empty((0, 10), dtype=int), 4).shape == (0, 7)


def test_an_empty_window_is_an_error():
    with pytest.raises(ValueError, match="at least one token"):
        sliding_ttr([1, 2], 0)
    with pytest.raises(ValueError, match="at least one token"):
        sliding_ttr_of_rows(np.ones((1, 4), dtype=int), 0)
    with pytest.raises(ValueError, match="shape"):
        sliding_ttr_of_rows(np.arange(4), 2)


def test_the_first_sliding_value_is_the_first_window():
    tokens = np.random.default_rng(0).integers(0, 50, 224).tolist()
    assert sliding_ttr(tokens)[0] == windowed_ttr(tokens, Window("first 96", 0, 96))
    assert sliding_ttr(tokens)[-1] == windowed_ttr(tokens, SCENARIO_WINDOWS[256])
