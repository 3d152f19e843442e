import numpy as np
import pytest

from metrics import match_counts
from metrics.bleu import sentence_bleu
from metrics.self_bleu import self_bleu
from tests.metrics.test_bleu import oracle


def naive(texts, score=sentence_bleu):
    return [
        max(score(text, other) for at, other in enumerate(texts) if at != index) for index, text in enumerate(texts)
    ]


def random_texts(generator, count, vocabulary, longest):
    return [generator.integers(0, vocabulary, generator.integers(1, longest)).tolist() for _ in range(count)]


@pytest.mark.parametrize("vocabulary", [1, 2, 3, 20, 1000])
def test_it_equals_the_definition_on_random_texts(kernels, vocabulary):
    texts = random_texts(np.random.default_rng(vocabulary), 25, vocabulary, 30)
    found = self_bleu(texts)
    np.testing.assert_allclose(found.scores, naive(texts), rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.scores, naive(texts, oracle), rtol=0, atol=1e-12)
    reached = [sentence_bleu(text, texts[nearest]) for text, nearest in zip(texts, found.nearest, strict=True)]
    np.testing.assert_allclose(found.scores, reached, rtol=0, atol=1e-15)
    assert (found.nearest != np.arange(25)).all()


def looping(start):
    return [start, start + 1, start] * 32


@pytest.mark.parametrize(
    "texts",
    [
        [[1] * 96, [1] * 95, [1] * 97, [1]],  # loops of one token, and of different lengths
        [looping(0), looping(0), looping(1), looping(5)],
        [list(range(96)), list(range(96)), list(range(96, 192))],  # twice the same: left out by index, not by value
        [[1, 2, 3], [4, 5, 6], [7, 8, 9]],  # nothing shared
        [[1], [1], [2]],
        [[0, 2**31 - 1] * 5, [2**31 - 1, 0] * 5],  # the ends of what a token id can be
    ],
)
def test_it_equals_the_definition_on_adversarial_texts(kernels, texts):
    np.testing.assert_allclose(self_bleu(texts).scores, naive(texts), rtol=0, atol=1e-15)


def test_table_2_shows_the_mean_and_the_maximum_of_the_highest_scores():
    texts = [[1, 2, 3, 4], [1, 2, 3, 4], [5, 6, 7, 8]]
    found = self_bleu(texts)
    assert found.scores.tolist() == [1.0, 1.0, 0.0]
    assert (found.mean, found.max) == (pytest.approx(2 / 3), 1.0)


def test_many_texts_equal_the_definition_where_it_is_looked_up():
    generator = np.random.default_rng(4)
    texts = generator.zipf(1.3, (400, 96)) % 5000
    found = self_bleu(texts)
    for index in range(0, 400, 40):
        text = texts[index].tolist()
        expected = max(sentence_bleu(text, other.tolist()) for at, other in enumerate(texts) if at != index)
        assert found.scores[index] == pytest.approx(expected, abs=1e-15)


def test_one_text_has_nothing_to_resemble():
    for texts in ([], [[1, 2, 3, 4]]):
        with pytest.raises(ValueError, match="at least two"):
            self_bleu(texts)


def test_an_empty_text_is_named(monkeypatch):
    with pytest.raises(ValueError, match="text 1 has no tokens"):
        self_bleu([[1, 2], [], [3]])
    monkeypatch.setattr(match_counts, "LONGEST", 2)
    with pytest.raises(ValueError, match="3 tokens is too long"):
        self_bleu([[1, 2, 3], [1]])
