import numpy as np
import pytest

from metrics import dataset_bleu as module
from metrics.bleu import sentence_bleu
from metrics.dataset_bleu import dataset_bleu
from tests.metrics.test_bleu import oracle
from tests.metrics.test_self_bleu import random_texts


def windows_of(samples, window):
    return [
        sample[start : start + window]
        for sample in samples
        if sample
        for start in range(max(1, len(sample) - window + 1))
    ]


@pytest.mark.parametrize("vocabulary", [1, 2, 3, 30])
@pytest.mark.parametrize("window", [1, 2, 5, 12])
def test_it_equals_the_definition_on_random_texts(kernels, vocabulary, window):
    generator = np.random.default_rng(vocabulary * 100 + window)
    texts = random_texts(generator, 8, vocabulary, 20)
    samples = [*random_texts(generator, 8, vocabulary, 25), []]
    found = dataset_bleu(texts, samples, window=window)
    windows = windows_of(samples, window)
    expected = [max(oracle(text, reference) for reference in windows) for text in texts]
    np.testing.assert_allclose(found.scores, expected, rtol=0, atol=1e-12)
    for text, score, sample, start in zip(texts, found.scores, found.sample, found.start, strict=True):
        reached = samples[sample][start : start + window]
        assert len(reached) == min(window, len(samples[sample]))
        assert sentence_bleu(text, reached) == pytest.approx(score, abs=1e-15)


def test_blocks_of_samples_find_the_same(kernels, monkeypatch):
    generator = np.random.default_rng(3)
    texts, samples = random_texts(generator, 6, 8, 20), random_texts(generator, 20, 8, 30)
    whole = dataset_bleu(texts, samples, window=7)
    monkeypatch.setattr(module, "_BOUNDS", 12)  # two samples at a time
    parts = dataset_bleu(texts, samples, window=7)
    assert parts.scores.tolist() == whole.scores.tolist()


def test_a_recited_passage_is_found_where_it_stands():
    samples = np.random.default_rng(5).integers(0, 50_000, (20, 256))
    found = dataset_bleu([samples[7, 100:196], samples[7, 100:196][::-1]], samples)
    assert (found.scores[0], found.sample[0], found.start[0]) == (1.0, 7, 100)
    assert found.max == 1.0
    assert found.mean == pytest.approx((1 + found.scores[1]) / 2)


def test_no_window_crosses_samples():
    # the text stands in the samples only if they are read on: best is the first half, of 4 tokens in a row
    found = dataset_bleu([[1, 2, 3, 4, 5, 6, 7, 8]], [[1, 2, 3, 4], [5, 6, 7, 8]], window=8)
    assert found.scores[0] == pytest.approx(sentence_bleu([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4]))


def test_a_short_sample_is_one_window_and_a_short_text_pays_for_its_brevity():
    found = dataset_bleu([[1, 2, 3, 4]], [[1, 2, 3, 4]])
    assert found.scores[0] == 1.0
    found = dataset_bleu([[1, 2, 3, 4]], [list(range(200))])
    assert found.scores[0] == pytest.approx(np.exp(1 - 96 / 4))


def test_looping_texts_and_samples_equal_the_definition(kernels):
    texts, samples = [[1, 2] * 10, [1] * 20], [[1] * 50, [1, 2] * 25, [2, 1, 1] * 16]
    found = dataset_bleu(texts, samples, window=20)
    expected = [max(sentence_bleu(text, window) for window in windows_of(samples, 20)) for text in texts]
    np.testing.assert_allclose(found.scores, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("texts", "samples", "window", "message"),
    [
        ([], [[1]], 96, "at least one text"),
        ([[1]], [], 96, "one training sample"),
        ([[1]], [[]], 96, "one training sample"),
        ([[1], []], [[1]], 96, "text 1 has no tokens"),
        ([[1]], [[1]], 0, "window"),
    ],
)
def test_nothing_to_compare_is_an_error(texts, samples, window, message):
    with pytest.raises(ValueError, match=message):
        dataset_bleu(texts, samples, window=window)
