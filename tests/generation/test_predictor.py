"""Predictions of whole batches equal those of one position at a time, computed the plain way."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from generation.engines.base import CheckpointError, OutOfMemoryError
from generation.predictor import Predicted, Predictor
from tests.tiny_model import VOCABULARY

# Of different lengths, so that padding has something to spoil; the longest spans more than one chunk of positions.
ROWS = [[(7 * step + row) % VOCABULARY for step in range(length)] for row, length in enumerate((150, 12, 2))]


@pytest.fixture(scope="module")
def predictor(tiny_checkpoint: Path) -> Predictor:
    return Predictor(tiny_checkpoint)


def naive(checkpoint: Path, row: list[int]) -> Predicted:
    """Reads the row up to each position anew, and works in float64 on its last distribution."""
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    log_probs, entropies, top_ids, top_probs = [], [], [], []
    for position in range(1, len(row)):
        with torch.inference_mode():
            logits = model(torch.tensor([row[:position]])).logits[0, -1].double().numpy()
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        ranking = np.argsort(-probabilities)[:5]
        log_probs.append(np.log(probabilities[row[position]]))
        entropies.append(-(probabilities * np.log(probabilities)).sum())
        top_ids.append(ranking)
        top_probs.append(probabilities[ranking])
    return Predicted(np.array(log_probs), np.array(entropies), np.array(top_ids), np.array(top_probs))


def assert_same(found: Predicted, expected: Predicted) -> None:
    np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=2e-5)
    np.testing.assert_allclose(found.entropies, expected.entropies, atol=2e-5)
    np.testing.assert_allclose(found.top_probs, expected.top_probs, atol=2e-6)
    np.testing.assert_array_equal(found.top_ids[:, 0], expected.top_ids[:, 0])


def test_a_batch_equals_one_position_at_a_time(predictor: Predictor, tiny_checkpoint: Path) -> None:
    found = predictor.predict(ROWS)

    for one, row in zip(found, ROWS, strict=True):
        assert one.log_probs.shape == (len(row) - 1,)
        assert_same(one, naive(tiny_checkpoint, row))


def test_the_likeliest_come_first_and_are_no_more_than_all(predictor: Predictor) -> None:
    one = predictor.predict(ROWS[:1])[0]

    assert (np.diff(one.top_probs, axis=1) <= 0).all()
    assert (one.top_probs.sum(axis=1) <= 1 + 1e-6).all()
    assert ((one.entropies > 0) & (one.entropies <= np.log(VOCABULARY) + 1e-6)).all()


def test_a_small_budget_reads_one_row_at_a_time_and_changes_nothing(
    predictor: Predictor, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frugal = Predictor(tiny_checkpoint, logits_budget=1)
    sizes = spy_on_rows(frugal, monkeypatch)

    found = frugal.predict(ROWS)

    assert sizes == [1, 1, 1]
    for one, expected in zip(found, predictor.predict(ROWS), strict=True):
        assert_same(one, expected)


def test_out_of_memory_halves_the_batch_and_goes_on(
    predictor: Predictor, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [ROWS[0]] * 4
    row_bytes = len(ROWS[0]) * VOCABULARY * 4
    small = Predictor(tiny_checkpoint, logits_budget=4 * row_bytes)
    sizes = spy_on_rows(small, monkeypatch, most=2)

    found = small.predict(rows)

    assert sizes == [4, 2, 2]
    assert_same(found[3], predictor.predict(ROWS[:1])[0])


def test_one_row_that_does_not_fit_is_a_reason(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crowded = Predictor(tiny_checkpoint)
    spy_on_rows(crowded, monkeypatch, most=0)

    with pytest.raises(OutOfMemoryError, match="Free memory on the worker's machine"):
        crowded.predict(ROWS)


def test_a_checkpoint_that_predicts_no_numbers_is_a_reason(tiny_checkpoint: Path) -> None:
    broken = Predictor(tiny_checkpoint)
    with torch.no_grad():
        broken.model.get_output_embeddings().weight[3, 0] = torch.nan

    with pytest.raises(CheckpointError, match="predicts no numbers"):
        broken.predict(ROWS)


def test_the_record_says_what_the_numbers_were_computed_in(predictor: Predictor) -> None:
    assert predictor.precision == "float32 on cpu"


def spy_on_rows(predictor: Predictor, monkeypatch: pytest.MonkeyPatch, *, most: int = 99) -> list[int]:
    """Notes how many rows each batch has; the device has room for `most`."""
    sizes: list[int] = []
    forward = predictor.model.forward

    def limited(input_ids: torch.Tensor, **rest: object) -> object:
        sizes.append(len(input_ids))
        if len(input_ids) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(input_ids, **rest)

    monkeypatch.setattr(predictor.model, "forward", limited)
    return sizes
