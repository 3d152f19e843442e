import doctest

import numpy as np
import pytest

from metrics import sharpness
from metrics.sharpness import bits_per_byte, mean_perplexity, perplexity, pool_sharpness, same_choice_matrix


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(sharpness).failed == 0


def distributions(generator, positions, vocabulary):
    return generator.dirichlet(np.full(vocabulary, 0.2), positions)


def test_pooling_sums_equals_the_mean_over_all_positions():
    generator = np.random.default_rng(1)
    lengths = [31, 31, 200]
    passages = [distributions(generator, length, 12) for length in lengths]
    tokens = [generator.integers(0, 12, length) for length in lengths]
    losses = [-np.log(p[np.arange(len(p)), t]) for p, t in zip(passages, tokens, strict=True)]
    entropies = [-(p * np.log(np.maximum(p, 1e-300))).sum(axis=1) for p in passages]
    ranked = [-np.sort(-p, axis=1) for p in passages]
    found = pool_sharpness(
        [loss.sum() for loss in losses],
        [entropy.sum() for entropy in entropies],
        {k: [p[:, :k].sum() for p in ranked] for k in (1, 3, 12)},
        lengths,
    )
    assert found.perplexity == pytest.approx(np.exp(np.concatenate(losses).mean()))
    assert found.entropy == pytest.approx(np.concatenate(entropies).mean())
    assert found.masses[1] == pytest.approx(np.concatenate(ranked)[:, 0].mean())
    assert found.masses[3] == pytest.approx(np.concatenate(ranked)[:, :3].sum(axis=1).mean())
    assert found.masses[12] == 1.0
    assert found.positions == 262


def test_certainty_has_a_perplexity_of_one_and_a_uniform_guess_that_of_the_vocabulary():
    assert perplexity([0.0], [5]) == 1.0
    assert perplexity([3 * np.log(50)], [3]) == pytest.approx(50)


def test_a_mean_of_perplexities_weighs_texts_and_a_pooled_one_tokens():
    # 9 tokens at ln 2 and one at 4 ln 2: 2 ** (13 / 10) pooled, (2 + 16) / 2 as a mean
    sums, predicted = [9 * np.log(2), 4 * np.log(2)], [9, 1]
    assert perplexity(sums, predicted) == pytest.approx(2**1.3)
    assert mean_perplexity(sums, predicted) == pytest.approx(9)
    with pytest.raises(ValueError, match="no perplexity of its own"):
        mean_perplexity([1.0, 0.0], [1, 0])


def test_bits_per_byte_is_of_bytes_not_tokens():
    # 13 bits over 40 bytes
    assert bits_per_byte([9 * np.log(2), 4 * np.log(2)], [30, 10]) == pytest.approx(13 / 40)


@pytest.mark.parametrize(
    ("sums", "predicted", "message"),
    [
        ([], [], "Nothing was predicted"),
        ([0.0], [0], "Nothing was predicted"),
        ([1.0, 2.0], [1], "one sum"),
        ([[1.0]], [[1]], "one sum"),
        ([float("nan")], [1], "finite"),
        ([float("inf")], [1], "finite"),
        ([-1.0], [1], "not negative"),
        ([1.0], [-1], "not negative"),
    ],
)
def test_what_cannot_be_pooled_is_an_error(sums, predicted, message):
    with pytest.raises(ValueError, match=message):
        perplexity(sums, predicted)


def test_more_mass_than_there_is_is_an_error():
    with pytest.raises(ValueError, match="at most 1"):
        pool_sharpness([1.0], [1.0], {1: [2.5]}, [2])


def test_models_choose_alike_at_a_share_of_the_positions():
    # the first two agree at 2 of 4, the third made no choice at the first position: 3 are left
    matrix = same_choice_matrix([[1, 2, 3, 4], [1, 2, 5, 6], [-1, 2, 3, 6]])
    assert matrix.tolist() == [[1.0, 0.5, 2 / 3], [0.5, 1.0, 2 / 3], [2 / 3, 2 / 3, 1.0]]


def test_models_that_share_no_position_do_not_compare():
    matrix = same_choice_matrix([[1, -1], [-1, 1]])
    assert np.isnan(matrix[0, 1])
    assert matrix[0, 0] == 1.0
    assert same_choice_matrix([]).shape == (0, 0)
    assert np.isnan(same_choice_matrix([[], []])).all()


def test_choices_of_other_texts_or_no_token_ids_are_errors():
    with pytest.raises(ValueError, match="each position"):
        same_choice_matrix([[1, 2], [1]])
    with pytest.raises(ValueError, match="each position"):
        same_choice_matrix([[[1]]])
    with pytest.raises(ValueError, match="whole numbers"):
        same_choice_matrix([[1.0], [float("nan")]])
